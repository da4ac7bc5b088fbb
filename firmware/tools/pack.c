/* The cheapest way through the bytes: for each place, and whether literals or a match came last, what the
 * shortest way there costs. That a later match could gain from a distance which costs more at first is not
 * looked at. */
#include "pack.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_LITERALS = 1024, HASHES = 65536 };

enum last { LITERALS, MATCH, LASTS };

/* How a place is reached. */
struct step {
    uint32_t cost; /* in bits, from the beginning */
    uint32_t length, distance;
    bool same; /* the distance of the match before */
};

struct packer {
    const uint8_t *data;
    size_t length;
    struct step (*step)[LASTS]; /* one place more than there are bytes */
    int32_t *before;            /* where the same two bytes were */
    int32_t newest[HASHES];
};

static unsigned bits_of_number(uint32_t value)
{
    unsigned bits = 1;
    for (; value > 1; value >>= 1)
        bits += 2;
    return bits;
}

static void offer(struct packer *p, size_t at, enum last last, struct step step)
{
    if (step.cost < p->step[at][last].cost)
        p->step[at][last] = step;
}

static size_t common(const struct packer *p, size_t at, size_t distance)
{
    size_t length = 0;
    while (at + length < p->length && p->data[at + length] == p->data[at + length - distance])
        length++;
    return length;
}

static void try_literals(struct packer *p, size_t at)
{
    const struct step *from = &p->step[at][MATCH];
    if (from->cost == UINT32_MAX)
        return;
    for (uint32_t n = 1; n <= LONGEST_LITERALS && at + n <= p->length; n++)
        offer(p, at + n, LITERALS,
              (struct step){ from->cost + (at > 0) + bits_of_number(n) + 8 * n, n, from->distance, false });
}

static void try_same_distance(struct packer *p, size_t at)
{
    const struct step *from = &p->step[at][LITERALS];
    if (from->cost == UINT32_MAX || from->distance == 0 || from->distance > at)
        return;
    for (uint32_t n = (uint32_t)common(p, at, from->distance); n > 0; n--)
        offer(p, at + n, MATCH, (struct step){ from->cost + 1 + bits_of_number(n), n, from->distance, true });
}

static void try_match(struct packer *p, size_t at, uint32_t distance, uint32_t shortest, uint32_t longest)
{
    for (int last = 0; last < LASTS; last++) {
        uint32_t cost = p->step[at][last].cost;
        if (cost == UINT32_MAX || at == 0)
            continue;
        cost += 1 + bits_of_number((distance - 1) / 256 + 1) + 8;
        for (uint32_t n = shortest; n <= longest; n++)
            offer(p, at + n, MATCH, (struct step){ cost + bits_of_number(n - 1), n, distance, false });
    }
}

/* Of two places with the same bytes the nearer one costs less. */
static void try_matches(struct packer *p, size_t at)
{
    uint32_t longest = 1;
    if (at + 2 > p->length)
        return;
    unsigned hash = (unsigned)p->data[at] << 8 | p->data[at + 1];
    for (int32_t there = p->newest[hash]; there >= 0; there = p->before[there]) {
        uint32_t distance = (uint32_t)(at - (size_t)there), length = (uint32_t)common(p, at, distance);
        if (length > longest) {
            try_match(p, at, distance, longest + 1, length);
            longest = length;
        }
    }
    p->before[at] = p->newest[hash];
    p->newest[hash] = (int32_t)at;
}

static void find_way(struct packer *p)
{
    for (size_t i = 0; i <= p->length; i++)
        p->step[i][LITERALS].cost = p->step[i][MATCH].cost = UINT32_MAX;
    memset(p->newest, 0xff, sizeof p->newest);
    p->step[0][MATCH] = (struct step){ 0 };
    for (size_t at = 0; at < p->length; at++) {
        try_literals(p, at);
        try_same_distance(p, at);
        try_matches(p, at);
    }
}

/* ---- writing --------------------------------------------------------------------------------------------
 */

struct writer {
    struct espota_bytes *out;
    struct espota_error *error;
    size_t bits_at; /* where the byte of bits is */
    unsigned left;  /* bits that it has room for */
    int result;
};

static void put_byte(struct writer *w, uint8_t byte)
{
    if (w->result == 0)
        w->result = espota_bytes_append(w->out, &byte, 1, w->error);
}

static void put_bit(struct writer *w, bool bit)
{
    if (w->left == 0) {
        w->bits_at = w->out->size;
        w->left = 8;
        put_byte(w, 0);
    }
    w->left--;
    if (w->result == 0 && bit)
        w->out->data[w->bits_at] |= (uint8_t)(1u << w->left);
}

static void put_number(struct writer *w, uint32_t value)
{
    unsigned below = (bits_of_number(value) - 1) / 2;
    while (below-- > 0) {
        put_bit(w, false);
        put_bit(w, value >> below & 1);
    }
    put_bit(w, true);
}

static void put_step(struct writer *w, const uint8_t *data, const struct step *step, enum last last,
                     enum last before, bool first)
{
    if (before == MATCH && !first)
        put_bit(w, last == MATCH);
    if (last == LITERALS) {
        put_number(w, step->length);
        for (uint32_t i = 0; i < step->length; i++)
            put_byte(w, data[i]);
        return;
    }
    if (before == LITERALS)
        put_bit(w, step->same);
    if (!step->same) {
        put_number(w, (step->distance - 1) / 256 + 1);
        put_byte(w, (uint8_t)(step->distance - 1));
    }
    put_number(w, step->length - !step->same);
}

struct place {
    size_t at;
    enum last last;
};

static int write_way(const struct packer *p, struct espota_bytes *packed, struct espota_error *error)
{
    struct writer w = { .out = packed, .error = error };
    struct place *way = malloc((p->length + 1) * sizeof *way);
    size_t count = 0, at = p->length;
    if (!way)
        return espota_fail_memory(error, "packing");
    enum last last = p->step[at][MATCH].cost < p->step[at][LITERALS].cost ? MATCH : LITERALS;
    while (at > 0) {
        const struct step *step = &p->step[at][last];
        way[count++] = (struct place){ at, last };
        enum last before = last == LITERALS || !step->same ? MATCH : LITERALS;
        at -= step->length;
        if (last == MATCH && !step->same && p->step[at][LITERALS].cost < p->step[at][MATCH].cost)
            before = LITERALS;
        last = before;
    }
    for (size_t i = count; i-- > 0;) {
        const struct step *step = &p->step[way[i].at][way[i].last];
        put_step(&w, p->data + way[i].at - step->length, step, way[i].last,
                 i + 1 < count ? way[i + 1].last : MATCH, i + 1 == count);
    }
    free(way);
    return w.result;
}

int pack(const uint8_t *data, size_t length, struct espota_bytes *packed, struct espota_error *error)
{
    struct packer *p = calloc(1, sizeof *p);
    int result = -1;
    if (p) {
        p->data = data;
        p->length = length;
        p->step = malloc((length + 1) * sizeof *p->step);
        p->before = malloc((length + 1) * sizeof *p->before);
    }
    if (p && p->step && p->before) {
        find_way(p);
        result = write_way(p, packed, error);
    } else {
        (void)espota_fail_memory(error, "packing");
    }
    if (p) {
        free(p->step);
        free(p->before);
    }
    free(p);
    return result;
}
