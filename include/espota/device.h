/** A device: anything that can say what it is and digest, read, erase and write ranges of its flash.
 *
 * These kinds stand behind this interface, and callers never ask which one they have, only what it can:
 *   rom    the mask-ROM serial bootloader of a chip in download mode
 *   stub   espota's agent in a chip's RAM, loaded by that bootloader
 *   agent  espota's agent running on the chip, over serial or TCP
 *   file   a raw flash dump on disk
 *   others firmware that is not ours, which takes images over the network and boots them (image sinks):
 *          espota/arduino_device.h, espota/esphome_device.h,
 *          espota/http_upload.h
 *
 * Offsets and lengths are bytes from the start of flash. Every function returns 0 or a status and fills in
 * the error: ESPOTA_ERR_NO_DEVICE or _TIMEOUT when the device is gone or silent, ESPOTA_ERR_DEVICE when it
 * answered with an error, ESPOTA_ERR_UNSUPPORTED when this kind of device cannot do that,
 * ESPOTA_ERR_CANCELLED. */
#ifndef ESPOTA_DEVICE_H
#define ESPOTA_DEVICE_H

#pragma GCC visibility push(default)

#include "espota/chip.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/link.h"
#include "espota/observer.h"
#include "espota/payload.h"
#include "espota/pull.h"

#include <stdbool.h>
#include <stdint.h>

struct espota_device;

/** What protects a chip against strangers, and against us. */
struct espota_security {
    bool known;
    bool secure_boot;      /* boots signed images only */
    bool flash_encryption; /* flash holds ciphertext */
    bool secure_download;  /* the ROM does next to nothing */
    bool has_flags;        /* the ROM tells more than the eFuses that we read: */
    uint32_t flags;        /* as GET_SECURITY_INFO gives them */
    uint8_t crypt_count;
    uint8_t key_purpose[7];
    uint32_t api_version;
};

/** What a chip's eFuses and clocks tell: read on demand, as it takes a while. */
struct espota_chip_details {
    uint16_t revision; /* major * 100 + minor */
    char package[32];
    char features[160];   /* separated by ", " */
    uint32_t crystal_mhz; /* 0: not known */
};

/** An ESP8266 is no chip of ours, but image sinks may be one, and do not say so. */
enum espota_esp8266 { ESPOTA_NOT_ESP8266, ESPOTA_MAYBE_ESP8266, ESPOTA_IS_ESP8266 };

/** What a device says of itself. Fields that it cannot tell are 0 or false. */
struct espota_device_info {
    const struct espota_chip *chip;
    uint32_t flash_size;  /* bytes */
    uint32_t addressable; /* bytes of it, from the start, that this kind of device reaches; 0: all */
    uint32_t flash_id;    /* JEDEC: manufacturer, type << 8, capacity << 16 */
    bool dump;            /* flash alone: no chip is there that could run what it holds */
    uint8_t mac[6];
    bool has_mac;
    struct espota_security security;
    bool has_running;        /* the agent knows which partition it runs from */
    uint32_t running_offset; /* of that partition */
    uint32_t table_offset;   /* where the partition table lies, 0: not known */
    char firmware[33];       /* version of the agent */
    enum espota_esp8266 esp8266;
};

/** A range of flash. */
struct espota_extent {
    uint32_t offset, length;
};

/** A range of flash to be read, and where its bytes go. */
struct espota_read {
    uint32_t offset, length;
    void *buffer;
};

/** Flash as it is to be, and what of it is not so yet. */
struct espota_changes {
    uint32_t offset; /* in flash, a multiple of 4K */
    uint32_t length; /* the same */
    const uint8_t *data;
    const bool *differs; /* by sector; NULL: all of them */
    /* Set where the device read all that differs back from flash and named its digest, which is right: nobody
     * need ask for it again. NULL: that is of no matter. */
    bool *proven;
};

