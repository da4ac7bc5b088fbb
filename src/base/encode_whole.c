/* A stream as a whole. */
#include "espota/encode.h"

int espota_encode(enum espota_isa isa, unsigned table_log, const struct espota_base *base,
                  const uint8_t *image, size_t image_length, uint32_t offset, uint32_t length,
                  struct espota_bytes *stream, struct espota_error *error)
{
    struct espota_encoder *encoder;
    int status = espota_encoder_begin(&encoder, isa, table_log, base, image, image_length, offset, length,
                                      stream, error);
    if (status != 0)
        return status;
    do
        status = espota_encoder_sector(encoder, stream, error);
    while (status > 0);
    espota_encoder_end(encoder);
    return -status;
}
