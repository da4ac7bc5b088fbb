/* Approximate matches by a suffix array: where a stretch begins that is found better elsewhere in the base
 * than where the last one went on, a new match begins, and both are extended towards each other as far as
 * more bytes agree than not. (After C. Percival, "Naive differences of executable code", 2003.) */
#include "base/delta_match.h"

#include <divsufsort.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST 1024u /* bytes that are compared */
#define BETTER  8u    /* bytes that a new place has to have more */
#define SURE    32u   /* bytes in a row for which nothing better is looked for */

struct matcher {
    struct delta_text old, new;
    const int32_t *order; /* suffixes of old */
    struct delta_matches *found;
    size_t room;
};

/* A place in old, and how many bytes agree there. */
struct place {
    uint32_t at, length;
};

/* ---- exact
 * ------------------------------------------------------------------------------------------------------ */
static uint32_t common(const struct matcher *m, uint32_t old, uint32_t new, uint32_t done)
{
    uint32_t most = m->old.length - old < m->new.length - new ? m->old.length - old : m->new.length - new;
    if (most > LONGEST)
        most = LONGEST;
    while (done < most && m->old.bytes[old + done] == m->new.bytes[new + done])
        done++;
    return done;
}

/* Does the suffix of old come before that of new, which agree in `length` bytes? */
static bool is_before(const struct matcher *m, uint32_t old, uint32_t new, uint32_t length)
{
    if (old + length >= m->old.length)
        return true;
    return new + length < m->new.length && m->old.bytes[old + length] < m->new.bytes[new + length];
}

static struct place longest(const struct matcher *m, uint32_t new)
{
    uint32_t low = 0, high = m->old.length - 1;
    struct place below = { (uint32_t)m->order[low], 0 }, above = { (uint32_t)m->order[high], 0 };
    below.length = common(m, below.at, new, 0);
    above.length = common(m, above.at, new, 0);
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2, at = (uint32_t)m->order[middle];
        uint32_t sure = below.length < above.length ? below.length : above.length;
        struct place next = { at, common(m, at, new, sure) };
        if (is_before(m, at, new, next.length)) {
            low = middle;
            below = next;
        } else {
            high = middle;
            above = next;
        }
        if (next.length >= LONGEST)
            return next;
    }
    return below.length > above.length ? below : above;
}

/* ---- approximate
 * ------------------------------------------------------------------------------------------------ */
static bool agrees(const struct matcher *m, uint32_t old, uint32_t new)
{
    return old < m->old.length && new < m->new.length && m->old.bytes[old] == m->new.bytes[new];
}

/* How far before `most` a match from these places on goes, with more bytes that agree than not. */
static uint32_t extend_forward(const struct matcher *m, uint32_t old, uint32_t new, uint32_t most)
{
    int32_t score = 0, best = 0;
    uint32_t length = 0;
    for (uint32_t i = 0; i < most && old + i < m->old.length; i++) {
        score += agrees(m, old + i, new + i) ? 1 : -1;
        if (score > best) {
            best = score;
            length = i + 1;
        }
    }
    return length;
}

static uint32_t extend_back(const struct matcher *m, uint32_t old, uint32_t new, uint32_t most)
{
    int32_t score = 0, best = 0;
    uint32_t length = 0;
    for (uint32_t i = 1; i <= most && i <= old; i++) {
        score += agrees(m, old - i, new - i) ? 1 : -1;
        if (score > best) {
            best = score;
            length = i;
        }
    }
    return length;
}

/* Two matches reach over each other by `over` bytes, up to these places: where is the border best? @return
 * bytes of them that the first keeps. */
static uint32_t border(const struct matcher *m, uint32_t first_old, uint32_t second_old, uint32_t new,
                       uint32_t over)
{
    int32_t score = 0, best = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < over; i++) {
        score += agrees(m, first_old + i, new + i) ? 1 : 0;
        score -= agrees(m, second_old + i, new + i) ? 1 : 0;
        if (score > best) {
            best = score;
            kept = i + 1;
        }
    }
    return kept;
}

static int add(struct matcher *m, struct delta_match match)
{
    struct delta_matches *found = m->found;
    if (match.length == 0)
        return 0;
    if (found->count == m->room) {
        m->room = m->room != 0 ? 2 * m->room : 1024;
        struct delta_match *grown = realloc(found->at, m->room * sizeof *grown);
        if (grown == NULL)
            return -1;
        found->at = grown;
    }
    found->at[found->count++] = match;
    return 0;
}

/* The next match begins at `next`, where it agrees with `place`; the last one began at `last`. Extends both,
 * adds the last and makes the next the last. */
static int end_match(struct matcher *m, struct delta_match *last, uint32_t next, struct place place)
{
    uint32_t between = next - last->new, back = 0;
    uint32_t forward = extend_forward(m, last->old, last->new, between);
    if (next < m->new.length)
        back = extend_back(m, place.at, next, between);
    if (forward + back > between) {
        uint32_t over = forward + back - between, start = forward - over;
        uint32_t kept = border(m, last->old + start, place.at - back, last->new + start, over);
        forward = start + kept;
        back -= kept;
    }
    last->length = forward;
    int bad = add(m, *last);
    *last = (struct delta_match){ place.at - back, next - back, 0 };
    return bad;
}

/* Bytes of `length` from `new` on that agree where the last match would go on. */
static uint32_t agreeing(const struct matcher *m, uint32_t old, uint32_t new, uint32_t length)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < length; i++)
        count += agrees(m, old + i, new + i) ? 1 : 0;
    return count;
}

static int find_all(struct matcher *m)
{
    struct delta_match last = { 0, 0, 0 };
    for (uint32_t at = 0; at < m->new.length;) {
        uint32_t here = last.old + (at - last.new);
        uint32_t same = here < m->old.length ? common(m, here, at, 0) : 0;
        if (same >= SURE) {
            at += same;
            continue;
        }
        struct place place = longest(m, at);
        if (place.length > BETTER && place.length > agreeing(m, here, at, place.length) + BETTER) {
            if (end_match(m, &last, at, place) != 0)
                return -1;
            at += place.length;
        } else {
            at++;
        }
    }
    return end_match(m, &last, m->new.length, (struct place){ 0, 0 });
}

int delta_match(struct delta_text old, struct delta_text new, struct delta_matches *matches)
{
    *matches = (struct delta_matches){ 0 };
    int32_t *order = malloc(old.length * sizeof *order);
    if (order == NULL)
        return -1;
    struct matcher m = { .old = old, .new = new, .order = order, .found = matches };
    int bad = divsufsort(old.bytes, order, (int32_t)old.length) != 0 ? -2 : find_all(&m);
    free(order);
    if (bad != 0) {
        free(matches->at);
        *matches = (struct delta_matches){ 0 };
    }
    return bad;
}
