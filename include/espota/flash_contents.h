/** What the flash of a device holds, as far as flashing it has to know.
 *
 * Flash is blank only where it was looked at and is FF. Where there is no valid partition table at the place
 * asked for, all of flash is compared with FF, by digests, and when it is not blank, the first 128K are
 * searched: tables at other offsets, damaged tables, images of MCUboot (magic 96F3B83D, mcu-tools/mcuboot,
 * bootutil/image.h), app images, bytes without any pattern, as encryption makes them. */
#ifndef ESPOTA_FLASH_CONTENTS_H
#define ESPOTA_FLASH_CONTENTS_H

#pragma GCC visibility push(default)

#include "espota/device.h"
#include "espota/error.h"
#include "espota/table.h"

enum espota_flash_state {
    ESPOTA_FLASH_IS_BLANK,        /* FF, all of it */
    ESPOTA_FLASH_HAS_TABLE,       /* a valid table where it was looked for */
    ESPOTA_FLASH_TABLE_ELSEWHERE, /* a valid table, but at another offset */
    ESPOTA_FLASH_TABLE_DAMAGED,   /* what looks like a table, but no bootloader takes it */
    ESPOTA_FLASH_HAS_MCUBOOT,     /* an image for MCUboot, as Zephyr has them */
    ESPOTA_FLASH_ENCRYPTED,       /* no pattern at all: probably encrypted */
    ESPOTA_FLASH_HAS_APP,         /* an app image, but no table */
    ESPOTA_FLASH_HAS_DATA,        /* something else */
};

struct espota_flash_contents {
    enum espota_flash_state state;
    uint32_t offset;                          /* bytes from the start of flash to what was found */
    uint32_t table_offset;                    /* where the table was looked for */
    struct espota_table table;                /* HAS_TABLE, TABLE_ELSEWHERE */
    uint8_t sector[ESPOTA_TABLE_BINARY_SIZE]; /* what lies at table_offset */
};

/** Look at a device, as far as it can be addressed. Reads a few kilobytes; what has to be compared with FF is
 * compared by digests. @return what the device returned. */
int espota_flash_look(struct espota_flash_contents *contents, struct espota_device *device,
                      uint32_t table_offset, struct espota_error *error);

/** Is the range nothing but FF? When not, `*where` (may be NULL) is the start of a block of at most 64K that
 * is not.
 */
int espota_flash_is_blank(struct espota_device *device, uint32_t offset, uint32_t length, bool *blank,
                          uint32_t *where, struct espota_error *error);

/** What was found, to stand behind "holds": "a damaged partition table at 0x8000". @return `text`. */
#define ESPOTA_FLASH_CONTENTS_TEXT 200
const char *espota_flash_contents_text(const struct espota_flash_contents *contents,
                                       char text[ESPOTA_FLASH_CONTENTS_TEXT]);

#pragma GCC visibility pop

#endif
