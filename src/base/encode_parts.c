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
static int add_region(struct espota_encoder *e, struct region region)
{
    struct region *grown = realloc(e->region, (e->regions + 1) * sizeof *grown);
    if (grown == NULL)
        return -1;
    e->region = grown;
    e->region[e->regions++] = region;
    return 0;
}

static const struct coder_isa *isa_of(const struct espota_encoder *e)
{
    return e->isa == ESPOTA_ISA_XTENSA  ? &coder_isa_xtensa
           : e->isa == ESPOTA_ISA_RISCV ? &coder_isa_riscv
                                        : NULL;
}

/* Whole segments that an image at `offset` has, up to the first that does not fit. */
static unsigned count_segments(const struct espota_encoder *e, size_t offset)
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

static int add_segment(struct espota_encoder *e, uint32_t at, uint32_t left)
{
    struct region header = { .offset = at, .length = 8, .segments_left = left, .header = true };
    struct region data = { .offset = at + 8, .segments_left = left };
    data.address = espota_get_le32(e->image + at);
    data.length = espota_get_le32(e->image + at + 4);
    const struct coder_isa *isa = isa_of(e);
    data.code = isa != NULL && isa->holds_code(data.address);
    if (data.code && isa->is_code != NULL)
        data.code = isa->is_code(e->image + data.offset, data.length);
    if (data.code && data.offset % 4 == 0)
        isa->mark_literals(e->image + data.offset, data.length, data.address, e->literals + data.offset / 4);
    return add_region(e, header) != 0 || add_region(e, data) != 0 ? -1 : 0;
}

/* The parts of an image at `*at`, which moves behind them. */
static int add_image(struct espota_encoder *e, uint32_t *at, unsigned segments)
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
int encode_add_regions(struct espota_encoder *e)
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

const struct region *encode_region_at(struct espota_encoder *e, uint32_t offset)
{
    while (offset < e->region[e->at].offset)
        e->at--;
    while (offset - e->region[e->at].offset >= e->region[e->at].length)
        e->at++;
    return &e->region[e->at];
}
