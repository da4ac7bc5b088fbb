/* Inside the encoder: numbers that move from one build to the next. */
#ifndef ESPOTA_BASE_DELTA_VALUES_H
#define ESPOTA_BASE_DELTA_VALUES_H

#include "base/delta_match.h"
#include "base/delta_units.h"

struct delta_values {
    struct coder_move at[CODER_VALUES];
    uint32_t count;
};

/* How numbers in data moved, as the matches have it. @return 0; -1: no memory. */
int delta_values_find(struct delta_values *values, const struct delta_image *old,
                      const struct delta_image *new, const struct delta_matches *matches);

#endif
