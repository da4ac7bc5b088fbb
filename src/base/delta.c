/* Bases: how an image is made of another one. */
#include "base/delta.h"

#include "espota/bytes.h"
#include "espota/digest.h"

#include <stdlib.h>
#include <string.h>

struct espota_base {
    const uint8_t *old;
    uint32_t old_length;
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
};

void delta_base_head(const struct espota_base *base, uint8_t head[ESPOTA_STREAM_BASE_SIZE])
{
    espota_put_le32(head, 0);
    espota_put_le32(head + 4, base->old_length);
    memcpy(head + 8, base->sha256, sizeof base->sha256);
}

uint32_t delta_base_length(const struct espota_base *base)
{
    return base->old_length;
}

int delta_base_read(const struct espota_base *base, uint32_t offset, void *buffer, size_t length)
{
    if (offset > base->old_length || length > base->old_length - offset)
        return -1;
    memcpy(buffer, base->old + offset, length);
    return 0;
}

struct coder_map_source delta_map_source(const struct espota_base *base)
{
    (void)base;
    return (struct coder_map_source){ 0 };
}

int espota_base_new(struct espota_base **base, enum espota_isa isa, const uint8_t *old, size_t old_length,
                    const uint8_t *image, size_t image_length, struct espota_error *error)
{
    (void)isa;
    (void)image;
    *base = NULL;
    if (old_length == 0 || image_length == 0 || old_length > INT32_MAX || image_length > INT32_MAX)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "cannot make an image of %zu bytes from a base of %zu bytes", image_length,
                           old_length);
    struct espota_base *made = calloc(1, sizeof *made);
    if (made == NULL)
        return espota_fail_memory(error, "compare an image with its base");
    made->old = old;
    made->old_length = (uint32_t)old_length;
    if (espota_sha256(old, old_length, made->sha256) != 0) {
        free(made);
        return espota_fail(error, ESPOTA_ERR_FAILED, "cannot compute the SHA-256 of a base");
    }
    *base = made;
    return 0;
}

void espota_base_free(struct espota_base *base)
{
    free(base);
}

bool espota_base_helps(const struct espota_base *base)
{
    (void)base;
    return true;
}

void espota_stream_set_base(uint8_t *stream, size_t size, uint32_t flash_offset)
{
    if (size >= ESPOTA_STREAM_HEAD_SIZE + ESPOTA_STREAM_BASE_SIZE && stream[0] == ESPOTA_STREAM_CODED &&
        stream[ESPOTA_STREAM_BASES] == 1)
        espota_put_le32(stream + ESPOTA_STREAM_HEAD_SIZE, flash_offset);
}
