/** Smart read: what a file has already, or flash does not hold, need not travel. */
#ifndef ESPOTA_SMART_READ_H
#define ESPOTA_SMART_READ_H

#pragma GCC visibility push(default)

#include "espota/device.h"
#include "espota/error.h"

#include <stdint.h>

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

#pragma GCC visibility pop

#endif
