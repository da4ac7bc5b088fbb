#include "gzip.h"

#include "espota/error.h"

#include <libdeflate.h>
#include <stdlib.h>

int gzip_pack(struct espota_bytes *packed, const uint8_t *data, size_t size, struct espota_error *error)
{
    enum { BEST = 12 };
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(BEST);
    if (!compressor)
        return espota_fail_memory(error, "compressing an image");
    size_t room = libdeflate_gzip_compress_bound(compressor, size);
    packed->data = malloc(room);
    if (packed->data)
        packed->size = libdeflate_gzip_compress(compressor, data, size, packed->data, room);
    libdeflate_free_compressor(compressor);
    return packed->size > 0 ? 0 : espota_fail_memory(error, "compressing an image");
}
