/* The parts of an image: headers, segments of code and of data, what is around them. */
#include "base/encode_parts.h"

#include "espota/bytes.h"

#include <stdlib.h>

#define SECTOR       ESPOTA_CODER_SECTOR
#define IMAGE_MAGIC  0xE9u
#define IMAGE_HEADER 24u
#define MAX_SEGMENTS 16u

/* ---- the image's parts
 * ----------------------------------------------------------------------------------------- */
struct taken_apart {
    struct encode_parts *parts;
    const struct coder_isa *isa; /* NULL: none is known */
    const uint8_t *image;
    size_t image_length;
};

static int add_region(const struct taken_apart *e, struct region region)
{
    struct encode_parts *parts = e->parts;
    struct region *grown = realloc(parts->region, (parts->regions + 1) * sizeof *grown);
    if (grown == NULL)
        return -1;
    parts->region = grown;
    parts->region[parts->regions++] = region;
    return 0;
}

static const struct coder_isa *isa_of(enum espota_isa isa)
{
    return isa == ESPOTA_ISA_XTENSA ? &coder_isa_xtensa : isa == ESPOTA_ISA_RISCV ? &coder_isa_riscv : NULL;
}

/* Whole segments that an image at `offset` has, up to the first that does not fit. */
static unsigned count_segments(const struct taken_apart *e, size_t offset)
{
    const uint8_t *header = e->image + offset;
    if (e->image_length - offset < IMAGE_HEADER || header[0] != IMAGE_MAGIC || header[1] == 0 ||
        header[1] > MAX_SEGMENTS)
        return 0;
    size_t at = offset + IMAGE_HEADER;
    for (unsigned i = 0; i < header[1]; i++) {
        if (e->image_length - at < 8 || espota_get_le32(e->image + at + 4) > e->image_length - at - 8)
            return i;
        at += 8 + espota_get_le32(e->image + at + 4);
    }
    return header[1];
}

static int add_segment(const struct taken_apart *e, uint32_t at, uint32_t left)
{
    struct region header = { .offset = at, .length = 8, .segments_left = left, .header = true };
    struct region data = { .offset = at + 8, .segments_left = left };
    data.address = espota_get_le32(e->image + at);
    data.length = espota_get_le32(e->image + at + 4);
    const struct coder_isa *isa = e->isa;
    data.code = isa != NULL && isa->holds_code(data.address);
    if (data.code && isa->is_code != NULL)
        data.code = isa->is_code(e->image + data.offset, data.length);
    if (data.code && data.offset % 4 == 0)
        isa->mark_literals(e->image + data.offset, data.length, data.address,
                           e->parts->literals + data.offset / 4);
    return add_region(e, header) != 0 || add_region(e, data) != 0 ? -1 : 0;
}

/* The parts of an image at `*at`, which moves behind them. */
static int add_image(const struct taken_apart *e, uint32_t *at, unsigned segments)
{
    int bad =
        add_region(e, (struct region){ .offset = *at, .length = IMAGE_HEADER, .segments_left = segments });
    *at += IMAGE_HEADER;
    for (unsigned left = segments; left > 0 && bad == 0; left--) {
        bad = add_segment(e, *at, left - 1);
        *at += 8 + espota_get_le32(e->image + *at + 4);
    }
    return bad;
}

/* Images begin at sectors; between them is something else. */
static int add_regions(const struct taken_apart *e)
{
    uint32_t at = 0, length = (uint32_t)e->image_length;
    while (at < length) {
        unsigned segments = at % SECTOR == 0 ? count_segments(e, at) : 0;
        if (segments > 0) {
            if (add_image(e, &at, segments) != 0)
                return -1;
            continue;
        }
        uint32_t next = (at | (SECTOR - 1)) + 1;
        while (next < length && count_segments(e, next) == 0)
            next += SECTOR;
        if (add_region(e, (struct region){ .offset = at, .length = next - at, .outside = true }) != 0)
            return -1;
        at = next;
    }
    return add_region(e, (struct region){ .offset = at, .length = UINT32_MAX - at, .outside = true });
}

uint64_t encode_sector_hash(const uint8_t *sector)
{
    uint64_t hash = 0;
    for (uint32_t at = 0; at < SECTOR; at += 8) {
        uint64_t word = espota_get_le32(sector + at) | (uint64_t)espota_get_le32(sector + at + 4) << 32;
        hash = ((hash ^ word) * 0x9E3779B97F4A7C15u) ^ hash >> 29;
    }
    return hash;
}

int encode_parts_make(struct encode_parts *parts, enum espota_isa isa, const uint8_t *image, size_t length)
{
    const struct taken_apart e = {
        .parts = parts, .isa = isa_of(isa), .image = image, .image_length = length
    };
    *parts = (struct encode_parts){ .isa = isa,
                                    .length = length,
                                    .literals = calloc(length / 4 + 1, 1),
                                    .hash = calloc(length / SECTOR + 1, sizeof *parts->hash) };
    if (parts->literals == NULL || parts->hash == NULL)
        return -1;
    for (size_t i = 0; i < length / SECTOR; i++)
        parts->hash[i] = encode_sector_hash(image + i * SECTOR);
    return add_regions(&e);
}

void encode_parts_free(struct encode_parts *parts)
{
    free(parts->region);
    free(parts->literals);
    free(parts->hash);
    *parts = (struct encode_parts){ 0 };
}

const struct region *encode_region_at(struct espota_encoder *e, uint32_t offset)
{
    const struct region *region = e->parts->region;
    while (offset < region[e->at].offset)
        e->at--;
    while (offset - region[e->at].offset >= region[e->at].length)
        e->at++;
    return &region[e->at];
}
