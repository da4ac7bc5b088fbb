/* The encoder's search for matches (src/format/coder_match.c). */
#ifndef ESPOTA_BASE_ENCODE_MATCH_H
#define ESPOTA_BASE_ENCODE_MATCH_H

#include "format/coder.h"

struct match_finder;

/* free() it. NULL: no memory. */
struct match_finder *match_finder_new(void);
/* Set coder->actual_match for what comes next: `image` from `offset` to `end`. */
void match_finder_look(struct match_finder *finder, struct coder *coder, const uint8_t *image, size_t offset,
                       size_t end);

#endif
