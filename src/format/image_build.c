/* Making images. */
#include "espota/bytes.h"
#include "espota/hash.h"
#include "espota/image.h"

#include <string.h>

#define BLOCK 16u

size_t espota_image_build_size(const struct espota_image_part *parts, unsigned count)
{
    size_t size = ESPOTA_IMAGE_HEADER_SIZE;
    if (count == 0 || count > ESPOTA_IMAGE_MAX_SEGMENTS)
        return 0;
    for (unsigned i = 0; i < count; i++) {
        if (parts[i].length % 4 || parts[i].length >= ESPOTA_IMAGE_MAX_LENGTH)
            return 0;
        size += 8 + parts[i].length;
    }
    size += BLOCK - size % BLOCK + ESPOTA_SHA256_LENGTH;
    return size <= ESPOTA_IMAGE_MAX_LENGTH ? size : 0;
}

static void format_header(const struct espota_image *header, unsigned count, uint8_t *out)
{
    memset(out, 0, ESPOTA_IMAGE_HEADER_SIZE);
    out[0] = ESPOTA_IMAGE_MAGIC;
    out[1] = (uint8_t)count;
    out[2] = header->flash_mode;
    out[3] = (uint8_t)(header->flash_size << 4 | (header->flash_frequency & 0x0f));
    espota_put_le32(out + 4, header->entry);
    out[8] = 0xee; /* WP pin: not used */
    espota_put_le16(out + 12, header->chip_id);
    espota_put_le16(out + 15, header->min_revision);
    espota_put_le16(out + 17, header->max_revision);
    out[23] = 1; /* hash appended */
}

int espota_image_build(const struct espota_image *header, const struct espota_image_part *parts,
                       unsigned count, const struct espota_hash *sha256, uint8_t *out)
{
    size_t size = espota_image_build_size(parts, count);
    size_t at = ESPOTA_IMAGE_HEADER_SIZE;
    uint8_t checksum = ESPOTA_IMAGE_CHECKSUM_SEED;
    if (size == 0)
        return -1;
    format_header(header, count, out);
    for (unsigned i = 0; i < count; i++) {
        espota_put_le32(out + at, parts[i].load_address);
        espota_put_le32(out + at + 4, parts[i].length);
        memcpy(out + at + 8, parts[i].data, parts[i].length);
        for (uint32_t k = 0; k < parts[i].length; k++)
            checksum ^= parts[i].data[k];
        at += 8 + parts[i].length;
    }
    size_t end = size - ESPOTA_SHA256_LENGTH;
    memset(out + at, 0, end - at);
    out[end - 1] = checksum;
    if (sha256->begin(sha256->context) != 0 || sha256->update(sha256->context, out, end) != 0)
        return -1;
    return sha256->finish(sha256->context, out + end);
}
