#include "espota/image.h"

#include "espota/bytes.h"
#include "espota/hash.h"

#include <string.h>

struct examination {
    struct espota_image *image;
    const struct espota_image_source *source;
    const struct espota_hash *sha256;
    uint8_t *buffer;
    size_t buffer_size;
    uint32_t at;
};

enum espota_image_verdict espota_image_parse_header(struct espota_image *image,
                                                    const uint8_t header[ESPOTA_IMAGE_HEADER_SIZE])
{
    memset(image, 0, sizeof *image);
    if (header[0] != ESPOTA_IMAGE_MAGIC)
        return ESPOTA_IMAGE_NO_MAGIC;
    image->segment_count = header[1];
    image->flash_mode = header[2];
    image->flash_frequency = header[3] & 0x0f;
    image->flash_size = header[3] >> 4;
    image->entry = espota_get_le32(header + 4);
    image->chip_id = espota_get_le16(header + 12);
    image->min_revision = espota_get_le16(header + 15);
    image->max_revision = espota_get_le16(header + 17);
    image->hash_appended = header[23] == 1;
    if (image->segment_count == 0 || image->segment_count > ESPOTA_IMAGE_MAX_SEGMENTS)
        return ESPOTA_IMAGE_BAD_SEGMENTS;
    return ESPOTA_IMAGE_OK;
}

bool espota_image_is_for_revision(const struct espota_image *image, uint16_t revision)
{
    bool limited = image->max_revision != 0 && image->max_revision != UINT16_MAX;
    return revision >= image->min_revision && (!limited || revision <= image->max_revision);
}

/* Read and hash the next `length` bytes into `to`. */
static enum espota_image_verdict take(struct examination *e, uint8_t *to, size_t length)
{
    if (length > e->source->size - e->at)
        return ESPOTA_IMAGE_TRUNCATED;
    if (e->source->read(e->source->context, e->at, to, length) != 0)
        return ESPOTA_IMAGE_READ_FAILED;
    if (e->sha256->update(e->sha256->context, to, length) != 0)
        return ESPOTA_IMAGE_HASH_FAILED;
    e->at += (uint32_t)length;
    return ESPOTA_IMAGE_OK;
}

static void copy_text(char *to, const uint8_t *from, size_t length)
{
    memcpy(to, from, length);
    to[length] = '\0';
}

static void parse_description(struct espota_image *image, const uint8_t *data)
{
    static const struct {
        uint8_t from, length, to;
    } texts[] = {
#ifdef ESPOTA_SMALL /* what an agent asks for */
        { 48, 32, offsetof(struct espota_app_desc, project) },
#else
        { 16, 32, offsetof(struct espota_app_desc, version) },
        { 48, 32, offsetof(struct espota_app_desc, project) },
        { 80, 16, offsetof(struct espota_app_desc, time) },
        { 96, 16, offsetof(struct espota_app_desc, date) },
        { 112, 32, offsetof(struct espota_app_desc, idf_version) },
#endif
    };
    struct espota_app_desc *d = &image->description;
    if (espota_get_le32(data) != ESPOTA_APP_DESC_MAGIC)
        return;
    image->has_description = true;
    d->secure_version = espota_get_le32(data + 4);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        copy_text((char *)d + texts[i].to, data + texts[i].from, texts[i].length);
    memcpy(d->elf_sha256, data + 144, sizeof d->elf_sha256);
}

static enum espota_image_verdict examine_segment(struct examination *e, unsigned index)
{
    uint8_t header[8];
    enum espota_image_verdict verdict = take(e, header, sizeof header);
    if (verdict != ESPOTA_IMAGE_OK)
        return verdict;
    struct espota_image_segment *segment = &e->image->segment[index];
    segment->load_address = espota_get_le32(header);
    segment->length = espota_get_le32(header + 4);
    segment->offset = e->at;
    if (segment->length % 4 || segment->length >= ESPOTA_IMAGE_MAX_LENGTH)
        return ESPOTA_IMAGE_BAD_LENGTH;
    for (uint32_t left = segment->length; left > 0;) {
        size_t chunk = left < e->buffer_size ? left : e->buffer_size;
        verdict = take(e, e->buffer, chunk);
        if (verdict != ESPOTA_IMAGE_OK)
            return verdict;
        if (index == 0 && left == segment->length && chunk >= ESPOTA_APP_DESC_SIZE)
            parse_description(e->image, e->buffer);
        for (size_t i = 0; i < chunk; i++)
            e->image->checksum_computed ^= e->buffer[i];
        left -= (uint32_t)chunk;
    }
    return ESPOTA_IMAGE_OK;
}

