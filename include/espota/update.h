/** Update algorithms, written once above the device interface.
 *
 * smart write  ask for digests, find what differs, write only that, verify by digest. Skipping, resuming and
 *              verifying are this one primitive; no state is kept.
 * smart read   the same the other way
 * slots        the partition table and otadata of a device: what runs, what boots next, where an update goes
 * OTA          choose the slot, check the image, write, verify the whole image, only then switch otadata */
#ifndef ESPOTA_UPDATE_H
#define ESPOTA_UPDATE_H

#pragma GCC visibility push(default)

#include "espota/bootsel.h"
#include "espota/device.h"
#include "espota/image.h"
#include "espota/otadata.h"
#include "espota/table.h"

/* ---- what flash holds -----------------------------------------------------------------------------------
 */

/** Does flash at `offset` hold exactly these bytes? Sound also against bytes that somebody made to deceive: a
 * device with SHA-256 is asked for one digest. A mask ROM has MD5 alone, and a pair of files with the same
 * MD5 takes seconds to make; but its colliding blocks collide only behind one certain beginning and in one
 * alignment. So the digest is asked for from two random places within the first 1K to the end, and the bytes
 * before the later one are read back: who makes a pair has to foresee both (1 in 2^20, for each try of the
 * person who writes).
 * @return 0 with `*holds` set, or what the device returned. */
int espota_flash_holds(struct espota_device *device, uint32_t offset, const void *data, uint32_t length,
                       bool *holds, struct espota_error *error);

/* ---- smart write ----------------------------------------------------------------------------------------
 */

struct espota_smart_write {
    uint32_t total;   /* bytes asked for, in whole sectors */
    uint32_t written; /* bytes that were not there and are now, each counted once */
    uint32_t kept;    /* bytes that were there already */
    unsigned repeats; /* rounds after an error on the line */
};

/** Make flash at `offset` (a multiple of 4K) hold `data`; the rest of the last sector becomes FF. Errors of
 * the line are survived: what is missing is found and sent again. Nothing is taken for there already by MD5
 * alone (espota_flash_holds). The device's observer hears of `total` bytes in all, however often something is
 * sent.
 * @return 0; ESPOTA_ERR_VERIFY when flash does not take the data; or what the device returned. */
int espota_smart_write(struct espota_device *device, uint32_t offset, const void *data, size_t length,
                       struct espota_smart_write *result, struct espota_error *error);

/** The same into a range of `room` bytes that begins and ends anywhere (partitions of old tables do): what
 * lies in its first and last sector before and behind it stays. A power cut may cost those neighbours what
 * they have in these two sectors. */
int espota_smart_write_within(struct espota_device *device, uint32_t offset, const void *data, size_t length,
                              uint32_t room, struct espota_smart_write *result, struct espota_error *error);

/** Bytes of progress for `length` bytes of data: whole sectors. */
uint32_t espota_smart_write_total(size_t length);

/* ---- smart read -----------------------------------------------------------------------------------------
 */

struct espota_smart_read {
    uint32_t total;   /* bytes asked for */
    uint32_t done;    /* bytes from the start that are right, also after a failure */
    uint32_t read;    /* bytes that travelled, repeats included */
    unsigned repeats; /* rounds after an error on the line */
};

/** Make `data` hold what flash holds. Only what is neither in `data` already (an earlier, interrupted run)
 * nor blank travels, and a digest says that it is right. The device's observer hears of `length` bytes in
 * all.
 * @return 0; ESPOTA_ERR_VERIFY when the digest never fits; or what the device returned. */
int espota_smart_read(struct espota_device *device, uint32_t offset, void *data, uint32_t length,
                      struct espota_smart_read *result, struct espota_error *error);

/* ---- slots ----------------------------------------------------------------------------------------------
 */

struct espota_slots {
    struct espota_table table;
    struct espota_otadata otadata;
    const struct espota_partition *place; /* the otadata partition, in `table`; NULL: none that will do */
    const struct espota_partition
        *running; /* what the agent runs from, or else what otadata says; NULL: nothing */
    const struct espota_partition *boot; /* what otadata makes boot next; NULL: nothing */
};

/** Read table and otadata. `table_offset` 0: where the device says, or 0x8000. The slots point into
 * themselves: do not copy them. The table is judged as the bootloader does; of what else is wrong with it,
 * the device's observer hears as warnings. @return ESPOTA_ERR_VERIFY when there is no valid table there. */
int espota_slots_load(struct espota_slots *slots, struct espota_device *device, uint32_t table_offset,
                      struct espota_error *error);

/** What the bootloader would start now, given what `bootable` says of the images: with its fallback, and with
 * a trial that nobody confirmed at its end. @return NULL: nothing. */
