/* A suffix array. What it is asked for is nowhere, most of the time, where two images have little in common:
 * that is said by a set of all that the text has, before the array is searched. */
#include "base/delta_index.h"

#include <divsufsort.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEAST = DELTA_INDEX_LEAST,
    PAIRS = 65536,
    SEEN_LOG_LEAST = 12, /* bits of the set; */
    SEEN_PART = 8,       /* so many for a byte of the text: one in ten is said to be there by mistake, */
    SEEN_LOG_MOST = 26,  /* but no more than 8 MB: of the largest texts, one in five */
    WORD = 8,
};

/* ---- what is there at all -------------------------------------------------------------------------------
 */
static uint64_t word_at(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* Of LEAST bytes: a word and one more. */
static uint32_t hash_of(const struct delta_index *index, const uint8_t *p)
{
    uint64_t hash = (word_at(p) ^ (uint64_t)p[WORD] * 0x9E3779B97F4A7C15u) * 0xD6E8FEB86659FD93u;
    return (uint32_t)((hash ^ hash << 29) >> (64 - index->seen_log));
}

static bool may_have(const struct delta_index *index, const uint8_t *p)
{
    uint32_t hash = hash_of(index, p);
    return (index->seen[hash / 64] >> hash % 64 & 1) != 0;
}

static void note_all(struct delta_index *index)
{
    const struct delta_text text = index->text;
    for (uint32_t at = 0; at + LEAST <= text.length; at++) {
        uint32_t hash = hash_of(index, text.bytes + at);
        index->seen[hash / 64] |= UINT64_C(1) << hash % 64;
    }
}

/* ---- where ----------------------------------------------------------------------------------------------
 */
static uint32_t pair_at(struct delta_text text, uint32_t at)
{
    return (uint32_t)text.bytes[at] << 8 | (at + 1 < text.length ? text.bytes[at + 1] : 0);
}

static void count_pairs(struct delta_index *index)
{
    for (uint32_t at = 0; at < index->text.length; at++)
        index->first[pair_at(index->text, at) + 1]++;
    for (uint32_t i = 0; i < PAIRS; i++)
        index->first[i + 1] += index->first[i];
}

uint32_t delta_index_common(const struct delta_index *index, uint32_t at, struct delta_text other,
                            uint32_t from, uint32_t done)
{
    uint32_t left = index->text.length - at, most = other.length - from;
    const uint8_t *a = index->text.bytes + at, *b = other.bytes + from;
    if (most > left)
        most = left;
    if (most > DELTA_INDEX_LONGEST)
        most = DELTA_INDEX_LONGEST;
    while (done + WORD <= most && word_at(a + done) == word_at(b + done))
        done += WORD;
    while (done < most && a[done] == b[done])
        done++;
    return done;
}

/* Does the suffix of the text come before that of the other, which agree in `length` bytes? */
static bool is_before(const struct delta_index *index, uint32_t at, struct delta_text other, uint32_t from,
                      uint32_t length)
{
    if (at + length >= index->text.length)
        return true;
    return from + length < other.length && index->text.bytes[at + length] < other.bytes[from + length];
}

static struct delta_place place_of(const struct delta_index *index, uint32_t rank, struct delta_text other,
                                   uint32_t from, uint32_t done)
{
    uint32_t at = (uint32_t)index->order[rank];
    return (struct delta_place){ at, delta_index_common(index, at, other, from, done) };
}

/* Among the suffixes from `low` to `high`. */
static struct delta_place search(const struct delta_index *index, uint32_t low, uint32_t high,
                                 struct delta_text other, uint32_t from)
{
    struct delta_place below = place_of(index, low, other, from, 0);
    struct delta_place above = place_of(index, high, other, from, 0);
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t sure = below.length < above.length ? below.length : above.length;
        struct delta_place next = place_of(index, middle, other, from, sure);
        if (next.length >= DELTA_INDEX_LONGEST)
            return next;
        bool before = is_before(index, next.at, other, from, next.length);
        *(before ? &low : &high) = middle;
        *(before ? &below : &above) = next;
    }
    return below.length > above.length ? below : above;
}

struct delta_place delta_index_longest(struct delta_index *index, struct delta_text other, uint32_t from)
{
    const struct delta_place none = { 0, 0 };
    if (other.length - from < LEAST || !may_have(index, other.bytes + from))
        return none;
    uint32_t pair = pair_at(other, from), low = index->first[pair], high = index->first[pair + 1];
    if (low == high)
        return none;
    index->searches++;
    struct delta_place found = search(index, low, high - 1, other, from);
    return found.length >= LEAST ? found : none;
}

/* ---- all of it ------------------------------------------------------------------------------------------
 */
static int allocate(struct delta_index *index)
{
    uint32_t length = index->text.length;
    index->seen_log = SEEN_LOG_LEAST;
    while (index->seen_log < SEEN_LOG_MOST && ((uint64_t)1 << index->seen_log) < (uint64_t)length * SEEN_PART)
        index->seen_log++;
    index->order = malloc(length * sizeof *index->order);
    index->first = calloc(PAIRS + 1, sizeof *index->first);
    index->seen = calloc((size_t)1 << (index->seen_log - 6), sizeof *index->seen);
    return index->order != NULL && index->first != NULL && index->seen != NULL ? 0 : DELTA_NO_MEMORY;
}

int delta_index_begin(struct delta_index *index, struct delta_text text)
{
    *index = (struct delta_index){ .text = text };
    int bad = allocate(index);
    if (bad == 0 && divsufsort(text.bytes, index->order, (int32_t)text.length) != 0)
        bad = DELTA_NO_SORTING;
    if (bad != 0) {
        delta_index_end(index);
        return bad;
    }
    note_all(index);
    count_pairs(index);
    return 0;
}

void delta_index_end(struct delta_index *index)
{
    free(index->order);
    free(index->first);
    free(index->seen);
    *index = (struct delta_index){ 0 };
}
