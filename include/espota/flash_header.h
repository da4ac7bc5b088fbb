/** Flash settings in an image's header: the bootloader believes the ones in its own.
 *
 * Byte 2 is the mode, the high nibble of byte 3 the size as 1M << n, the low nibble the frequency, whose
 * meaning depends on the chip. Source: ESP-IDF, bootloader_support/include/esp_app_format.h. */
#ifndef ESPOTA_FLASH_HEADER_H
#define ESPOTA_FLASH_HEADER_H

#pragma GCC visibility push(default)

#include "espota/chip.h"
#include "espota/error.h"
#include "espota/flash_files.h"

/** In words; NULL is "keep", for the size "detect". */
struct espota_flash_header {
    const char *mode;      /* qio, qout, dio, dout */
    const char *frequency; /* 80m ... as the chip has them */
    const char *size;      /* 4M, 16MB ..., detect, keep */
};

/** Are they words that can be understood? @return ESPOTA_ERR_USAGE. */
int espota_flash_header_check(const struct espota_flash_header *header, struct espota_error *error);

/** The codes that stand for them in a header of `chip`'s; what is to be kept or detected stays as it is.
 * @return as espota_flash_header_check; ESPOTA_ERR_USAGE for a frequency that the chip does not have. */
int espota_flash_header_codes(const struct espota_flash_header *header, const struct espota_chip *chip,
                              uint8_t *mode, uint8_t *frequency, uint8_t *size, struct espota_error *error);

/** Put them into the image of `size` bytes at `data`, for a device with `flash_size` bytes (0: not known),
 * and compute its appended SHA-256 anew. Notes what was changed. Bytes that are no image are left alone.
 * @return as espota_flash_header_check; ESPOTA_ERR_USAGE for a frequency that the chip does not have,
 * ESPOTA_ERR_REFUSED when the image is signed and would have to change. */
int espota_flash_header_apply(const struct espota_flash_header *header, const struct espota_chip *chip,
                              uint32_t flash_size, uint8_t *data, size_t size,
                              struct espota_flash_notes *notes, struct espota_error *error);

#pragma GCC visibility pop

#endif
