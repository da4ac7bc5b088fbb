/* How the map of a base travels: segments of the image, then blocks. */
#include "coder_base.h"

#ifdef ESPOTA_CODER_BASE

#define IMAGE_HEADER 24u
#define CHUNK_MARGIN 64u /* bytes that a block may take in a chunk, and more */
#define RECENT       3u

enum { GAP, LENGTH, SHIFT, VALUE, KINDS };
/* How a block's displacement is given: as that of one before, or by where the one before ends in the image.
 */
enum { AS_LAST, BEHIND_LAST, AS_RECENT };

enum { SET_SLOT = CODER_SETS, SET_TOP = SET_SLOT + 2 * KINDS, SET_FROM = SET_TOP + KINDS };

static uint32_t folded(uint32_t value)
{
    return value << 1 ^ (value >> 31 != 0 ? UINT32_MAX : 0);
}

static uint32_t unfolded(uint32_t value)
{
    return value >> 1 ^ ((value & 1) != 0 ? UINT32_MAX : 0);
}

/* Any number below 2^32 - 1: how many bits, the two behind the first, the rest. */
static uint32_t code_number(struct coder *coder, uint32_t value, unsigned kind)
{
    uint32_t slot = 0, *before = &coder->base->slot[kind];
    value++;
    while (value >> slot > 1)
        slot++;
    coder->context[0] = coder_hash(300 + kind, 11);
    coder->context[1] = coder_hash(300 + kind, *before + 12);
    slot = coder_bits(coder, CODER_BOTH(slot, 0), 6, SET_SLOT + 2 * kind) & 31;
    *before = slot;
    uint32_t top = slot < 2 ? 0 : 2, got = 1;
    if (top != 0) {
        coder->context[0] = coder_hash(300 + kind, slot + 100);
        coder->context[1] = 0;
        got = 4 | coder_bits(coder, CODER_BOTH(value >> (slot - 2) & 3, 0), 2, SET_TOP + kind);
    }
    uint32_t rest = slot - top, mask = (1u << rest) - 1;
    return (got << rest | coder_plain(coder, value & mask, rest)) - 1;
}

/* ---- blocks
 * ----------------------------------------------------------------------------------------------------- */
/* What a displacement may be near to. */
struct shifts {
    uint32_t recent[RECENT];
    uint32_t last_end; /* in the image */
};

static uint32_t candidate(const struct shifts *shifts, unsigned from, uint32_t old)
{
    return from == BEHIND_LAST ? shifts->last_end - old
           : from == AS_LAST   ? shifts->recent[0]
                               : shifts->recent[from - AS_RECENT + 1];
}

static unsigned nearest(const struct shifts *shifts, const struct coder_block *block)
{
    unsigned best = 0;
    uint32_t least = UINT32_MAX;
    for (unsigned i = 0; i < RECENT + 1; i++) {
        uint32_t off = folded(block->shift - candidate(shifts, i, block->old));
        if (off < least) {
            least = off;
            best = i;
        }
    }
    return best;
}

static void note_shift(struct shifts *shifts, uint32_t shift)
{
    unsigned at = 0;
    while (at < RECENT - 1 && shifts->recent[at] != shift)
        at++;
    for (; at > 0; at--)
        shifts->recent[at] = shifts->recent[at - 1];
    shifts->recent[0] = shift;
}

static struct coder_block code_block(struct coder *coder, struct shifts *shifts,
                                     const struct coder_block *actual)
{
    static const struct coder_block none;
    if (actual == NULL)
        actual = &none;
    const struct coder_block *last = &coder->base->map.last;
    struct coder_block got;
    got.old = last->old + last->length +
              unfolded(code_number(coder, folded(actual->old - last->old - last->length), GAP));
    got.length = code_number(coder, actual->length != CODER_MAP_ALL ? actual->length : 0, LENGTH);
    if (got.length == 0)
        got.length = CODER_MAP_ALL;
    got.again = coder_flag_at(coder, actual->again, &coder->base->more[2]) != 0;
    coder->context[0] = coder_hash(320, 13);
    coder->context[1] = 0;
    unsigned from = coder_bits(coder, CODER_BOTH(nearest(shifts, actual), 0), 2, SET_FROM);
    uint32_t near = candidate(shifts, from, got.old);
    got.shift = near + unfolded(code_number(coder, folded(actual->shift - near), SHIFT));
    return got;
}

/* ---- segments
 * --------------------------------------------------------------------------------------------------- */
/* One that is not as that of the same number in the base. */
static void code_segment(struct coder *coder, struct coder_segment *to, const struct coder_segment *actual)
{
    if (coder_plain(coder, CODER_ACTUAL(actual->address != to->address), 1) != 0)
        to->address = coder_plain(coder, actual->address, 32);
    to->length += unfolded(code_number(coder, folded(actual->length - to->length), LENGTH));
}