struct espota_device_ops {
    /** Digest of a range, by device->digest_kind (16 or 32 bytes). */
    int (*digest)(struct espota_device *device, uint32_t offset, uint32_t length, uint8_t *digest,
                  struct espota_error *error);
    /** Digests of the blocks of many ranges in one go, where that saves round trips; NULL: one by one. */
    int (*digests)(struct espota_device *device, const struct espota_extent *extent, size_t count,
                   uint32_t block, uint8_t *digests, struct espota_error *error);
    int (*read)(struct espota_device *device, uint32_t offset, void *buffer, size_t length,
                struct espota_error *error);
    /** Many ranges in one go, where that saves round trips, telling espota_device_moved of what has come;
     * NULL: one by one. */
    int (*reads)(struct espota_device *device, const struct espota_read *read, size_t count,
                 struct espota_error *error);
    /** Erase whole sectors; NULL where only images can be written. */
    int (*erase)(struct espota_device *device, uint32_t offset, uint32_t length, struct espota_error *error);
    /** Erase and program whole sectors: offset and length are multiples of 4K. */
    int (*write)(struct espota_device *device, uint32_t offset, const void *data, size_t length,
                 struct espota_error *error);
    /** The sectors that differ, in one go, where that saves round trips or bytes, telling espota_device_moved
     * of those that are done. NULL: run by run with `write`. */
    int (*write_changes)(struct espota_device *device, const struct espota_changes *changes,
                         struct espota_error *error);
    /** Announce the image that is about to be written to the partition at `offset`, check it after writing.
     * NULL: nothing to announce. */
    int (*begin_image)(struct espota_device *device, uint32_t offset, const struct espota_payload *payload,
                       struct espota_error *error);
    int (*finish_image)(struct espota_device *device, struct espota_error *error);
    /** Which image lies in the partition at `offset`, by its length and SHA-256 as flash has it now? A device
     * that says so rebuilds images from those. NULL: it does not. */
    int (*identify)(struct espota_device *device, uint32_t offset, struct espota_payload_base *held,
                    struct espota_error *error);
    /** Have the device itself change otadata, after checking for itself. `state` as in espota/otadata.h.
     * NULL: otadata is written like any other range. */
    int (*select_boot)(struct espota_device *device, uint32_t offset, uint32_t state,
                       struct espota_error *error);
    int (*confirm)(struct espota_device *device, struct espota_error *error);
    int (*rollback)(struct espota_device *device, struct espota_error *error);
    /** The whole of an update at once: the device puts the image where it sees fit, checks it and boots it
     * next, or stays as it was. */
    int (*put_image)(struct espota_device *device, const struct espota_payload *payload,
                     struct espota_error *error);
    /** After put_image, where the device restarts by itself: wait until it answers again. NULL: it does not
     * restart by itself. */
    int (*await_return)(struct espota_device *device, unsigned patience_ms, struct espota_error *error);
    /** The device fetches an image by itself: begin, ask how it goes (or stop it), where it ends with an
     * error of the device's own also in words. `number` names the order. NULL: it does not. */
    int (*pull_start)(struct espota_device *device, const struct espota_pull_order *order, uint32_t number,
                      struct espota_error *error);
    int (*pull_state)(struct espota_device *device, bool cancel, struct espota_pull_state *state,
                      struct espota_error *error);
    /** Leave and boot from flash. */
    int (*restart)(struct espota_device *device, struct espota_error *error);
    /** Revision, features and clock of the chip. NULL: cannot tell. */
    int (*details)(struct espota_device *device, struct espota_chip_details *details,
                   struct espota_error *error);
    /** After a failure on a noisy line: find each other again. NULL: not needed. */
    int (*recover)(struct espota_device *device, struct espota_error *error);
    void (*close)(struct espota_device *device);
};

/** What a device can do; each is one or more operations of the table above. A device says so when it is
 * opened, and every function below checks it. */
enum espota_device_cap {
    ESPOTA_CAP_DIGEST = 1u << 0,  /* digest */
    ESPOTA_CAP_DIGESTS = 1u << 1, /* many digests for one question */
    ESPOTA_CAP_READ = 1u << 2,
    ESPOTA_CAP_ERASE = 1u << 3,
    ESPOTA_CAP_WRITE = 1u << 4,
    ESPOTA_CAP_IMAGE = 1u << 5, /* begin_image, finish_image: it takes images and judges them itself */
    ESPOTA_CAP_BOOT = 1u << 6,  /* select_boot, confirm, rollback: it writes otadata itself */
    ESPOTA_CAP_RESTART = 1u << 7,
    ESPOTA_CAP_DETAILS = 1u << 8,
    ESPOTA_CAP_RECOVER = 1u << 9, /* a broken exchange can be taken up again */
    ESPOTA_CAP_SINK = 1u << 10,   /* put_image: it takes an image and sees to the rest itself */
    ESPOTA_CAP_TRIAL = 1u << 11,  /* with _BOOT: what boots on trial and is not confirmed goes back */
    ESPOTA_CAP_BASES = 1u << 12,  /* identify; payloads may have a base */
    ESPOTA_CAP_RETURN = 1u << 13, /* await_return: with _SINK, it restarts by itself */
    ESPOTA_CAP_PULL = 1u << 14,   /* pull_start, pull_state: it fetches images by itself */
};

