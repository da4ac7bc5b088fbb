/* Numbers that move: in MicroPython's bytecode strings are known by an index, and a new string moves all that
 * come behind it. Such a number has two bytes, and comes behind one of a few bytes, the instructions that
 * have one. */
#include "base/delta_values.h"

#include "espota/bytes.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT      CODER_VALUE_LIMIT
#define SHIFTS     128u  /* by which they may move: the most frequent ones */
#define SHIFT_MOST 1000u /* up and down */
#define CHANGE     4u    /* numbers that a change of the shift has to explain */
#define LEAST      12u   /* moved numbers of which all is worth it */

struct counts {
    uint32_t changed[256], same[256];   /* numbers, by the byte before */
    uint32_t shift[2 * SHIFT_MOST + 1]; /* numbers that moved by so much */
    uint8_t column[2 * SHIFT_MOST + 1]; /* 1 + which of the shifts it is; 0: none */
    uint32_t shifts;
    int32_t by[SHIFTS];
    uint16_t seen[LIMIT][SHIFTS]; /* how often a number moved by a shift */
    uint8_t from[LIMIT][SHIFTS];  /* the best shift before */
};

typedef void visit_number(struct counts *counts, uint32_t before, uint32_t old, uint32_t new);

/* Which segments of an image hold code: it takes a look at all of a segment. */
struct code {
    const struct coder_segments *segments;
    bool is[CODER_SEGMENTS];
};

static struct code code_of(const struct delta_image *image)
{
    struct code code = { .segments = &image->segments };
    for (uint32_t i = 0; i < image->segments.count; i++)
        code.is[i] = delta_is_code(image, &image->segments.at[i]);
    return code;
}

static bool is_code(const struct code *code, uint32_t offset)
{
    for (uint32_t i = 0; i < code->segments->count; i++) {
        const struct coder_segment *s = &code->segments->at[i];
        if (offset - s->offset < s->length)
            return code->is[i];
    }
    return true;
}

/* All pairs of bytes of data that may be a number, before and now. */
static void visit(struct counts *counts, const struct delta_image *old, const struct delta_image *new,
                  const struct delta_matches *matches, visit_number *visitor)
{
    const struct code code = code_of(new);
    for (size_t i = 0; i < matches->count; i++) {
        const struct delta_match *m = &matches->at[i];
        if (is_code(&code, m->new))
            continue;
        for (uint32_t at = 1; at + 1 < m->length; at++) {
            const uint8_t *p = old->data + m->old + at, *q = new->data + m->new + at;
            uint32_t was = espota_get_le16(p), now = espota_get_le16(q);
            if (p[-1] == q[-1] && was < LIMIT && now < LIMIT && was - now + SHIFT_MOST <= 2 * SHIFT_MOST)
                visitor(counts, p[-1], was, now);
        }
    }
}

static void count_bytes(struct counts *counts, uint32_t before, uint32_t old, uint32_t new)
{
    *(old == new ? &counts->same[before] : &counts->changed[before]) += old >= 256 ? 1 : 0;
}

/* Does a number come behind this byte, more or less? */
static bool announces(const struct counts *counts, uint32_t before)
{
    return counts->changed[before] >= 4 && counts->changed[before] > counts->same[before] / 4;
}

static void count_shift(struct counts *counts, uint32_t before, uint32_t old, uint32_t new)
{
    if (announces(counts, before))
        counts->shift[new - old + SHIFT_MOST]++;
}

static void count_numbers(struct counts *counts, uint32_t before, uint32_t old, uint32_t new)
{
    uint32_t column = counts->column[new - old + SHIFT_MOST];
    if (announces(counts, before) && column != 0 && counts->seen[old][column - 1] < 255)
        counts->seen[old][column - 1]++;
}

/* The most frequent shifts; not to move is the first. */
static void choose_shifts(struct counts *counts)
{
    counts->shift[SHIFT_MOST] = UINT32_MAX;
    while (counts->shifts < SHIFTS) {
        uint32_t best = 0;
        for (uint32_t i = 1; i <= 2 * SHIFT_MOST; i++)
            best = counts->shift[i] > counts->shift[best] ? i : best;
        if (counts->shift[best] < 2)
            break;
        counts->shift[best] = 0;
        counts->by[counts->shifts++] = (int32_t)best - (int32_t)SHIFT_MOST;
        counts->column[best] = (uint8_t)counts->shifts;
    }
}

/* The row of shifts, one for each number, that explains most with few changes: a shortest path. @return the
 * shift of the last number. */
static uint32_t explain(struct counts *counts, uint32_t change)
{
    uint32_t score[SHIFTS] = { 0 }, best = 0;
    for (uint32_t s = 1; s < counts->shifts; s++)
        score[s] = 0;
    for (uint32_t number = 0; number < LIMIT; number++) {
        uint32_t top = best, most = score[best];
        for (uint32_t s = 0; s < counts->shifts; s++) {
            bool changes = most > score[s] + change;
            counts->from[number][s] = (uint8_t)(changes ? top : s);
            score[s] = (changes ? most - change : score[s]) + counts->seen[number][s];
            best = score[s] > score[best] ? s : best;
        }
    }
    return best;
}

/* From the path to where the shift changes. @return numbers that are explained by having moved; UINT32_MAX:
 * too many changes. */
static uint32_t trace(const struct counts *counts, uint32_t last, struct delta_values *values)
{
    uint8_t shift[LIMIT];
    uint32_t moved = 0;
    for (uint32_t number = LIMIT; number-- > 0;) {
        shift[number] = (uint8_t)last;
        moved += last != 0 ? counts->seen[number][last] : 0;
        last = counts->from[number][last];
    }
    values->count = 0;
    for (uint32_t number = 0; number < LIMIT; number++) {
        if (shift[number] == (number > 0 ? shift[number - 1] : 0))
            continue;
        if (values->count == CODER_VALUES)
            return UINT32_MAX;
        values->at[values->count++] =
            (struct coder_move){ number, number + (uint32_t)counts->by[shift[number]] };
    }
    return moved;
}

int delta_values_find(struct delta_values *values, const struct delta_image *old,
                      const struct delta_image *new, const struct delta_matches *matches)
{
    struct counts *counts = calloc(1, sizeof *counts);
    if (counts == NULL)
        return -1;
    visit(counts, old, new, matches, count_bytes);
    visit(counts, old, new, matches, count_shift);
    choose_shifts(counts);
    visit(counts, old, new, matches, count_numbers);
    uint32_t moved, change = CHANGE;
    do
        moved = trace(counts, explain(counts, change), values);
    while (moved == UINT32_MAX && (change *= 2) != 0);
    if (moved < LEAST + 2 * values->count)
        values->count = 0;
    free(counts);
    return 0;
}
