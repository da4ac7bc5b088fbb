/* The segments of an image of an ELF program, and where they go in it. */
#ifndef ESPOTA_IMAGE_ELF_LAYOUT_H
#define ESPOTA_IMAGE_ELF_LAYOUT_H

#include "elf.h"

#include "espota/buffer.h"
#include "espota/chip.h"
#include "espota/elf_image.h"
#include "espota/hash.h"

#include <stdbool.h>

struct elf_segment {
    const char *name; /* of its first section */
    uint32_t address, alignment;
    struct espota_bytes data; /* a multiple of 4 */
    uint32_t used;            /* from its start, in the image already */
    size_t at;                /* of a mapped one that is in the image: where its data begins in it */
};

struct elf_layout {
    const char *name; /* of the ELF file, for messages */
    const struct espota_chip *chip;
    uint32_t page_size;
    bool ram_only_header;
    enum espota_elf_padding padding;
    uint32_t hash_offset; /* of `hash` in the image; 0: nowhere */
    uint8_t hash[ESPOTA_SHA256_LENGTH];

    struct elf_segment *segment; /* ascending: what goes into memory, then what is mapped from flash */
    unsigned count, in_memory, joined;
    uint32_t total;             /* bytes of all parts */
    struct espota_bytes *image; /* with the header already */
    uint8_t checksum;
    unsigned written; /* segments of the image that its header counts */
    bool hash_placed;
};

/* Join `parts`, which may be put into another order, into segments. elf_layout_free when done, also after a
 * failure. */
int elf_layout_take(struct elf_layout *layout, struct elf_part *parts, unsigned count,
                    struct espota_error *error);
void elf_layout_free(struct elf_layout *layout);

/* Does the second of two mapped segments begin in the page in which the first one ends? Then they lie in one
 * page of flash too, as far from each other as in memory. */
bool elf_segments_share_page(const struct elf_layout *layout, const struct elf_segment *first,
                             const struct elf_segment *second);

/* elf_write.c: append them to the image, up to its checksum. */
int elf_layout_write(struct elf_layout *layout, struct espota_error *error);

#endif
