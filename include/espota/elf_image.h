/** From the linker's output to what a bootloader loads: ELF programs made into app and bootloader images.
 *
 * The image is byte for byte what `esptool elf2image` makes: the loaded sections, adjoining ones of one kind
 * of memory joined, at most 16; those that are mapped from flash behind a multiple of the MMU's page, filled
 * up with pieces of the others; the SHA-256 of the ELF file in the app description; checksum and SHA-256.
 * What esptool refuses and linker scripts of esp-hal do is made too: mapped sections that share a page of the
 * MMU lie in one page of flash, as far from each other as in memory.
 * Sources: esptool 5.6, docs/en/esptool/basic-commands.rst (elf2image),
 * docs/en/advanced-topics/firmware-image-format.rst, and what it does (tests/interop/elf_image.sh); ESP-IDF,
 * esp_app_format/include/esp_app_desc.h. ELF files are read by libelf of elfutils. */
#ifndef ESPOTA_ELF_IMAGE_H
#define ESPOTA_ELF_IMAGE_H

#pragma GCC visibility push(default)

#include "espota/buffer.h"
#include "espota/chip.h"
#include "espota/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Room for a signature, so that image and signature end with an MMU page. */
enum espota_elf_padding {
    ESPOTA_ELF_NO_PADDING,
    ESPOTA_ELF_PADDING_V1, /* secure boot V1, ESP32 alone */
    ESPOTA_ELF_PADDING_V2,
};

/** What is not in the ELF file. Begin with espota_elf_image_defaults. */
struct espota_elf_image_options {
    const struct espota_chip *chip; /* NULL: the one that the ELF file is for, if only one fits */
    uint8_t flash_mode, flash_frequency, flash_size; /* as in the header (espota/image.h) */
    uint8_t oldest_revision;                         /* as images before ESP-IDF 4.4 have it: major alone */
    uint16_t min_revision, max_revision;             /* major * 100 + minor */
    uint32_t page_size;   /* of the MMU, bytes; 0: as the app description says, or 64K */
    uint32_t hash_offset; /* of the ELF file's SHA-256 in the image; 0: in the app description, if one is in
                             flash */
    uint32_t pad_to;      /* fill up with FF to a multiple of so many bytes; 0: not */
    enum espota_elf_padding padding;
    bool segments;        /* go by the ELF file's segments, not its sections */
    bool no_hash;         /* append no SHA-256 of the image */
    bool ram_only_header; /* the ROM sees what goes into RAM alone; no SHA-256 either */
};

/** esptool's: QIO, 1M, frequency 0, any revision. */
extern const struct espota_elf_image_options espota_elf_image_defaults;

/** Zero-initialise; espota_elf_image_free when done. */
struct espota_elf_image {
    struct espota_bytes image;
    const struct espota_chip *chip;
    uint32_t page_size;    /* bytes */
    bool page_size_unsure; /* it could not be told from where the app description lies: it may be wrong */
    unsigned joined;       /* sections that became a part of another */
};

#define ESPOTA_ELF_MAX_CHIPS 16

/** The chips that an ELF file may be for: where all of it finds memory, and of those the ones that its
 * strings and debug information name. `name` is for messages.
 * @return 0 with at least one; ESPOTA_ERR_VERIFY when it is no program for any of them, or damaged. */
int espota_elf_chips(const char *name, const void *elf, size_t size,
                     const struct espota_chip *chips[ESPOTA_ELF_MAX_CHIPS], unsigned *count,
                     struct espota_error *error);

/** Make the image of the `size` bytes of an ELF file at `elf`. `name` is for messages.
 * @return 0; ESPOTA_ERR_USAGE with ESPOTA_HINT_NAME_CHIP when several chips fit and none is given, and for
 * options that contradict each other or the chip; ESPOTA_ERR_VERIFY when it is no program for that chip, is
 * damaged, or its sections make no image (two overlap, two share a page of the MMU, too many are left). */
int espota_elf_image_make(struct espota_elf_image *made, const char *name, const void *elf, size_t size,
                          const struct espota_elf_image_options *options, struct espota_error *error);
void espota_elf_image_free(struct espota_elf_image *made);

/** If `bytes` are an ELF file, put its image into their place; whatever else they are stays as it is. `chip`
 * is NULL, or the one that it has to be for. `*converted`: they were one.
 * @return as espota_elf_image_make; the bytes stay after a failure. */
int espota_elf_image_replace(struct espota_bytes *bytes, const char *name, const struct espota_chip *chip,
                             bool *converted, struct espota_error *error);

#pragma GCC visibility pop

#endif
