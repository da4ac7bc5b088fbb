/* Applying a patch on the host, as an agent does it on a device. */
#include "espota/patch.h"

#include "espota/bytes.h"
#include "espota/coder.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/image.h"

#include <stdlib.h>
#include <string.h>

#define SECTOR ESPOTA_CODER_SECTOR

struct applying {
    const struct espota_patch *patch;
    const uint8_t *base;
    uint8_t *image;  /* whole sectors */
    uint32_t offset; /* of the sector that is being rebuilt */
    size_t at;       /* in the stream: the next chunk */
    uint32_t chunk;  /* of those behind the map: the next one */
    void *memory;
    struct espota_coder_image around;
};

static int read_image(void *context, uint32_t offset, void *buffer, size_t length)
{
    const struct applying *a = context;
    if (offset > a->offset || length > a->offset - offset)
        return -1;
    memcpy(buffer, a->image + offset, length);
    return 0;
}

static int read_base(void *context, uint32_t offset, void *buffer, size_t length)
{
    const struct applying *a = context;
    if (offset > a->patch->head.base_length || length > a->patch->head.base_length - offset)
        return -1;
    memcpy(buffer, a->base + offset, length);
    return 0;
}

/* The next chunk, behind its word. */
static const uint8_t *take_chunk(struct applying *a, unsigned *kind, size_t *length)
{
    const uint8_t *chunk = a->patch->stream + a->at;
    size_t size = espota_stream_chunk_size(chunk, a->patch->head.stream_length - a->at);
    a->at += size;
    *kind = espota_get_le16(chunk) >> 14;
    *length = size - 2;
    return chunk + 2;
}

static int begin(struct applying *a)
{
    const struct espota_patch_head *h = &a->patch->head;
    a->around = (struct espota_coder_image){ .context = a,
                                             .read = read_image,
                                             .read_base = read_base,
                                             .base_length = h->base_length,
                                             .layout = a->patch->stream[ESPOTA_BASED_LAYOUT] };
    size_t size = espota_decoder.memory_with_base(h->table_log), length;
    unsigned kind;
    a->memory = calloc(1, size);
    if (!a->memory)
        return ESPOTA_ERR_NOMEM;
    if (espota_decoder.begin(a->memory, size, h->isa, h->table_log, 0, &a->around) != 0)
        return ESPOTA_ERR_VERIFY;
    for (size_t end = a->at + h->map_length; a->at < end;) {
        const uint8_t *chunk = take_chunk(a, &kind, &length);
        if (espota_decoder.map(a->memory, chunk, length) != (a->at < end))
            return ESPOTA_ERR_VERIFY;
    }
    return 0;
}

/* A coded chunk is for as many sectors as it says, and as the decoder finds in it. */
static int decode(struct applying *a, const uint8_t *chunk, size_t length)
{
    for (uint32_t left = espota_patch_sectors(a->patch, a->chunk); left > 0; left--, a->offset += SECTOR) {
        if (espota_decoder.sector(a->memory, chunk, length, a->image + a->offset) != (left > 1))
            return -1;
        chunk = NULL;
        length = 0;
    }
    return 0;
}

static int next_chunk(struct applying *a)
{
    uint8_t *sector = a->image + a->offset;
    size_t length;
    unsigned kind;
    const uint8_t *chunk = take_chunk(a, &kind, &length);
    if (kind == ESPOTA_CHUNK_CODED)
        return decode(a, chunk, length);
    if (kind == ESPOTA_CHUNK_STORED)
        memcpy(sector, chunk, SECTOR);
    else if (kind == ESPOTA_CHUNK_FILL)
        memset(sector, chunk[0], SECTOR);
    else if (read_image(a, espota_get_le32(chunk), sector, SECTOR) != 0)
        return -1;
    a->offset += SECTOR;
    return 0;
}

static int rebuild(struct applying *a)
{
    int result = begin(a);
    for (; result == 0 && a->chunk < a->patch->chunks; a->chunk++)
        if (next_chunk(a) != 0)
            result = ESPOTA_ERR_VERIFY;
    free(a->memory);
    return result;
}

/* It may have more behind it than the device has. */
static int check_base(const struct espota_patch *patch, const char *name,
                      const struct espota_patch_image *base, struct espota_error *error)
{
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    const struct espota_patch_head *h = &patch->head;
    if (base->size >= h->base_length && espota_sha256(base->data, h->base_length, sha256) == 0 &&
        memcmp(sha256, h->base_sha256, sizeof sha256) == 0)
        return 0;
    return espota_fail(error, ESPOTA_ERR_VERIFY,
                       "%s is not what %s is a patch against: that is an image of %lu bytes with SHA-256 "
                       "%02x%02x%02x%02x...",
                       base->name, name, (unsigned long)h->base_length, h->base_sha256[0], h->base_sha256[1],
                       h->base_sha256[2], h->base_sha256[3]);
}

/* What came of it, against what was promised. */
static int check_image(const struct espota_patch *patch, const char *name, const uint8_t *image,
                       struct espota_error *error)
{
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    const struct espota_patch_head *h = &patch->head;
    if (espota_sha256(image, h->image_length, sha256) == 0 &&
        memcmp(sha256, h->image_sha256, sizeof sha256) == 0)
        return 0;
    return espota_fail(error, ESPOTA_ERR_VERIFY,
                       "%s is wrong: another image comes of it than the one that it promises", name);
}

int espota_patch_apply(const struct espota_patch *patch, const char *name,
                       const struct espota_patch_image *base, struct espota_bytes *image,
                       struct espota_error *error)
{
    const struct espota_patch_head *h = &patch->head;
    struct applying a = { .patch = patch, .base = base->data, .at = ESPOTA_BASED_HEAD_SIZE };
    if (h->image_length > ESPOTA_IMAGE_MAX_LENGTH + 2 * SECTOR) /* with a signature */
        return espota_fail(error, ESPOTA_ERR_TOO_BIG, "%s is for an image of %lu bytes: no device takes that",
                           name, (unsigned long)h->image_length);
    int result = check_base(patch, name, base, error);
    if (result != 0)
        return result;
    a.image = calloc(h->image_length / SECTOR + 1, SECTOR);
    if (!a.image)
        return espota_fail_memory(error, "applying a patch");
    result = rebuild(&a);
    if (result == ESPOTA_ERR_NOMEM)
        espota_fail_memory(error, "applying a patch");
    else if (result != 0)
        espota_fail(error, ESPOTA_ERR_VERIFY, "%s is malformed: it cannot be decoded", name);
    if (result == 0)
        result = check_image(patch, name, a.image, error);
    if (result == 0)
        result = espota_bytes_append(image, a.image, h->image_length, error);
    free(a.image);
    return result;
}