/* The checksum is the last byte of the 16-byte block that follows the segments. */
static enum espota_image_verdict examine_tail(struct examination *e)
{
    uint8_t block[16];
    size_t padding = 16 - e->at % 16;
    enum espota_image_verdict verdict = take(e, block, padding);
    if (verdict != ESPOTA_IMAGE_OK)
        return verdict;
    struct espota_image *image = e->image;
    image->checksum_stored = block[padding - 1];
    image->length = e->at;
    if (e->sha256->so_far(e->sha256->context, image->hash_computed) != 0)
        return ESPOTA_IMAGE_HASH_FAILED;
    if (image->hash_appended) {
        verdict = take(e, image->hash_stored, sizeof image->hash_stored);
        if (verdict != ESPOTA_IMAGE_OK)
            return verdict;
        image->length = e->at;
    }
    if (image->checksum_stored != image->checksum_computed)
        return ESPOTA_IMAGE_BAD_CHECKSUM;
    if (image->hash_appended && memcmp(image->hash_stored, image->hash_computed, ESPOTA_SHA256_LENGTH) != 0)
        return ESPOTA_IMAGE_BAD_HASH;
    return ESPOTA_IMAGE_OK;
}

enum espota_image_verdict espota_image_examine(struct espota_image *image,
                                               const struct espota_image_source *source,
                                               const struct espota_hash *sha256, uint8_t *buffer,
                                               size_t buffer_size)
{
    struct examination e = { image, source, sha256, buffer, buffer_size, 0 };
    uint8_t header[ESPOTA_IMAGE_HEADER_SIZE] = { 0 };
    memset(image, 0, sizeof *image);
    if (sha256->begin(sha256->context) != 0)
        return ESPOTA_IMAGE_HASH_FAILED;
    if (source->size > 0 && source->read(source->context, 0, header, 1) != 0)
        return ESPOTA_IMAGE_READ_FAILED;
    if (source->size > 0 && header[0] != ESPOTA_IMAGE_MAGIC)
        return ESPOTA_IMAGE_NO_MAGIC;
    enum espota_image_verdict verdict = take(&e, header, sizeof header);
    if (verdict != ESPOTA_IMAGE_OK)
        return verdict;
    verdict = espota_image_parse_header(image, header);
    image->checksum_computed = ESPOTA_IMAGE_CHECKSUM_SEED;
    for (unsigned i = 0; verdict == ESPOTA_IMAGE_OK && i < image->segment_count; i++)
        verdict = examine_segment(&e, i);
    return verdict == ESPOTA_IMAGE_OK ? examine_tail(&e) : verdict;
}

static enum espota_image_verdict peek(const struct espota_image_source *source, uint32_t at, void *to,
                                      size_t length)
{
    if (at > source->size || length > source->size - at)
        return ESPOTA_IMAGE_TRUNCATED;
    return source->read(source->context, at, to, length) == 0 ? ESPOTA_IMAGE_OK : ESPOTA_IMAGE_READ_FAILED;
}

static enum espota_image_verdict parse_segment_header(struct espota_image *image,
                                                      const struct espota_image_source *source,
                                                      unsigned index, uint32_t *at)
{
    uint8_t header[8], description[ESPOTA_APP_DESC_SIZE];
    struct espota_image_segment *segment = &image->segment[index];
    enum espota_image_verdict verdict = peek(source, *at, header, sizeof header);
    if (verdict != ESPOTA_IMAGE_OK)
        return verdict;
    segment->load_address = espota_get_le32(header);
    segment->length = espota_get_le32(header + 4);
    segment->offset = *at + (uint32_t)sizeof header;
    if (segment->length % 4 || segment->length >= ESPOTA_IMAGE_MAX_LENGTH)
        return ESPOTA_IMAGE_BAD_LENGTH;
    if (segment->length > source->size - segment->offset)
        return ESPOTA_IMAGE_TRUNCATED;
    if (index == 0 && segment->length >= sizeof description) {
        verdict = peek(source, segment->offset, description, sizeof description);
        if (verdict == ESPOTA_IMAGE_OK)
            parse_description(image, description);
    }
    *at = segment->offset + segment->length;
    return verdict;
}

enum espota_image_verdict espota_image_parse_headers(struct espota_image *image,
                                                     const struct espota_image_source *source)
{
    uint8_t header[ESPOTA_IMAGE_HEADER_SIZE];
    uint32_t at = ESPOTA_IMAGE_HEADER_SIZE;
    memset(image, 0, sizeof *image);
    enum espota_image_verdict verdict = peek(source, 0, header, sizeof header);
    if (verdict == ESPOTA_IMAGE_OK)
        verdict = espota_image_parse_header(image, header);
    for (unsigned i = 0; verdict == ESPOTA_IMAGE_OK && i < image->segment_count; i++)
        verdict = parse_segment_header(image, source, i, &at);
    if (verdict != ESPOTA_IMAGE_OK)
        return verdict;
    at += 16 - at % 16;
    verdict = peek(source, at - 1, &image->checksum_stored, 1);
    if (verdict == ESPOTA_IMAGE_OK && image->hash_appended) {
        verdict = peek(source, at, image->hash_stored, sizeof image->hash_stored);
        at += (uint32_t)sizeof image->hash_stored;
    }
    if (verdict == ESPOTA_IMAGE_OK)
        image->length = at;
    return verdict;
}

int espota_image_memory_read(void *memory, uint32_t offset, void *buffer, size_t length)
{
    const struct espota_image_memory *m = memory;
    if (offset > m->size || length > m->size - offset)
        return -1;
    memcpy(buffer, m->data + offset, length);
    return 0;
}
