/* Inside the coder: the base, what is known of how the image is made of it, and the units that are predicted
 * by it. */
#ifndef ESPOTA_FORMAT_CODER_BASE_H
#define ESPOTA_FORMAT_CODER_BASE_H

#include "coder.h"

struct coder_base {
    uint32_t length; /* of the base */
};

/* The map that the encoder has made; how much of it is coded. */
struct coder_map_source {
    uint32_t done;
};

/* coder->base is memory for it, coder->image says what it is. @return 0, or -1. */
int coder_base_begin(struct coder *coder);
/* One chunk of the map, whose arithmetic has been begun. `source` is NULL in the decoder.
 * @return 1: more follows; 0: that was all; -1: malformed. */
int coder_base_map(struct coder *coder, struct coder_map_source *source);

#endif
