/** Smart read: what a file has already, or flash does not hold, need not travel. */
#ifndef ESPOTA_SMART_READ_H
#define ESPOTA_SMART_READ_H

#pragma GCC visibility push(default)

#include "espota/device.h"
#include "espota/error.h"

#include <stddef.h>
#include <stdint.h>

struct espota_smart_read {
    uint32_t total;   /* bytes asked for */
    uint32_t done;    /* bytes from the start that are right, also after a failure */
    uint32_t read;    /* bytes that travelled, repeats included */
    unsigned repeats; /* rounds after an error on the line */
};

/** Bytes that the device may hold too, at the same or another place: an image that was flashed, an earlier
 * backup. */
struct espota_known {
    const uint8_t *data;
    size_t length;
};

/** Make `data` hold what flash holds. Only what is neither in `data` already (an earlier, interrupted run)
 * nor blank travels, each sector once however often it is there, and a digest says that it is right. The
 * device's observer hears of `length` bytes in all.
 * @return 0; ESPOTA_ERR_VERIFY when the digest never fits; or what the device returned. */
int espota_smart_read(struct espota_device *device, uint32_t offset, void *data, uint32_t length,
                      struct espota_smart_read *result, struct espota_error *error);

/** The same; sectors of 4K of which `known` has the bytes, at a multiple of 4K, do not travel either. */
int espota_smart_read_knowing(struct espota_device *device, uint32_t offset, void *data, uint32_t length,
                              const struct espota_known *known, size_t count,
                              struct espota_smart_read *result, struct espota_error *error);

#pragma GCC visibility pop

#endif
