/* Flash settings in an image's header, which the bootloader believes. */
#ifndef ESPOTA_CLI_FLASH_HEADER_H
#define ESPOTA_CLI_FLASH_HEADER_H

#include "cli.h"

#include "espota/chip.h"

/* As the options have them; NULL is "keep", for the size "detect". */
struct flash_header {
    const char *mode;      /* qio, qout, dio, dout */
    const char *frequency; /* 80m ... as the chip has them */
    const char *size;      /* 4M, 16MB ..., detect, keep */
};

/* Are they words that can be understood? */
int flash_header_check(const struct flash_header *header, struct espota_error *error);

/* Put them into the bootloader image in memory, for a device with `flash_size` bytes (0: not known), and
 * compute its appended SHA-256 anew. Says what was changed. Bytes that are no image are left alone. */
int flash_header_apply(struct cli *cli, const struct flash_header *header, const struct espota_chip *chip,
                       uint32_t flash_size, struct espota_bytes *image, struct espota_error *error);

#endif
