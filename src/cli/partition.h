/* The partition that a command works on: the one that is named, or the only one of its kinds. */
#ifndef ESPOTA_CLI_PARTITION_H
#define ESPOTA_CLI_PARTITION_H

#include "espota/device.h"
#include "espota/error.h"
#include "espota/table.h"

/* Data partitions that a command is about. */
struct partition_kind {
    const char *what;        /* "file system", "NVS" */
    const char *usual;       /* of several, the one with this label; NULL: none goes before */
    const uint8_t *subtypes; /* data subtypes */
    unsigned count;
};

/* `name` NULL: the only one in the table at `table_offset` (0: as the device says, or 0x8000).
 * @return ESPOTA_ERR_USAGE with their names where there are several, ESPOTA_ERR_FAILED where there is none.
 */
int partition_choose(struct espota_device *device, uint32_t table_offset, const char *name,
                     const struct partition_kind *kind, struct espota_partition *partition,
                     struct espota_error *error);

#endif