const struct espota_partition *espota_slots_boots(const struct espota_slots *slots,
                                                  espota_bootable_fn *bootable, void *context);

/** The same with a look at the images on the device; `boot` says it from then on. */
int espota_slots_look(struct espota_slots *slots, struct espota_device *device, struct espota_error *error);

/** Warn the device's observer of each rule of ESP-IDF's generator that its table breaks. */
void espota_slots_warn(struct espota_device *device, const struct espota_table *table);

/** The partition that an update goes into, as ESP-IDF's esp_ota_get_next_update_partition chooses: the OTA
 * slot after the running one; from factory, ota_0. `factory`: the factory partition, never from itself.
 * @return NULL with the error filled in when there is none, or when it shares flash with something else. */
const struct espota_partition *espota_slots_next(const struct espota_slots *slots, bool factory,
                                                 struct espota_error *error);

/** Make `partition` boot next, in `state` (ESPOTA_OTA_UNDEFINED, or ESPOTA_OTA_NEW for a trial). The image in
 * it is checked first. otadata is written so that power may fail at any moment. */
int espota_slots_select(struct espota_slots *slots, struct espota_device *device,
                        const struct espota_partition *partition, uint32_t state, struct espota_error *error);

/** Confirm the running app; or declare it bad, so that another one boots next. */
int espota_slots_confirm(struct espota_slots *slots, struct espota_device *device,
                         struct espota_error *error);
int espota_slots_rollback(struct espota_slots *slots, struct espota_device *device,
                          struct espota_error *error);

/** Read the two records of otadata from its partition on the device. */
int espota_otadata_load(struct espota_otadata *otadata, struct espota_device *device,
                        const struct espota_partition *place, struct espota_error *error);

/** The sectors of otadata (8K, all of it) that make a fresh device start `slot`; slot ESPOTA_SLOT_FACTORY:
 * blank. */
void espota_otadata_fresh(int slot, uint8_t out[ESPOTA_OTADATA_SIZE]);

/* ---- images on a device ---------------------------------------------------------------------------------
 */

enum espota_slot_state {
    ESPOTA_SLOT_EMPTY,     /* no image */
    ESPOTA_SLOT_VALID,     /* an image whose SHA-256 is right */
    ESPOTA_SLOT_UNCHECKED, /* an image whose parts fit together; this device cannot check more */
    ESPOTA_SLOT_BROKEN,    /* an image that is damaged */
    ESPOTA_SLOT_FOREIGN,   /* an image for another chip */
    ESPOTA_SLOT_NO_APP,    /* an image that no bootloader starts, as it would load over itself */
};

/** What is in an app partition? Reads headers, and asks for a digest where the device has SHA-256. */
int espota_slot_examine(struct espota_device *device, const struct espota_partition *partition,
                        struct espota_image *image, enum espota_slot_state *state,
                        struct espota_error *error);

/** "empty", "valid", "unchecked", "broken", "other-chip", "no-app". Static storage. */
const char *espota_slot_state_name(enum espota_slot_state state);

/* ---- OTA ------------------------------------------------------------------------------------------------
 */

struct espota_ota_request {
    const char *name;              /* of the image, for messages: URL or path */
    struct espota_payload payload; /* of a kind that the device takes; need not be identified */
    bool force_factory;
    bool trial;
    uint32_t table_offset; /* 0: as the device says */
};

struct espota_ota_result {
    struct espota_partition from, to; /* from.label is empty when nothing ran, both where the device chose */
    struct espota_smart_write write;
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
};

/** Check an image in memory before anything is written: it is one, for this chip, undamaged.
 * `image` may be NULL. @return ESPOTA_ERR_VERIFY. */
int espota_ota_check_image(const struct espota_device_info *info, const char *name, const uint8_t *data,
                           size_t length, struct espota_image *image, struct espota_error *error);

/** Was the image built for more flash than the device has? ESP-IDF takes the size from the bootloader's
 * header unless the app was built to override it (CONFIG_SPI_FLASH_SIZE_OVERRIDE), so that this is worth a
 * warning.
 * @return `text`, or NULL: it was not. */
#define ESPOTA_IMAGE_WARNING 400
const char *espota_ota_size_warning(const struct espota_device_info *info, const char *name,
                                    const struct espota_image *image, char text[ESPOTA_IMAGE_WARNING]);

/** The whole procedure, up to the switch of otadata. The device is not restarted. Where the device gives
 * access to its flash, the slot is chosen here and only what differs travels; a device that is an image sink
 * alone (ESPOTA_CAP_SINK) gets the whole image, and does the rest. */
int espota_ota_run(struct espota_device *device, const struct espota_ota_request *request,
                   struct espota_ota_result *result, struct espota_error *error);

#pragma GCC visibility pop

#endif