/** What an agent was sent of images since it was opened. */
struct espota_sent {
    uint64_t bytes;               /* of streams, each as often as it was sent */
    uint32_t raw, coded, patched; /* bytes of flash that came of it: as they are, coded, coded with a base */
    enum espota_no_base no_base;  /* why the last image was not sent as what differs from a base */
    struct espota_payload_base base; /* that it was sent with; length 0: none */
};

/** What somebody could expect of an update, and this device does not promise. */
enum espota_device_lack {
    ESPOTA_LACKS_VERIFICATION = 1u << 0, /* nobody sees what its flash holds in the end */
    ESPOTA_LACKS_ENCRYPTION = 1u << 1,   /* the image can be read, and changed, on its way */
    ESPOTA_LACKS_RESUME = 1u << 2,       /* an update that is interrupted begins anew */
};

struct espota_device {
    const struct espota_device_ops *ops;
    const char *kind;  /* "rom", "stub", "agent", "file", "arduino", "esphome", "http" */
    uint32_t caps;     /* of enum espota_device_cap */
    uint32_t lacks;    /* of enum espota_device_lack */
    uint32_t payloads; /* that it takes: bits 1 << enum espota_payload_kind */
    enum espota_hash_kind digest_kind;
    bool changed; /* its flash was erased or written */
    struct espota_sent sent;
    bool app_stopped; /* its app does not run: restart it when all is done */
    bool found_so;    /* nor did it when we came, and nothing can bring it back into that state */
    struct espota_device_info info;
    const struct espota_observer
        *observer;    /* must outlive the device, or be taken away before; NULL: nobody */
    const char *what; /* the part at work, for progress; NULL: none in particular */
    /* Where the part at work is one of several: bytes of those before it, and of all; 0: it is not. */
    uint64_t progress_before, progress_all;
    /** The algorithm at work hears of the bytes that went through. NULL: nobody counts. */
    void (*moved)(void *context, uint32_t bytes);
    void *moved_context;
    char name[256]; /* for messages: the port or path */
};

/** Can it do all of these (enum espota_device_cap)? */
bool espota_device_can(const struct espota_device *device, uint32_t caps);

/** Does it take images in this form? */
bool espota_device_takes(const struct espota_device *device, enum espota_payload_kind kind);

/** Length of its digests. */
size_t espota_device_digest_length(const struct espota_device *device);

/** The same digest of bytes in memory. @return 0, or -1 when the crypto library refuses. */
int espota_device_digest_of(const struct espota_device *device, const void *data, size_t length,
                            uint8_t *digest);

/** Is the range within the flash, and within what the device reaches of it? Every operation checks its own
 * range; what consists of several asks before the first. @return 0, or ESPOTA_ERR_TOO_BIG with a message in
 * which `what` completes "cannot ...": "write". */
int espota_device_check_range(const struct espota_device *device, const char *what, uint32_t offset,
                              uint64_t length, struct espota_error *error);

/** Calls through the interface, with bounds checked against the flash size where it is known. Where the
 * device lacks the capability: ESPOTA_ERR_UNSUPPORTED. */
int espota_device_digest(struct espota_device *device, uint32_t offset, uint32_t length, uint8_t *digest,
                         struct espota_error *error);
/** Digests of each `block` bytes of the range, the last one of what is left, one behind the other. */
int espota_device_digests(struct espota_device *device, uint32_t offset, uint32_t length, uint32_t block,
                          uint8_t *digests, struct espota_error *error);
/** The same of many ranges, each of which begins a block of its own; a device that can is asked for all of
 * them at once. Their digests stand one behind the other. */
int espota_device_digests_of(struct espota_device *device, const struct espota_extent *extent, size_t count,
                             uint32_t block, uint8_t *digests, struct espota_error *error);
int espota_device_read(struct espota_device *device, uint32_t offset, void *buffer, size_t length,
                       struct espota_error *error);
/** Many ranges; a device that can is asked for all of them at once. After a failure some of them may have
 * been read. */
int espota_device_reads(struct espota_device *device, const struct espota_read *read, size_t count,
                        struct espota_error *error);
int espota_device_erase(struct espota_device *device, uint32_t offset, uint32_t length,
                        struct espota_error *error);
int espota_device_write(struct espota_device *device, uint32_t offset, const void *data, size_t length,
                        struct espota_error *error);
