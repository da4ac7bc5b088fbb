/* The map of a base: blocks, packed; where something has gone; what is next. */
#include "coder_map.h"

#ifdef ESPOTA_CODER_BASE

#define SECTOR     4096u
#define NUMBER_MAX 5u               /* bytes */
#define OFFSET_MAX (UINT32_MAX / 4) /* of blocks in base and image */
#define FARTHEST   256u             /* blocks behind the one in the index that are looked at */

/* ---- numbers
 * ---------------------------------------------------------------------------------------------------- */
static void put_number(uint8_t **to, uint32_t value)
{
    for (; value > 0x7F; value >>= 7)
        *(*to)++ = (uint8_t)(value | 0x80);
    *(*to)++ = (uint8_t)value;
}

/* Only of what put_number wrote. */
static uint32_t get_number(const uint8_t **from)
{
    uint32_t byte = *(*from)++, value = byte & 0x7F;
    if (byte <= 0x7F)
        return value;
    for (unsigned shift = 7; byte > 0x7F; shift += 7) {
        byte = *(*from)++;
        value |= (byte & 0x7F) << shift;
    }
    return value;
}

/* Small numbers of either sign as small ones without. */
static uint32_t folded(uint32_t value)
{
    return value << 1 ^ (value >> 31 != 0 ? UINT32_MAX : 0);
}

static uint32_t unfolded(uint32_t value)
{
    return value >> 1 ^ ((value & 1) != 0 ? UINT32_MAX : 0);
}

/* ---- blocks
 * ----------------------------------------------------------------------------------------------------- */
static void next_block(const uint8_t **from, struct coder_block *block)
{
    block->old += block->length + unfolded(get_number(from));
    uint32_t length = get_number(from);
    block->length = length >> 1;
    block->again = (length & 1) != 0;
    block->shift += unfolded(get_number(from));
}

static bool is_block(const struct coder_block *block)
{
    return block->length > 0 && block->length < OFFSET_MAX && block->old < OFFSET_MAX &&
           block->old + block->shift < OFFSET_MAX;
}

static void add_to_index(struct coder_map *map, const struct coder_block *block)
{
    unsigned at = map->indexed++;
    map->index_old[at] = block->old;
    map->index_length[at] = block->length;
    map->index_shift[at] = block->shift;
    map->index_at[at] = map->used;
    map->since = 0;
}

int coder_map_add(struct coder_map *map, struct coder_block block)
{
    struct coder_block last = map->last;
    if (!is_block(&block) || block.old < last.old || map->used + 3 * NUMBER_MAX > CODER_MAP_SIZE)
        return -1;
    uint8_t *to = map->bytes + map->used;
    put_number(&to, folded(block.old - last.old - last.length));
    put_number(&to, block.length << 1 | (block.again ? 1 : 0));
    put_number(&to, folded(block.shift - last.shift));
    map->used = (uint16_t)(to - map->bytes);
    map->last = block;
    map->since++;
    if (!block.again && map->indexed < CODER_MAP_INDEX &&
        (map->indexed == 0 || map->since >= CODER_MAP_STRIDE))
        add_to_index(map, &block);
    return 0;
}

/* The indexed block that begins last before `old`, or the first of all. */
static unsigned indexed_before(const struct coder_map *map, uint32_t old)
{
    unsigned low = 0, high = map->indexed;
    while (high - low > 1) {
        unsigned middle = (low + high) / 2;
        if (map->index_old[middle] <= old)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Between which blocks is it? All that lie between the same ones have the same answer. */
static void look_up(const struct coder_map *map, uint32_t old, struct coder_map_place *place)
{
    unsigned at = indexed_before(map, old);
    struct coder_block next = { map->index_old[at], map->index_length[at], map->index_shift[at], false };
    struct coder_block before = next;
    const uint8_t *from = map->bytes + map->index_at[at], *end = map->bytes + map->used;
    place->from = 0;
    for (unsigned i = 0; i < FARTHEST && from < end && next.old <= old; i++) {
        place->from = next.old;
        if (!next.again)
            before = next;
        next_block(&from, &next);
    }
    bool last = next.old <= old;
    if (last)
        place->from = from < end ? old : next.old; /* beyond what is looked through: this one alone */
    if (last && !next.again)
        before = next;
    place->before = before;
    place->length = last && from < end ? 1 : (last ? UINT32_MAX : next.old) - place->from;
    place->next = last || next.again ? 0 : next.old;
    place->next_shift = next.shift;
}

enum coder_map_answer coder_map_find(struct coder_map *map, uint32_t old, uint32_t *shift)
{
    struct coder_map_place *place = &map->place[old / 1024 % CODER_MAP_PLACES];
    *shift = 0;
    if (map->indexed == 0)
        return CODER_MAP_NOWHERE;
    if (old - place->from >= place->length)
        look_up(map, old, place);
    *shift = place->before.shift;
    uint32_t into = old - place->before.old;
    if (into < place->before.length)
        return CODER_MAP_INSIDE;
    if (place->next > old && place->next - old < into - place->before.length)
        *shift = place->next_shift;
    return CODER_MAP_BETWEEN;
}

/* ---- what is next in the image
 * ----------------------------------------------------------------------------------- */
static uint32_t begin_of(const struct coder_block *block)
{
    return block->old + block->shift;
}

/* Into the row of those that are near; when that is full, the last gives way. */
static void insert_near(struct coder_map *map, const struct coder_block *block)
{
    uint32_t at = map->near_count;
    if (at == CODER_MAP_NEAR) {
        at--;
        uint32_t last = begin_of(&map->near[at]), end = begin_of(block) > last ? begin_of(block) : last;
        if (end < map->near_end)
            map->near_end = end;
        if (begin_of(block) >= last)
            return;
    } else {
        map->near_count++;
    }
    for (; at > 0 && begin_of(&map->near[at - 1]) > begin_of(block); at--)
        map->near[at] = map->near[at - 1];
    map->near[at] = *block;
}

/* Collect what lies from `offset` on, for as far as there is room. Where more blocks overlap than that, which
 * none do that were made of an image, the first ones do for the sector: else each of its bytes would be
 * looked for anew. */
static void look_near(struct coder_map *map, uint32_t offset)
{
    const uint8_t *from = map->bytes, *end = map->bytes + map->used;
    struct coder_block block = { 0, 0, 0, false };
    map->near_count = map->near_at = 0;
    map->near_end = (offset | (SECTOR - 1)) + 1;
    while (from < end) {
        next_block(&from, &block);
        uint32_t begin = begin_of(&block);
        if (begin < map->near_end && begin + block.length > offset)
            insert_near(map, &block);
    }
    if (map->near_end <= offset)
        map->near_end = (offset | (SECTOR - 1)) + 1;
}

bool coder_map_at(struct coder_map *map, uint32_t offset, struct coder_block *block)
{
    if (offset >= map->near_end)
        look_near(map, offset);
    for (; map->near_at < map->near_count; map->near_at++) {
        *block = map->near[map->near_at];
        if (offset < begin_of(block))
            return false;
        if (offset - begin_of(block) < block->length)
            return true;
    }
    return false;
}

#else
typedef int coder_map_is_empty; /* a file of C is not */
#endif
