/* Heads of streams. */
#include "base/encode_parts.h"
#include "espota/bytes.h"

#define SECTOR ESPOTA_CODER_SECTOR

static int append_plain_head(const struct espota_encoder *e, unsigned table_log, struct espota_bytes *stream,
                             struct espota_error *error)
{
    uint8_t head[ESPOTA_STREAM_HEAD_SIZE] = { ESPOTA_STREAM_CODED, (uint8_t)e->isa, (uint8_t)table_log };
    espota_put_le32(head + 4, e->offset);
    espota_put_le32(head + 8, e->end - e->offset);
    return espota_bytes_append(stream, head, sizeof head, error);
}

static int append_based_head(const struct espota_encoder *e, unsigned table_log, struct espota_bytes *stream,
                             struct espota_error *error)
{
    uint8_t head[ESPOTA_BASED_HEAD_SIZE] = { ESPOTA_STREAM_BASED, (uint8_t)e->isa, (uint8_t)table_log };
    espota_put_le16(head + ESPOTA_BASED_OFFSET, (uint16_t)(e->offset / SECTOR));
    espota_put_le16(head + ESPOTA_BASED_LENGTH, (uint16_t)((e->end - e->offset) / SECTOR));
    delta_base_head(e->base, head);
    return espota_bytes_append(stream, head, sizeof head, error);
}

int encode_append_head(const struct espota_encoder *e, unsigned table_log, struct espota_bytes *stream,
                       struct espota_error *error)
{
    return e->base != NULL ? append_based_head(e, table_log, stream, error)
                           : append_plain_head(e, table_log, stream, error);
}