/** Write the sectors that differ; a device that can is told all of them at once. After a failure some of them
 * may have been written. What does not differ may be used to rebuild what does: it has to be in flash. */
int espota_device_write_changes(struct espota_device *device, const struct espota_changes *changes,
                                struct espota_error *error);
int espota_device_restart(struct espota_device *device, struct espota_error *error);
/** ESPOTA_CAP_IMAGE: announce an image, an identified one, before it is written to the partition at `offset`,
 * and have it judged afterwards. @return ESPOTA_ERR_UNSUPPORTED also for a payload of a kind that the device
 * does not take. */
int espota_device_begin_image(struct espota_device *device, uint32_t offset,
                              const struct espota_payload *payload, struct espota_error *error);
int espota_device_finish_image(struct espota_device *device, struct espota_error *error);
/** ESPOTA_CAP_BOOT: the device itself changes otadata, after checking for itself. */
int espota_device_select_boot(struct espota_device *device, uint32_t offset, uint32_t state,
                              struct espota_error *error);
int espota_device_confirm(struct espota_device *device, struct espota_error *error);
int espota_device_rollback(struct espota_device *device, struct espota_error *error);
/** ESPOTA_CAP_PULL: have it fetch an image (espota/ota_pull.h does all of it). One that works on the same
 * order, by its number, goes on with it. pull_state returns an error also for a pull that the device's agent
 * refused, with `state` filled in. */
int espota_device_pull_start(struct espota_device *device, const struct espota_pull_order *order,
                             uint32_t number, struct espota_error *error);
int espota_device_pull_state(struct espota_device *device, bool cancel, struct espota_pull_state *state,
                             struct espota_error *error);
/** ESPOTA_CAP_BASES: which image lies in the partition at `offset`? `held` is without its bytes, and of
 * length 0 where there is none. The device hashes all of it when it is first asked. */
int espota_device_identify(struct espota_device *device, uint32_t offset, struct espota_payload_base *held,
                           struct espota_error *error);
/** ESPOTA_CAP_SINK: put an image into the device, an identified one, and have it boot next. Its observer
 * hears how it goes. @return as espota_device_begin_image; a device that refuses it is as it was. */
int espota_device_put_image(struct espota_device *device, const struct espota_payload *payload,
                            struct espota_error *error);
/** ESPOTA_CAP_RETURN: wait at most `patience_ms` for a device to answer again that restarts by itself after
 * espota_device_put_image. @return ESPOTA_ERR_NO_DEVICE when it does not. */
int espota_device_await_return(struct espota_device *device, unsigned patience_ms,
                               struct espota_error *error);
/** ESPOTA_CAP_RECOVER: after a failure on a noisy line, find each other again. */
int espota_device_recover(struct espota_device *device, struct espota_error *error);
int espota_device_details(struct espota_device *device, struct espota_chip_details *details,
                          struct espota_error *error);
/** NULL is ignored. */
void espota_device_close(struct espota_device *device);

/** For backends: fill in what every device has. Capabilities follow from `ops`, but for _TRIAL; raw payloads
 * are taken where any are. `name` is copied. */
void espota_device_init(struct espota_device *device, const struct espota_device_ops *ops, const char *kind,
                        enum espota_hash_kind digest_kind, const char *name);
/** For backends: `bytes` more went through. Repeats count again; the algorithms know what they mean. */
void espota_device_moved(struct espota_device *device, uint32_t bytes);
/** For algorithms: `done` of `total` bytes. */
void espota_device_progress(const struct espota_device *device, enum espota_phase phase, uint64_t done,
                            uint64_t total);
/** Messages to the device's observer. */
void espota_device_detail(const struct espota_device *device, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void espota_device_note(const struct espota_device *device, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void espota_device_warn(const struct espota_device *device, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** Read what comes over `link`, but no longer than until `deadline` (by its clock), and look in between
 * whether to stop: `*got` 0 does not mean that the time is up. @return ESPOTA_ERR_CANCELLED, or as
 * espota_link_read. */
int espota_device_receive(struct espota_device *device, struct espota_link *link, void *buffer, size_t size,
                          uint64_t deadline, size_t *got, struct espota_error *error);
/** Wait, and look in between whether to stop. @return ESPOTA_ERR_CANCELLED. */
int espota_device_pause(struct espota_device *device, unsigned ms, struct espota_error *error);
/** @return 0, or ESPOTA_ERR_CANCELLED with the error filled in. */
int espota_device_check_cancelled(struct espota_device *device, struct espota_error *error);

#pragma GCC visibility pop

#endif
