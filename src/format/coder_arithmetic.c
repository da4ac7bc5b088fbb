/* The range coder: a bit is 1 with probability p / 65536. */
#include "coder_arithmetic.h"

void coder_normalise(struct coder *coder)
{
    do {
        coder->range <<= 8;
        coder->code <<= 8;
        if (coder->next < coder->end)
            coder->code |= *coder->next++;
        else
            coder->beyond++;
    } while (coder->range < 1u << 24);
}
