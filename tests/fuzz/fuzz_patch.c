/* Patch files: any bytes may come as one, and any stream in one whose head and CRCs are right. The first byte
 * says which: an even one is followed by a file; an odd one by the sectors of the image, less one, and
 * chunks. */
#include "fixtures/code_like.h"

#include "espota/bytes.h"
#include "espota/crc32.h"
#include "espota/digest.h"
#include "espota/patch.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BASE_SIZE = 3 * 4096 + 100, HEADS = ESPOTA_BASED_HEAD_SIZE };

/* The head of a stream for `sectors`. */
static void put_heads(uint8_t *out, const struct espota_patch_head *head, uint32_t sectors, uint8_t layout)
{
    memset(out, 0, HEADS);
    out[0] = ESPOTA_STREAM_BASED;
    out[1] = (uint8_t)head->isa;
    out[2] = (uint8_t)head->table_log;
    out[ESPOTA_BASED_LAYOUT] = layout;
    espota_put_le16(out + ESPOTA_BASED_LENGTH, (uint16_t)sectors);
    espota_put_le32(out + ESPOTA_BASED_BASE_LENGTH, head->base_length);
    memcpy(out + ESPOTA_BASED_SHA256, head->base_sha256, ESPOTA_BASED_SHA256_LENGTH);
}

static uint32_t count_chunks(const uint8_t *at, size_t left)
{
    uint32_t count = 0;
    for (size_t size; (size = espota_stream_chunk_size(at, left)) > 0; at += size, left -= size)
        count++;
    return count;
}

/* A file with these chunks. */
static struct espota_bytes wrap(const uint8_t *base, uint8_t first, const uint8_t *data, size_t size)
{
    enum { BEFORE = 3 };
    struct espota_bytes file = { 0 };
    uint32_t sectors = 1u + data[0] % 8, map = espota_get_le16(data + 1);
    size_t chunks_size = size - BEFORE;
    uint32_t chunks = map < chunks_size ? count_chunks(data + BEFORE + map, chunks_size - map) : 0;
    struct espota_patch_head head = { .isa = (enum espota_isa)((first >> 1 & 3) % 3),
                                      .table_log = ESPOTA_CODER_TABLE_MIN + (first >> 3) % 3,
                                      .base_length = BASE_SIZE,
                                      .image_length = sectors * ESPOTA_CODER_SECTOR - 5,
                                      .stream_length = (uint32_t)(HEADS + chunks_size),
                                      .map_length = map };
    if (espota_sha256(base, BASE_SIZE, head.base_sha256) != 0)
        abort();
    file.size = ESPOTA_PATCH_HEAD_SIZE + head.stream_length + ESPOTA_PATCH_COUNT_SIZE * chunks;
    file.data = malloc(file.size);
    if (!file.data)
        abort();
    uint8_t *stream = file.data + ESPOTA_PATCH_HEAD_SIZE, *counts = stream + head.stream_length;
    put_heads(stream, &head, sectors, data[0] >> 3 & ESPOTA_LAYOUT_ALL);
    memcpy(stream + HEADS, data + BEFORE, chunks_size);
    for (uint32_t i = 0; i < chunks; i++)
        espota_put_le16(counts + ESPOTA_PATCH_COUNT_SIZE * i, 1);
    if (chunks > 0 && chunks < sectors)
        espota_put_le16(counts, (uint16_t)(1 + sectors - chunks));
    head.crc = espota_crc32(0, stream, head.stream_length + ESPOTA_PATCH_COUNT_SIZE * chunks);
    espota_patch_put_head(&head, file.data);
    return file;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t base[BASE_SIZE];
    const struct espota_patch_image old = { "base", base, sizeof base };
    struct espota_bytes file = { 0 }, image = { 0 };
    struct espota_patch patch;
    struct espota_error error;
    if (size < 8)
        return 0;
    code_like_fill(base, sizeof base, 1, false);
    if (data[0] & 1)
        file = wrap(base, data[0], data + 1, size - 1);
    else if (espota_bytes_append(&file, data + 1, size - 1, &error) != 0)
        abort();
    if (espota_patch_read(&patch, "patch", &file, &error) == 0)
        (void)espota_patch_apply(&patch, "patch", &old, &image, &error);
    espota_bytes_free(&image);
    espota_bytes_free(&file);
    return 0;
}
