/** What travels to a device so that it comes to hold an image: the image itself or, in kinds to come, what
 * the device rebuilds it from. */
#ifndef ESPOTA_PAYLOAD_H
#define ESPOTA_PAYLOAD_H

#pragma GCC visibility push(default)

#include "espota/error.h"
#include "espota/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A device says which ones it takes: bits 1 << kind. The numbers are those of the agent's protocol. */
enum espota_payload_kind {
    ESPOTA_PAYLOAD_RAW = 0, /* the bytes of the image */
};

struct espota_base;

/** An image that the device has already, and that what travels may build on. */
struct espota_payload_base {
    uint32_t offset; /* in flash, of the partition that holds it */
    uint32_t length; /* 0: no base */
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    const uint8_t *data; /* its bytes: the caller's, and must outlive the payload; NULL: not known here */
    /* Where its bytes are not known, what a patch says of it (espota_base_of_patch), and the patch's table;
     * the caller's, for as long as streams may be shared. NULL: nothing. */
    const struct espota_base *prepared;
    unsigned table_log;
};

/** Why an image was sent without a base. */
enum espota_no_base {
    ESPOTA_BASE_USED,        /* it was not; or nothing was sent yet */
    ESPOTA_BASE_NOT_ASKED,   /* nobody here knows images, or no more than a few sectors differ */
    ESPOTA_BASE_UNSUPPORTED, /* the device takes none */
    ESPOTA_BASE_NO_MEMORY,   /* the device has too little memory for one */
    ESPOTA_BASE_NO_IMAGE,    /* it holds no other image */
    ESPOTA_BASE_UNKNOWN,     /* nobody here knows the images that it holds */
    ESPOTA_BASE_NO_HELP,     /* the image has nothing in common with it */
    ESPOTA_BASE_REFUSED,     /* the device says that it does not hold the base, or cannot build on it */
    ESPOTA_BASE_FAILED,      /* what came of it was wrong */
    ESPOTA_BASE_NOT_NAMED,   /* the device does not say which images it holds */
};

/** In words that complete "sent without a base: ...". Static storage. */
const char *espota_no_base_words(enum espota_no_base reason);
/** Machine-readable: "unknown", "no-image"; NULL for ESPOTA_BASE_USED. Static storage. */
const char *espota_no_base_name(enum espota_no_base reason);

struct espota_device;

/** What it takes to bring an image to a device, in seconds, by what is known of its line, CPU and flash. */
struct espota_base_costs {
    double whole; /* what differs, without a base */
    double based; /* the same with one that is an earlier version */
    double read;  /* a byte of flash, to the host */
};

/** Who finds a base for an image when much of it has to be sent. */
struct espota_base_finder {
    void *context;
    /** Which image of `device` is the best base, and its bytes, which stay until the payload is done with?
     * @return 0 and the base, or one of length 0 and why; or what the device returned. */
    int (*find)(void *context, struct espota_device *device, const struct espota_base_costs *costs,
                struct espota_payload_base *base, enum espota_no_base *reason, struct espota_error *error);
};

struct espota_payload {
    enum espota_payload_kind kind;
    const uint8_t *data; /* what travels: the caller's, and must outlive the payload */
    size_t size;
    bool filled; /* behind them FF follow to the end of the sector of 4K: nobody need copy them for that */
    uint32_t length;                        /* of the image that comes of it */
    uint8_t sha256[ESPOTA_SHA256_LENGTH];   /* of that image; espota_payload_identify */
    bool identified;                        /* that is filled in */
    const struct espota_base_finder *bases; /* for a device with ESPOTA_CAP_BASES; NULL: no base */
};

/** An image as it is; not identified yet. */
struct espota_payload espota_payload_raw(const void *image, size_t length);

/** Fill in the SHA-256 of the image that comes of it, where that was not done yet. @return ESPOTA_ERR_TOO_BIG
 * for more than 4G, ESPOTA_ERR_FAILED when the crypto library refuses. */
int espota_payload_identify(struct espota_payload *payload, struct espota_error *error);

/** "raw"; "unknown" for another number. Static storage. */
const char *espota_payload_name(enum espota_payload_kind kind);

#pragma GCC visibility pop

#endif