/* A stretch from the image's start on begins as an image does. */
static void expect_image(struct coder *coder)
{
    if (coder->place.offset != 0)
        return;
    coder->place.left = IMAGE_HEADER;
    coder->place.segments_left = coder->base->new.count;
}

static int code_segments(struct coder *coder, const struct coder_segments *actual)
{
    struct coder_base *base = coder->base;
    static const struct coder_segments none;
    if (actual == NULL)
        actual = &none;
    uint32_t offset = IMAGE_HEADER, count = base->old.count;
    if (coder_plain(coder, CODER_ACTUAL(actual->count != count), 1) != 0)
        count = coder_plain(coder, actual->count, 5);
    if (count > CODER_SEGMENTS)
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        struct coder_segment *to = &base->new.at[i];
        const struct coder_segment *at = &actual->at[i];
        bool other = at->address != to->address || at->length != to->length;
        if (coder_plain(coder, CODER_ACTUAL(other), 1) != 0)
            code_segment(coder, to, at);
        to->offset = offset + 8;
        offset = to->offset + to->length;
    }
    base->new.count = count;
    expect_image(coder);
    return 0;
}

/* ---- numbers that move
 * ---------------------------------------------------------------------------------------- */
static int code_values(struct coder *coder, const struct coder_map_source *source)
{
    static const struct coder_move none;
    struct coder_base *base = coder->base;
    struct coder_move last = none;
    uint32_t count = source != NULL ? source->values : 0;
    if (coder_plain(coder, count != 0, 1) == 0)
        return 0;
    count = code_number(coder, count, VALUE);
    if (count > CODER_VALUES)
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        struct coder_move actual = source != NULL ? source->value[i] : none;
        uint32_t shift = actual.to - actual.from - (last.to - last.from);
        uint32_t from = last.from + code_number(coder, actual.from - last.from, GAP);
        shift = last.to - last.from + unfolded(code_number(coder, folded(shift), SHIFT));
        last = base->value[i] = (struct coder_move){ from, from + shift };
    }
    base->values = count;
    return 0;
}

/* ---- chunks
 * ----------------------------------------------------------------------------------------------------- */
/* Does the encoder have another block, and room for it in this chunk? */
static bool goes_on(const struct coder *coder, const struct coder_map_source *source)
{
    return source != NULL && source->done < source->blocks &&
           coder->sink->size + coder->sink->pending + CHUNK_MARGIN < coder->sink->capacity;
}

/* Guesses that are wrong are rare, and near one another. */
static void expect_quiet(struct coder_base *base)
{
    for (uint32_t i = 0; i < CODER_GUESS_FLAGS; i++)
        base->flag[i] = (i & 7) == 0 ? 63500 : (i & 1) == 0 ? 50000 : 32768;
    base->sure_flag[0] = 64000;
    base->sure_flag[1] = 48000;
    base->sure_flag[2] = 60000;
}

int coder_base_lay_out(struct coder *coder)
{
    struct coder_base *base = coder->base;
    uint32_t layout = coder->image->layout;
    static const struct coder_block all = { .length = CODER_MAP_ALL };
    base->quiet = (layout & ESPOTA_LAYOUT_QUIET) != 0;
    base->stays = (layout & ESPOTA_LAYOUT_STAYS) != 0;
    if (base->quiet)
        expect_quiet(base);
    base->new = base->old;
    expect_image(coder);
    return (layout & ESPOTA_LAYOUT_IN_PLACE) != 0 ? coder_map_add(&base->map, all) : 0;
}

/* @return -1: malformed. */
static int begin_map(struct coder *coder, const struct coder_map_source *source)
{
    uint32_t layout = coder->image->layout;
    if ((layout & ESPOTA_LAYOUT_SEGMENTS) == 0 &&
        code_segments(coder, source != NULL ? source->segments : NULL) != 0)
        return -1;
    return (layout & ESPOTA_LAYOUT_IN_PLACE) == 0 ? code_values(coder, source) : 0;
}

int coder_base_map(struct coder *coder, struct coder_map_source *source)
{
    struct coder_base *base = coder->base;
    struct shifts shifts = { .last_end = base->map.last.old + base->map.last.length + base->map.last.shift };
    shifts.recent[0] = base->map.last.shift;
    if (!base->begun && begin_map(coder, source) != 0)
        return -1;
    base->begun = true;
    if ((coder->image->layout & ESPOTA_LAYOUT_IN_PLACE) != 0)
        return 0;
    while (coder_flag_at(coder, goes_on(coder, source), &base->more[0]) != 0) {
        struct coder_block block =
            code_block(coder, &shifts, source != NULL ? &source->block[source->done++] : NULL);
        if (coder_map_add(&base->map, block) != 0)
            return -1;
        note_shift(&shifts, block.shift);
        shifts.last_end = block.old + block.length + block.shift;
        coder_relax(coder);
    }
    return (int)coder_flag_at(coder, source != NULL && source->done < source->blocks, &base->more[1]);
}

#else
typedef int coder_map_code_is_empty; /* a file of C is not */
#endif
