/** What an image says that neither its loading nor its checking needs: for people who look at it.
 *
 * Sources: ESP-IDF, bootloader_support/include/esp_app_format.h (esp_image_header_t),
 * esp_app_format/include/esp_app_desc.h, esp_bootloader_format/include/esp_bootloader_desc.h. */
#ifndef ESPOTA_IMAGE_DETAILS_H
#define ESPOTA_IMAGE_DETAILS_H

#pragma GCC visibility push(default)

#include "espota/chip.h"
#include "espota/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ESPOTA_IMAGE_NO_WP_PIN 0xeeu

struct espota_image_details {
    uint8_t wp_pin;          /* ESPOTA_IMAGE_NO_WP_PIN: none */
    uint8_t drive[6];        /* of the flash pins clk, q, d, cs, hd, wp */
    uint8_t oldest_revision; /* as images before ESP-IDF 4.4 have it: major alone */

    /* of an app with a description */
    uint16_t min_block_revision, max_block_revision; /* of the eFuse block: major * 100 + minor */
    uint32_t page_size;                              /* of the MMU, bytes; 0: it does not say */

    bool has_bootloader; /* the description of a bootloader (ESP-IDF 5.1 and later) */
    struct {
        uint32_t version;
        uint32_t secure_version;
        char idf_version[33];
        char date_time[25];
    } bootloader;
};

/** Of the image of `size` bytes at `data`, which espota_image_examine found valid, or the headers of which
 * espota_image_parse_headers did. */
void espota_image_details(struct espota_image_details *details, const struct espota_image *image,
                          const uint8_t *data, size_t size);

/** The kinds of memory that a segment at this address begins in, as "DROM" or "DRAM, IRAM"; "padding" for
 * what is not loaded at all, "" where nothing is known. `chip` may be NULL. @return `text`. */
#define ESPOTA_MEMORY_TEXT 128
const char *espota_chip_memory_text(const struct espota_chip *chip, uint32_t address,
                                    char text[ESPOTA_MEMORY_TEXT]);

#pragma GCC visibility pop

#endif
