/** A raw flash dump on disk, as a device (espota/device.h). */
#ifndef ESPOTA_FILE_DEVICE_H
#define ESPOTA_FILE_DEVICE_H

#pragma GCC visibility push(default)

#include "espota/device.h"
#include "espota/error.h"

/** A flash dump on disk, whose size is the flash size. `chip` may be NULL. Writes go to the file at once. */
int espota_file_device_open(struct espota_device **device, const char *path, const struct espota_chip *chip,
                            struct espota_error *error);

/** A flash dump that is not there: blank, `size` bytes (64K to 128M, a power of two), and made by the first
 * erase or write. @return ESPOTA_ERR_USAGE for another size. */
int espota_file_device_new(struct espota_device **device, const char *path, uint32_t size,
                           const struct espota_chip *chip, struct espota_error *error);

#pragma GCC visibility pop

#endif
