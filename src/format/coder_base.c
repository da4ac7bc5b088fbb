/* The coder's base: an image that is there already, of which the one to be rebuilt is mostly made. */
#include "coder_base.h"

#ifdef ESPOTA_CODER_BASE

#include <string.h>

enum { FLAG_MAP_MORE = CODER_FLAG_FRAME + 5 };

int coder_base_begin(struct coder *coder)
{
    const struct espota_coder_image *image = coder->image;
    if (image->read == NULL || image->read_base == NULL)
        return -1;
    memset(coder->base, 0, sizeof *coder->base);
    coder->base->length = image->base_length;
    return 0;
}

int coder_base_map(struct coder *coder, struct coder_map_source *source)
{
    (void)source;
    return (int)coder_flag(coder, 0, FLAG_MAP_MORE);
}

#else
typedef int coder_without_base; /* a file of C is not empty */
#endif
