#include "espota/image_details.h"

#include "espota/bytes.h"

#include <stdio.h>
#include <string.h>

enum {
    /* in the header */
    WP_PIN = 8,
    DRIVES = 9,
    OLDEST_REVISION = 14,
    /* in an app description */
    MIN_BLOCK = 176,
    MAX_BLOCK = 178,
    PAGE = 180,
    /* a bootloader's description */
    LOADER_SIZE = 80,
    LOADER_MAGIC = 0x50,
    LOADER_SECURE_VERSION = 3,
    LOADER_VERSION = 4,
    LOADER_IDF = 8,
    LOADER_DATE = 40,
    PADDING_END = 0x10000,
};

static void copy_text(char *to, size_t room, const uint8_t *from)
{
    memcpy(to, from, room - 1);
    to[room - 1] = '\0';
}

static void find_bootloader(struct espota_image_details *details, const struct espota_image *image,
                            const uint8_t *data, size_t size)
{
    for (unsigned i = 0; i < image->segment_count && i < ESPOTA_IMAGE_MAX_SEGMENTS; i++) {
        const struct espota_image_segment *s = &image->segment[i];
        if (s->length < LOADER_SIZE || s->offset > size || size - s->offset < LOADER_SIZE ||
            data[s->offset] != LOADER_MAGIC)
            continue;
        const uint8_t *d = data + s->offset;
        char idf[33];
        copy_text(idf, sizeof idf, d + LOADER_IDF);
        if (idf[0] != 'v' && !strchr(idf, '.')) /* code that happens to begin so */
            continue;
        details->has_bootloader = true;
        details->bootloader.version = espota_get_le32(d + LOADER_VERSION);
        details->bootloader.secure_version = d[LOADER_SECURE_VERSION];
        memcpy(details->bootloader.idf_version, idf, sizeof idf);
        copy_text(details->bootloader.date_time, sizeof details->bootloader.date_time, d + LOADER_DATE);
        return;
    }
}

void espota_image_details(struct espota_image_details *details, const struct espota_image *image,
                          const uint8_t *data, size_t size)
{
    memset(details, 0, sizeof *details);
    if (size < ESPOTA_IMAGE_HEADER_SIZE)
        return;
    details->wp_pin = data[WP_PIN];
    for (unsigned i = 0; i < 6; i++)
        details->drive[i] = data[DRIVES + i / 2] >> (i % 2 * 4) & 0x0f;
    details->oldest_revision = data[OLDEST_REVISION];
    if (!image->has_description) {
        find_bootloader(details, image, data, size);
        return;
    }
    const uint8_t *d = data + image->segment[0].offset;
    if (image->segment[0].offset > size || size - image->segment[0].offset < ESPOTA_APP_DESC_SIZE)
        return;
    details->min_block_revision = espota_get_le16(d + MIN_BLOCK);
    details->max_block_revision = espota_get_le16(d + MAX_BLOCK);
    details->page_size = d[PAGE] > 0 && d[PAGE] < 32 ? (uint32_t)1 << d[PAGE] : 0;
}

const char *espota_chip_memory_text(const struct espota_chip *chip, uint32_t address,
                                    char text[ESPOTA_MEMORY_TEXT])
{
    size_t used = 0;
    text[0] = '\0';
    if (address < PADDING_END)
        snprintf(text, ESPOTA_MEMORY_TEXT, "padding");
    for (unsigned i = 0; chip && i < ESPOTA_CHIP_MAX_MEMORY && chip->memory[i].type; i++)
        if (chip->memory[i].start <= address && address < chip->memory[i].end &&
            used < ESPOTA_MEMORY_TEXT - 32)
            used += (size_t)snprintf(text + used, ESPOTA_MEMORY_TEXT - used, "%s%s", used ? ", " : "",
                                     chip->memory[i].type);
    return text;
}
