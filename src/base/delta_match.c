/* Approximate matches by a suffix array: where a stretch begins that is found better elsewhere in the base
 * than where the last one went on, a new match begins, and both are extended towards each other as far as
 * more bytes agree than not. (After C. Percival, "Naive differences of executable code", 2003.) */
#include "base/delta_match.h"

#include "base/delta_index.h"

#include <stdbool.h>
#include <stdlib.h>

#define BETTER (DELTA_INDEX_LEAST - 1) /* bytes that a new place has to have more */
#define SURE   32u                     /* bytes in a row for which nothing better is looked for */
#define STEP   0x10000u                /* bytes of the image between two looks whether to stop */
/* Firmware is searched for at one place in ten. Where it comes to more than these, that was made to take
 * time, and is looked for at some places only. */
#define SEARCHES(length) (0x40000u + (length) / 8)
#define SOME             16u

struct matcher {
    struct delta_index index; /* of old */
    struct delta_text old, new;
    const struct espota_observer *observer;
    uint32_t looked; /* whether to stop: when it was there */
    struct delta_matches *found;
    size_t room;
};

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
            return DELTA_NO_MEMORY;
        found->at = grown;
    }
    found->at[found->count++] = match;
    return 0;
}

/* The next match begins at `next`, where it agrees with `place`; the last one began at `last`. Extends both,
 * adds the last and makes the next the last. */
static int end_match(struct matcher *m, struct delta_match *last, uint32_t next, struct delta_place place)
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

static bool is_stopped(struct matcher *m, uint32_t at)
{
    if (at - m->looked < STEP)
        return false;
    m->looked = at;
    return espota_observer_cancelled(m->observer);
}

static struct delta_place look_for(struct matcher *m, uint32_t at)
{
    if (m->index.searches > SEARCHES(m->new.length) && at % SOME != 0)
        return (struct delta_place){ 0, 0 };
    return delta_index_longest(&m->index, m->new, at);
}

static int find_all(struct matcher *m)
{
    struct delta_match last = { 0, 0, 0 };
    for (uint32_t at = 0; at < m->new.length;) {
        if (is_stopped(m, at))
            return DELTA_STOPPED;
        uint32_t here = last.old + (at - last.new);
        uint32_t same = here < m->old.length ? delta_index_common(&m->index, here, m->new, at, 0) : 0;
        if (same >= SURE) {
            at += same;
            continue;
        }
        struct delta_place place = look_for(m, at);
        if (place.length > BETTER && place.length > agreeing(m, here, at, place.length) + BETTER) {
            if (end_match(m, &last, at, place) != 0)
                return DELTA_NO_MEMORY;
            at += place.length;
        } else {
            at++;
        }
    }
    return end_match(m, &last, m->new.length, (struct delta_place){ 0, 0 });
}

int delta_match(struct delta_text old, struct delta_text new, const struct espota_observer *observer,
                struct delta_matches *matches)
{
    *matches = (struct delta_matches){ 0 };
    struct matcher m = { .old = old, .new = new, .observer = observer, .found = matches };
    int bad = delta_index_begin(&m.index, old);
    if (bad == 0) {
        bad = find_all(&m);
        matches->searches = m.index.searches;
        delta_index_end(&m.index);
    }
    if (bad != 0) {
        free(matches->at);
        *matches = (struct delta_matches){ 0 };
    }
    return bad;
}
