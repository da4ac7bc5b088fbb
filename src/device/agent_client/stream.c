#include "stream.h"

#include "espota/agent_protocol.h"
#include "espota/bytes.h"
#include "espota/error.h"
#include "espota/table.h"

#include <stdlib.h>
#include <string.h>

#define SECTOR ESPOTA_SECTOR_SIZE

enum { CHUNK_KIND_SHIFT = 14 };

static uint32_t sectors_of(const struct client_stream *stream)
{
    return stream->stretch.length / SECTOR;
}

bool stream_is_whole(const struct client_stream *stream)
{
    return stream->bytes.size > 0 && stream->made == sectors_of(stream);
}

static int append_head(struct client_stream *stream, const struct client_image *image,
                       struct espota_error *error)
{
    uint8_t head[ESPOTA_STREAM_HEAD_SIZE] = { ESPOTA_STREAM_RAW };
    if (stream->kind == STREAM_CHUNKS) {
        head[0] = ESPOTA_STREAM_CODED;
        head[1] = (uint8_t)image->isa;
        head[2] = image->table_log;
    }
    espota_put_le32(head + 4, stream->stretch.offset);
    espota_put_le32(head + 8, stream->stretch.length);
    return espota_bytes_append(&stream->bytes, head, sizeof head, error);
}

void stream_set_pace(struct client_stream *stream, const struct client_image *image)
{
    if (stream->encoder)
        espota_encoder_pace(stream->encoder, image->line_ns, image->decode_ns, image->window);
}

bool stream_codes(const struct client_stream *stream, uint32_t sector)
{
    const uint8_t *chunk =
        stream->bytes.data + (sector > 0 ? stream->end[sector - 1] : ESPOTA_STREAM_HEAD_SIZE);
    return stream->kind == STREAM_CODED && espota_get_le16(chunk) >> CHUNK_KIND_SHIFT == ESPOTA_CHUNK_CODED;
}

static int begin_coded(struct client_stream *stream, const struct client_image *image,
                       struct espota_error *error)
{
    const struct espota_extent *s = &stream->stretch;
    int result = espota_encoder_begin(&stream->encoder, image->isa, image->table_log, NULL, image->data,
                                      image->length, s->offset, s->length, &stream->bytes, error);
    if (result == 0)
        stream_set_pace(stream, image);
    return result;
}

static int begin(struct client_stream *stream, const struct client_image *image, struct espota_error *error)
{
    stream->end = calloc(sectors_of(stream), sizeof *stream->end);
    if (!stream->end)
        return espota_fail_memory(error, "writing flash");
    if (stream->kind == STREAM_CODED)
        return begin_coded(stream, image, error);
    return append_head(stream, image, error);
}

static int make_sector(struct client_stream *stream, const struct client_image *image,
                       struct espota_error *error)
{
    const uint8_t *sector = image->data + (stream->stretch.offset - image->at) + stream->made * SECTOR;
    int result = 0;
    if (stream->kind == STREAM_CODED)
        result = espota_encoder_sector(stream->encoder, &stream->bytes, error) == 1 ? 0 : (int)error->status;
    else if (stream->kind == STREAM_CHUNKS)
        result = espota_chunk_append_plain(&stream->bytes, sector, error);
    else
        result = espota_bytes_append(&stream->bytes, sector, SECTOR, error);
    if (result == 0)
        stream->end[stream->made++] = (uint32_t)stream->bytes.size;
    return result;
}

int stream_make(struct client_stream *stream, const struct client_image *image, size_t size,
                struct espota_error *error)
{
    int result = stream->bytes.size == 0 ? begin(stream, image, error) : 0;
    while (result == 0 && stream->bytes.size < size && !stream_is_whole(stream))
        result = make_sector(stream, image, error);
    return result;
}

uint32_t stream_sectors(const struct client_stream *stream, uint32_t offset)
{
    uint32_t count = 0;
    while (count < stream->made && stream->end[count] <= offset)
        count++;
    return count;
}

void stream_end(struct client_stream *stream)
{
    espota_bytes_free(&stream->bytes);
    espota_encoder_end(stream->encoder);
    free(stream->end);
    stream->end = NULL;
    stream->encoder = NULL;
    stream->made = 0;
}

void stream_restart(struct client_stream *stream, uint32_t sectors)
{
    stream_end(stream);
    stream->stretch.offset += sectors * SECTOR;
    stream->stretch.length -= sectors * SECTOR;
}
