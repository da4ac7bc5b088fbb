#include "stream.h"

#include "espota/agent_protocol.h"
#include "espota/bytes.h"
#include "espota/encode.h"
#include "espota/error.h"
#include "espota/table.h"

#include <stdlib.h>
#include <string.h>

#define SECTOR ESPOTA_SECTOR_SIZE

enum { CHUNK_KIND_SHIFT = 14, LEAST_FORGOTTEN = 16 << 10 };

static uint32_t sectors_of(const struct client_stream *stream)
{
    return stream->stretch.length / SECTOR;
}

uint32_t stream_size(const struct client_stream *stream)
{
    return stream->from + (uint32_t)stream->bytes.size;
}

const uint8_t *stream_bytes(const struct client_stream *stream, uint32_t offset)
{
    return stream->bytes.data + (offset - stream->from);
}

bool stream_is_whole(const struct client_stream *stream)
{
    return stream->sector && stream->made == sectors_of(stream);
}

static int append_plain_head(struct client_stream *stream, const struct client_image *image,
                             struct espota_error *error)
{
    uint8_t head[ESPOTA_STREAM_HEAD_SIZE] = { ESPOTA_STREAM_RAW };
    if (stream->kind != STREAM_RAW) {
        head[0] = ESPOTA_STREAM_CODED;
        head[1] = (uint8_t)image->isa;
        head[2] = stream->kind == STREAM_BASED ? image->base_table_log : image->table_log;
    }
    if (stream->kind == STREAM_BASED) /* the base is of no use to this stretch */
        stream->kind = STREAM_CODED;
    espota_put_le32(head + 4, stream->stretch.offset);
    espota_put_le32(head + 8, stream->stretch.length);
    return espota_bytes_append(&stream->bytes, head, sizeof head, error);
}

static int append_head(struct client_stream *stream, const struct client_image *image,
                       struct espota_error *error)
{
    const uint8_t *preamble = NULL;
    size_t length = 0;
    int result = stream->reader ? espota_stream_preamble(stream->reader, &preamble, &length, error) : 0;
    if (result != 0)
        return result;
    if (length == 0)
        return append_plain_head(stream, image, error);
    result = espota_bytes_append(&stream->bytes, preamble, length, error);
    if (result == 0) {
        espota_put_le16(stream->bytes.data + ESPOTA_BASED_LENGTH, (uint16_t)sectors_of(stream));
        espota_stream_set_base(stream->bytes.data, stream->bytes.size, image->base_offset);
    }
    return result;
}

void stream_set_pace(struct client_stream *stream, const struct client_image *image)
{
    if (stream->reader && stream->kind != STREAM_BASED)
        espota_stream_set_pace(stream->reader, &image->pace);
}

bool stream_codes(const struct client_stream *stream, uint32_t sector)
{
    return stream->sector[sector].coded;
}

/* With a base the line waits for the decoder: a sector that is stored would take longer than to decode it. */
static int open_reader(struct client_stream *stream, const struct client_image *image,
                       struct espota_error *error)
{
    bool based = stream->kind == STREAM_BASED;
    struct espota_stream_pace all = { 1u << 20, 1, image->pace.window };
    struct espota_stream_source source = { .image = image->data,
                                           .image_length = image->length,
                                           .isa = image->isa,
                                           .table_log = based ? image->base_table_log : image->table_log,
                                           .base = based ? image->base : NULL };
    memcpy(source.sha256, image->sha256, sizeof source.sha256);
    return espota_stream_open(&stream->reader, image->cache, &source, stream->stretch.offset,
                              based ? &all : &image->pace, error);
}

static int begin(struct client_stream *stream, const struct client_image *image, struct espota_error *error)
{
    stream->sector = calloc(sectors_of(stream), sizeof *stream->sector);
    if (!stream->sector)
        return espota_fail_memory(error, "writing flash");
    int result = stream->kind >= STREAM_CODED ? open_reader(stream, image, error) : 0;
    return result ? result : append_head(stream, image, error);
}

static int append_coded(struct client_stream *stream, struct espota_error *error)
{
    const uint8_t *chunk;
    size_t length;
    int result = espota_stream_chunk(stream->reader, stream->made, &chunk, &length, error);
    if (result != 0)
        return result;
    stream->sector[stream->made].coded =
        length == 0 || espota_get_le16(chunk) >> CHUNK_KIND_SHIFT == ESPOTA_CHUNK_CODED;
    result = espota_bytes_append(&stream->bytes, chunk, length, error);
    espota_stream_forget(stream->reader, stream->made + 1);
    return result;
}

static int make_sector(struct client_stream *stream, const struct client_image *image,
                       struct espota_error *error)
{
    const uint8_t *sector = image->data + (stream->stretch.offset - image->at) + stream->made * SECTOR;
    int result = 0;
    if (stream->reader)
        result = append_coded(stream, error);
    else if (stream->kind == STREAM_CHUNKS)
        result = espota_chunk_append_plain(&stream->bytes, sector, error);
    else
        result = espota_bytes_append(&stream->bytes, sector, SECTOR, error);
    if (result == 0)
        stream->sector[stream->made++].end = stream_size(stream);
    return result;
}

int stream_make(struct client_stream *stream, const struct client_image *image, size_t size,
                struct espota_error *error)
{
    int result = stream->sector ? 0 : begin(stream, image, error);
    while (result == 0 && stream_size(stream) < size && !stream_is_whole(stream))
        result = make_sector(stream, image, error);
    if (result == 0 && stream_is_whole(stream)) {
        espota_stream_close(stream->reader);
        stream->reader = NULL;
    }
    return result;
}

void stream_forget(struct client_stream *stream, uint32_t offset)
{
    size_t count = offset - stream->from;
    if (count < LEAST_FORGOTTEN || count > stream->bytes.size)
        return;
    stream->bytes.size -= count;
    memmove(stream->bytes.data, stream->bytes.data + count, stream->bytes.size);
    stream->from = offset;
}

uint32_t stream_sectors(const struct client_stream *stream, uint32_t offset)
{
    uint32_t count = 0;
    while (count < stream->made && stream->sector[count].end <= offset)
        count++;
    return count;
}

void stream_end(struct client_stream *stream)
{
    espota_bytes_free(&stream->bytes);
    espota_stream_close(stream->reader);
    free(stream->sector);
    stream->reader = NULL;
    stream->sector = NULL;
    stream->made = stream->from = 0;
}

void stream_restart(struct client_stream *stream, uint32_t sectors)
{
    stream_end(stream);
    stream->stretch.offset += sectors * SECTOR;
    stream->stretch.length -= sectors * SECTOR;
}
