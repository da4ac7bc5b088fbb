/** A part of a device's flash as people name it: a partition, an offset with a length, or all. */
#ifndef ESPOTA_FLASH_RANGE_H
#define ESPOTA_FLASH_RANGE_H

#pragma GCC visibility push(default)

#include "espota/device.h"
#include "espota/error.h"
#include "espota/table_file.h"

struct espota_flash_range {
    char name[48]; /* as it was given, for JSON */
    char text[80]; /* for messages: "'nvs' (0x9000)", "0x10000", "all of the flash" */
    uint32_t offset, length;
    uint8_t type;                     /* of the partition, where it is one */
    bool named;                       /* a partition: what shares a sector with it is not touched */
    char shared[ESPOTA_PROBLEM_TEXT]; /* why writing the partition would harm something else; empty: it would
                                         not */
    bool open_end;                    /* only an offset was given: `length` reaches to the end of flash */
};

/** Find the range that `text` names on `device`; the table at `table_offset` (0: as the device says, or
 * 0x8000) is read when it is a name. `open_end`: an offset alone will do.
 * @return ESPOTA_ERR_USAGE for what is no part of flash, ESPOTA_ERR_FAILED for a partition that is not there,
 * or what the device returned. */
int espota_flash_range_parse(struct espota_flash_range *range, const char *text, struct espota_device *device,
                             uint32_t table_offset, bool open_end, struct espota_error *error);

/** Refuse to change a partition that shares flash with something else.
 * @return ESPOTA_ERR_REFUSED. */
int espota_flash_range_check_alone(const struct espota_flash_range *range, struct espota_error *error);

#pragma GCC visibility pop

#endif
