/* The image coder: any bytes may come as chunks, and what is encoded comes back.
 * Of the input, the first byte says what follows: bits 0..1 the instruction set, bits 2..4 the table, bit 5
 * whether the model is the deep one, bit 6 whether there is a base, the first half of the rest, bit 7 whether
 * it is chunks (each a length of two bytes, then the bytes) or an image. */
#include "espota/bytes.h"
#include "espota/coder.h"
#include "espota/encode.h"

#include "fixtures/decoded_stream.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECTOR ESPOTA_CODER_SECTOR

struct input {
    enum espota_isa isa;
    unsigned table;
    const uint8_t *data;
    size_t size;
    struct espota_bytes base;
};

static int read_base(void *context, uint32_t offset, void *buffer, size_t length)
{
    const struct input *in = context;
    if (offset > in->base.size || length > in->base.size - offset)
        abort();
    memcpy(buffer, in->base.data + offset, length);
    return 0;
}

/* Any bytes do for what was rebuilt before. */
static int read_image(void *context, uint32_t offset, void *buffer, size_t length)
{
    (void)context;
    memset(buffer, (int)(offset & 0xFF), length);
    return 0;
}

static void *begin(const struct input *in)
{
    size_t size = espota_decoder.memory(in->table);
    void *memory = malloc(size);
    if (memory == NULL || espota_decoder.begin(memory, size, in->isa, in->table, 0, NULL) != 0)
        abort();
    return memory;
}

/* A copy of just the chunk's size shows what reads beyond it; so does the sector what writes there. */
static int decode(void *memory, const uint8_t *chunk, size_t length, uint8_t *sector)
{
    uint8_t *exact = malloc(length + 1), *rebuilt = malloc(SECTOR);
    if (exact == NULL || rebuilt == NULL)
        abort();
    memcpy(exact, chunk, length);
    int bad = espota_decoder.sector(memory, exact, length, rebuilt);
    memcpy(sector, rebuilt, SECTOR);
    free(rebuilt);
    free(exact);
    return bad;
}

static void decode_chunks(const struct input *in)
{
    uint8_t sector[SECTOR];
    void *memory = begin(in);
    for (size_t at = 0; at + 2 <= in->size;) {
        size_t length = espota_get_le16(in->data + at) & 0xFFF;
        at += 2;
        length = length < in->size - at ? length : in->size - at;
        (void)decode(memory, in->data + at, length, sector);
        at += length;
    }
    free(memory);
}

enum { SOME = 64 }; /* sectors of a chunk */

/* The first chunks are the map, then come sectors, several a chunk perhaps. */
static void decode_with_base(struct input *in)
{
    struct espota_coder_image around = { .context = in,
                                         .read = read_image,
                                         .read_base = read_base,
                                         .base_length = (uint32_t)in->base.size,
                                         .layout = in->data[0] & ESPOTA_LAYOUT_ALL };
    size_t size = espota_decoder.memory_with_base(in->table);
    uint8_t *exact = NULL, *sector = malloc(SECTOR);
    void *memory = malloc(size);
    if (sector == NULL || memory == NULL ||
        espota_decoder.begin(memory, size, in->isa, in->table, 0, &around) != 0)
        abort();
    int mapping = (around.layout & ESPOTA_LAYOUT_UNMAPPED) != ESPOTA_LAYOUT_UNMAPPED;
    for (size_t at = 1; at + 2 <= in->size && mapping >= 0;) {
        size_t length = espota_get_le16(in->data + at) & 0xFFF;
        at += 2;
        length = length < in->size - at ? length : in->size - at;
        free(exact);
        exact = malloc(length + 1);
        if (exact == NULL)
            abort();
        memcpy(exact, in->data + at, length);
        at += length;
        if (mapping > 0) {
            mapping = espota_decoder.map(memory, exact, length);
            continue;
        }
        int more = espota_decoder.sector(memory, exact, length, sector);
        for (unsigned i = 1; more == 1 && i < SOME; i++) { /* it may go on for a very long time */
            more = espota_decoder.sector(memory, NULL, 0, sector);
        }
    }
    free(exact);
    free(sector);
    free(memory);
}

