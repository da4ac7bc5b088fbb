/* Inside the encoder: where in a text something is found again. */
#ifndef ESPOTA_BASE_DELTA_INDEX_H
#define ESPOTA_BASE_DELTA_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes in a row that are worth being found. */
#define DELTA_INDEX_LEAST 9u
/* Bytes that are compared. */
#define DELTA_INDEX_LONGEST 1024u

struct delta_text {
    const uint8_t *bytes;
    uint32_t length;
};

struct delta_index {
    struct delta_text text; /* of 1 byte and more; stays where it is */
    int32_t *order;         /* its suffixes, sorted */
    uint32_t *first;        /* of those that begin with two bytes, which is the first: 65537 */
    uint64_t *seen;         /* bits: by their hash, which DELTA_INDEX_LEAST bytes it has */
    unsigned seen_log;
    uint64_t searches; /* how often it was looked for, not known at once to be nowhere */
};

/* A place in the text, and how many bytes agree there. */
struct delta_place {
    uint32_t at, length;
};

/* Why there is no index, or no match. */
enum { DELTA_NO_MEMORY = -1, DELTA_NO_SORTING = -2, DELTA_STOPPED = -3 };

/* @return 0, or why not: then there is nothing to free. */
int delta_index_begin(struct delta_index *index, struct delta_text text);
void delta_index_end(struct delta_index *index);

/* Bytes that agree at these places, up to DELTA_INDEX_LONGEST; the first `done` do. */
uint32_t delta_index_common(const struct delta_index *index, uint32_t at, struct delta_text other,
                            uint32_t from, uint32_t done);
/* Where most of what is at `from` is found; length 0: that is less than DELTA_INDEX_LEAST bytes. */
struct delta_place delta_index_longest(struct delta_index *index, struct delta_text other, uint32_t from);

#endif
