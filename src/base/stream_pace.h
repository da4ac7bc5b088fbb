/* Paces in steps, so that readers of about the same one share a stream (espota/stream_cache.h). */
#ifndef ESPOTA_BASE_STREAM_PACE_H
#define ESPOTA_BASE_STREAM_PACE_H

#include "espota/stream_cache.h"

#include <stdbool.h>

/* By how much longer a decoder takes for a byte than the line: two steps for a factor of two. */
enum { STREAM_PACE_STEPS = 48 };

unsigned stream_pace_step(const struct espota_stream_pace *pace);
/* The pace in the middle of a step. */
struct espota_stream_pace stream_pace_of_step(unsigned step, uint32_t window);

/* How many want each step. */
struct stream_pace_wishes {
    unsigned count[STREAM_PACE_STEPS], all;
};
void stream_pace_wish(struct stream_pace_wishes *wishes, unsigned step, int change);
/* Half of them want that step or a slower one; there must be any. */
unsigned stream_pace_median(const struct stream_pace_wishes *wishes);

#endif
