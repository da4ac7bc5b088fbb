/* Inside the encoder: which parts of an image are in its base, more or less. */
#ifndef ESPOTA_BASE_DELTA_MATCH_H
#define ESPOTA_BASE_DELTA_MATCH_H

#include "base/delta_index.h"
#include "espota/observer.h"

/* `length` bytes at `old` of one are, more or less, those at `new` of the other. */
struct delta_match {
    uint32_t old, new, length;
};

struct delta_matches {
    struct delta_match *at; /* free() it */
    size_t count;
    uint64_t searches; /* that it took */
};

/* Sorted by where they are in `new`, of which no byte is in two of them. `observer` may stop it, or be NULL.
 * @return 0, or why not. */
int delta_match(struct delta_text old, struct delta_text new, const struct espota_observer *observer,
                struct delta_matches *matches);

#endif
