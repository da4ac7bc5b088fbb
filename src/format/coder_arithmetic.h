/* Inside the coder: the range coder, in registers while several bits are coded. */
#ifndef ESPOTA_FORMAT_CODER_ARITHMETIC_H
#define ESPOTA_FORMAT_CODER_ARITHMETIC_H

#include "coder.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

struct arithmetic {
    uint32_t range, code;
};

/* Bytes of the chunk come into `code` until the range is wide enough. */
void coder_normalise(struct coder *coder);

/* Is the bit a 1, of probability p / 65536? */
static ALWAYS_INLINE bool is_one(struct coder *coder, struct arithmetic *a, uint32_t value, uint32_t p)
{
    uint32_t bound = (a->range >> 16) * p;
#ifdef ESPOTA_CODER_ENCODER
    if (coder->sink != NULL) {
        coder->range = a->range;
        coder_encode_bit(coder, value & 1, p);
        a->range = coder->range;
        return (value & 1) != 0;
    }
#else
    (void)coder;
    (void)value;
#endif
    if (a->code < bound) {
        a->range = bound;
        return true;
    }
    a->range -= bound;
    a->code -= bound;
    return false;
}

static ALWAYS_INLINE void renew(struct coder *coder, struct arithmetic *a)
{
    if (a->range >= 1u << 24)
        return;
    coder->range = a->range;
    coder->code = a->code;
    coder_normalise(coder);
    a->range = coder->range;
    a->code = coder->code;
}

#endif