static void encode_with_base(struct input *in)
{
    struct espota_bytes stream = { 0 };
    struct espota_error error;
    struct espota_base *base;
    uint32_t length = (uint32_t)((in->size + SECTOR - 1) / SECTOR * SECTOR);
    uint8_t *rebuilt = malloc(in->size);
    if (rebuilt == NULL ||
        espota_base_new(&base, in->isa, in->base.data, in->base.size, in->data, in->size, &error) != 0 ||
        espota_encode(in->isa, in->table, base, in->data, in->size, 0, length, &stream, &error) != 0 ||
        decode_stream(&stream, &in->base, rebuilt, in->size) != 0 || memcmp(rebuilt, in->data, in->size) != 0)
        abort();
    espota_base_free(base);
    espota_bytes_free(&stream);
    free(rebuilt);
}

static void with_base(struct input *in, bool chunks)
{
    in->base.data = (uint8_t *)(uintptr_t)in->data;
    in->base.size = in->size / 2;
    in->data += in->base.size;
    in->size -= in->base.size;
    if (in->base.size == 0)
        return;
    if (chunks)
        decode_with_base(in);
    else
        encode_with_base(in);
}

static size_t rebuild(void *memory, const uint8_t *chunk, const uint8_t *image, uint8_t *sector)
{
    size_t length = espota_get_le16(chunk) & ESPOTA_CHUNK_LENGTH_MASK;
    switch (espota_get_le16(chunk) >> 14) {
    case ESPOTA_CHUNK_STORED:
        memcpy(sector, chunk + 2, SECTOR);
        return 2 + SECTOR;
    case ESPOTA_CHUNK_FILL:
        memset(sector, chunk[2], SECTOR);
        return 3;
    case ESPOTA_CHUNK_COPY:
        memcpy(sector, image + espota_get_le32(chunk + 2), SECTOR);
        return 6;
    default:
        if (decode(memory, chunk + 2, length, sector) != 0)
            abort();
        return 2 + length;
    }
}

static void encode_and_decode(const struct input *in)
{
    struct espota_bytes stream = { 0 };
    struct espota_error error;
    uint32_t length = (uint32_t)((in->size + SECTOR - 1) / SECTOR * SECTOR);
    if (espota_encode(in->isa, in->table, NULL, in->data, in->size, 0, length, &stream, &error) != 0)
        abort();
    void *memory = begin(in);
    size_t at = ESPOTA_STREAM_HEAD_SIZE;
    for (size_t offset = 0; offset < in->size; offset += SECTOR) {
        uint8_t sector[SECTOR];
        size_t left = in->size - offset;
        at += rebuild(memory, stream.data + at, in->data, sector);
        if (memcmp(sector, in->data + offset, left < SECTOR ? left : SECTOR) != 0)
            abort();
    }
    if (at != stream.size)
        abort();
    free(memory);
    espota_bytes_free(&stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || (data[0] & 3) == 3)
        return 0;
    struct input in = { (enum espota_isa)(data[0] & 3),
                        ESPOTA_CODER_TABLE_MIN +
                            (data[0] >> 2 & 7) % (ESPOTA_CODER_TABLE_MAX - ESPOTA_CODER_TABLE_MIN + 1) +
                            ((data[0] & 0x20) != 0 ? ESPOTA_CODER_DEEP : 0),
                        data + 1, size - 1 };
    if ((data[0] & 0x40) != 0)
        with_base(&in, (data[0] & 0x80) != 0);
    else if ((data[0] & 0x80) != 0)
        decode_chunks(&in);
    else
        encode_and_decode(&in);
    return 0;
}
