/** The partition table and otadata of a device: what runs, what boots next, where an update goes. */
#ifndef ESPOTA_SLOTS_H
#define ESPOTA_SLOTS_H

#pragma GCC visibility push(default)

#include "espota/bootsel.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/otadata.h"
#include "espota/table.h"

#include <stdbool.h>
#include <stdint.h>

struct espota_slots {
    struct espota_table table;
    struct espota_otadata otadata;
    const struct espota_partition *otadata_partition; /* in `table`; NULL: none that will do */
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

/** The same for an image that the device verified last of all (espota_device_finish_image): where it changes
 * otadata itself (ESPOTA_CAP_BOOT), it is not looked at again from here. */
int espota_slots_select_verified(struct espota_slots *slots, struct espota_device *device,
                                 const struct espota_partition *partition, uint32_t state,
                                 struct espota_error *error);

/** Confirm the running app; or declare it bad, so that another one boots next. */
int espota_slots_confirm(struct espota_slots *slots, struct espota_device *device,
                         struct espota_error *error);
int espota_slots_rollback(struct espota_slots *slots, struct espota_device *device,
                          struct espota_error *error);

/** Read the two records of otadata from its partition on the device. */
int espota_otadata_load(struct espota_otadata *otadata, struct espota_device *device,
                        const struct espota_partition *partition, struct espota_error *error);

#pragma GCC visibility pop

#endif
