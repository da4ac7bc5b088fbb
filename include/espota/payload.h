/** What travels to a device so that it comes to hold an image: the image itself or, in kinds to come, what
 * the device rebuilds it from. */
#ifndef ESPOTA_PAYLOAD_H
#define ESPOTA_PAYLOAD_H

#pragma GCC visibility push(default)

#include "espota/error.h"
#include "espota/hash.h"

#include <stddef.h>
#include <stdint.h>

/** A device says which ones it takes: bits 1 << kind. The numbers are those of the agent's protocol. */
enum espota_payload_kind {
    ESPOTA_PAYLOAD_RAW = 0, /* the bytes of the image */
};

/** An image that the device has already and that a payload builds on. */
struct espota_payload_base {
    uint32_t offset; /* in flash */
    uint32_t length; /* 0: no base */
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
};

struct espota_payload {
    enum espota_payload_kind kind;
    const uint8_t *data; /* what travels: the caller's, and must outlive the payload */
    size_t size;
    uint32_t length;                      /* of the image that comes of it */
    uint8_t sha256[ESPOTA_SHA256_LENGTH]; /* of that image; espota_payload_identify */
    struct espota_payload_base base;
};

/** An image as it is; not identified yet. */
struct espota_payload espota_payload_raw(const void *image, size_t length);

/** Fill in the SHA-256 of the image that comes of it. @return ESPOTA_ERR_TOO_BIG for more than 4G,
 * ESPOTA_ERR_FAILED when the crypto library refuses. */
int espota_payload_identify(struct espota_payload *payload, struct espota_error *error);

/** "raw"; "unknown" for another number. Static storage. */
const char *espota_payload_name(enum espota_payload_kind kind);

#pragma GCC visibility pop

#endif
