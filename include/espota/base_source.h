/** Where images that devices hold already are found on the host, so that an update can be sent as what
 * changed against one of them. */
#ifndef ESPOTA_BASE_SOURCE_H
#define ESPOTA_BASE_SOURCE_H

#pragma GCC visibility push(default)

#include "espota/error.h"
#include "espota/hash.h"
#include "espota/payload.h"

#include <stddef.h>
#include <stdint.h>

struct espota_base;
struct espota_device;

/** A base whose bytes nobody knows. */
struct espota_base_wanted {
    const char *label;                      /* of the partition that holds it */
    const struct espota_payload_base *held; /* without its bytes */
    const uint8_t *image;                   /* that is to be sent: some of it may be in the base */
    size_t image_length;
    struct espota_base_costs costs; /* of this device */
};

/** Its functions may be called from several threads at once. */
struct espota_base_source {
    void *context;
    /** Find the image of exactly `length` bytes with this SHA-256. `*image` stays as it is until release();
     * NULL: it is not known here.
     * @return 0, or an error: nothing is known of this image then, which is no reason to fail an update. */
    int (*find)(void *context, const uint8_t sha256[ESPOTA_SHA256_LENGTH], uint32_t length,
                const uint8_t **image, struct espota_error *error);
    /** `image`: what find() gave; not NULL. */
    void (*release)(void *context, const uint8_t *image);
    /** Where find() knows nothing: is there a patch against it, made elsewhere? `*prepared`: of that
     * (espota_base_of_patch), which stays as it is until the source goes; NULL: there is none. `*table_log`:
     * of the table that its stream is for. `device`: who asks, whose observer may stop it. May be NULL: there
     * are no patches.
     * @return 0, or an error: ESPOTA_ERR_VERIFY where there is one that is not what it has to be. */
    int (*patch)(void *context, const struct espota_device *device,
                 const uint8_t sha256[ESPOTA_SHA256_LENGTH], uint32_t length,
                 const struct espota_base **prepared, unsigned *table_log, struct espota_error *error);
    /** Where there is neither: read it back from the device, if that is wanted; then find() knows it. May be
     * NULL: never. @return 0 whether or not it was read, and `*read`: how many bytes came from the device; or
     * what the device returned, where it is gone or lost. */
    int (*read_back)(void *context, struct espota_device *device, const struct espota_base_wanted *wanted,
                     uint32_t *read, struct espota_error *error);
};

#pragma GCC visibility pop

#endif
