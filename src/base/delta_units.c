/* Images normalised: references replaced by a hash of what they refer to, so that code which has moved looks
 * the same. */
#include "base/delta_units.h"

#include "espota/bytes.h"

#include <stdlib.h>
#include <string.h>

#define HASHED 16u /* bytes of what is referred to */

static struct delta_unit data_unit(const uint8_t *p, uint32_t left, uint32_t address)
{
    struct delta_unit unit = { .length = 1, .kept = { UINT32_MAX, UINT32_MAX } };
    if (address % 4 != 0 || left < 4)
        return unit;
    unit.length = 4;
    unit.target = espota_get_le32(p);
    unit.refers = delta_is_address(unit.target);
    if (unit.refers)
        unit.kept[0] = 0xFF000000;
    return unit;
}

static struct delta_unit unit_of(const struct delta_image *image, bool code, const uint8_t *p, uint32_t left,
                                 uint32_t address, bool *ended)
{
    if (code && image->isa == ESPOTA_ISA_XTENSA)
        return delta_unit_xtensa(p, left, address, ended);
    if (code && image->isa == ESPOTA_ISA_RISCV)
        return delta_unit_riscv(p, left, address, ended);
    return data_unit(p, left, address);
}

static const struct coder_isa *isa_of(enum espota_isa isa)
{
    return isa == ESPOTA_ISA_XTENSA ? &coder_isa_xtensa : isa == ESPOTA_ISA_RISCV ? &coder_isa_riscv : NULL;
}

bool delta_is_code(const struct delta_image *image, const struct coder_segment *s)
{
    const struct coder_isa *isa = isa_of(image->isa);
    return isa != NULL && isa->holds_code(s->address) &&
           (isa->is_code == NULL || isa->is_code(image->data + s->offset, s->length));
}

static uint32_t hash_of(const uint8_t *p, uint32_t length)
{
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < length; i++)
        hash = (hash ^ p[i]) * 16777619u;
    return hash ^ hash >> 15;
}

/* What is at an address, without what that refers to. */
static uint32_t hash_at(const struct delta_image *image, const uint8_t *plain, uint32_t address)
{
    uint32_t offset;
    if (!coder_segments_offset(&image->segments, address, &offset) || image->length - offset < HASHED)
        return 0;
    return hash_of(plain + offset, HASHED);
}

/* Replace what units of a segment refer to: by nothing, or by what is there in `plain`. */
static void normalise_segment(const struct delta_image *image, const struct coder_segment *s,
                              const uint8_t *plain, uint8_t *to)
{
    bool code = delta_is_code(image, s), ended = false;
    for (uint32_t at = 0; at < s->length;) {
        const uint8_t *p = image->data + s->offset + at;
        struct delta_unit unit = unit_of(image, code, p, s->length - at, s->address + at, &ended);
        uint32_t hash = unit.refers && plain != NULL ? hash_at(image, plain, unit.target) : 0;
        for (uint32_t i = 0; unit.refers && i < unit.length; i++) {
            uint8_t kept = (uint8_t)(unit.kept[i / 4] >> 8 * (i % 4));
            to[s->offset + at + i] = (uint8_t)((p[i] & kept) | ((hash >> 8 * (i % 4)) & (uint8_t)~kept));
        }
        for (uint32_t i = 1; code && i < unit.length; i++)
            image->within[(s->offset + at + i) / 8] |= (uint8_t)(1 << (s->offset + at + i) % 8);
        at += unit.length;
    }
}

static int read_data(void *context, uint32_t offset, void *buffer, size_t length)
{
    const struct delta_image *image = context;
    memcpy(buffer, image->data + offset, length);
    return 0;
}

int delta_image_normalise(struct delta_image *image, const uint8_t *data, uint32_t length,
                          enum espota_isa isa)
{
    *image = (struct delta_image){ .data = data, .length = length, .isa = isa };
    (void)coder_segments_parse(&image->segments, length, read_data, image);
    uint8_t *plain = malloc(length);
    image->normal = malloc(length);
    image->within = calloc(length / 8 + 1, 1);
    if (plain == NULL || image->normal == NULL || image->within == NULL) {
        free(plain);
        return -1;
    }
    memcpy(plain, data, length);
    memcpy(image->normal, data, length);
    for (uint32_t i = 0; i < image->segments.count; i++)
        normalise_segment(image, &image->segments.at[i], NULL, plain);
    for (uint32_t i = 0; i < image->segments.count; i++)
        normalise_segment(image, &image->segments.at[i], plain, image->normal);
    free(plain);
    return 0;
}

void delta_image_free(struct delta_image *image)
{
    free(image->normal);
    free(image->within);
}
