/** A partition of a device as the source of a file system: what is read is kept, so that it travels once, and
 * nothing else travels. */
#ifndef ESPOTA_FS_DEVICE_H
#define ESPOTA_FS_DEVICE_H

#pragma GCC visibility push(default)

#include "espota/device.h"
#include "espota/error.h"
#include "espota/fs.h"

struct espota_fs_device {
    struct espota_device *device;
    uint32_t offset, size;     /* of the partition, bytes */
    uint8_t *data;             /* as far as it is known */
    bool *known;               /* by line */
    uint32_t travelled;        /* bytes */
    struct espota_error error; /* of the device, when reading failed */
};

/** `device` outlives it. Freed with espota_fs_device_free, also after an error. */
int espota_fs_device_init(struct espota_fs_device *partition, struct espota_device *device, uint32_t offset,
                          uint32_t size, struct espota_error *error);
void espota_fs_device_free(struct espota_fs_device *partition);

/** The source; `partition` outlives it and stays where it is. */
struct espota_fs_source espota_fs_device_source(struct espota_fs_device *partition);

#pragma GCC visibility pop

#endif
