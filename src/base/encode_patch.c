/* A stream that was made elsewhere, given out sector by sector. */
#include "base/encode_patch.h"

#include "base/delta.h"
#include "espota/bytes.h"

static uint32_t whole(size_t length)
{
    return (uint32_t)((length + ESPOTA_CODER_SECTOR - 1) / ESPOTA_CODER_SECTOR);
}

/* Who writes flash has its image in whole sectors, filled up as those of the patch are. */
bool encode_is_patch(const struct espota_encoder *e, unsigned table_log, const struct espota_base *base)
{
    const struct espota_patch *patch = delta_base_patch(base);
    return patch != NULL && e->offset == 0 && e->isa == patch->head.isa &&
           table_log == patch->head.table_log && whole(e->image_length) == whole(patch->head.image_length);
}

int encode_patch_begin(struct espota_encoder *e, struct espota_bytes *stream, struct espota_error *error)
{
    size_t at = stream->size;
    e->given = ESPOTA_BASED_HEAD_SIZE + e->patch->head.map_length;
    int status = espota_bytes_append(stream, e->patch->stream, e->given, error);
    if (status == 0)
        espota_put_le16(stream->data + at + ESPOTA_BASED_LENGTH,
                        (uint16_t)(e->end / ESPOTA_CODER_SECTOR)); /* it may be wanted in part */
    return status;
}

int encode_patch_sector(struct espota_encoder *e, struct espota_bytes *stream, struct espota_error *error)
{
    const struct espota_patch *patch = e->patch;
    const uint8_t *chunk = patch->stream + e->given;
    size_t size = espota_stream_chunk_size(chunk, patch->head.stream_length - e->given);
    e->ahead = espota_patch_sectors(patch, e->next_chunk++) - 1;
    e->given += size;
    return espota_bytes_append(stream, chunk, size, error);
}
