/* Patch files. firmware/PROTOCOL.md, "Patch files" */
#include "espota/patch_file.h"

#include "espota/bytes.h"
#include "espota/crc32.h"

#include <stdbool.h>
#include <string.h>

#define HEADS  ESPOTA_BASED_HEAD_SIZE
#define SECTOR ESPOTA_CODER_SECTOR

/* Where what lies in a head. */
enum {
    AT_VERSION = 16,
    AT_ISA = 17,
    AT_TABLE = 18,
    AT_CHIP = 20,
    AT_BASE_LENGTH = 24,
    AT_IMAGE_LENGTH = 28,
    AT_BASE_SHA256 = 32,
    AT_IMAGE_SHA256 = 64,
    AT_STREAM_LENGTH = 96,
    AT_MAP_LENGTH = 100,
    AT_FOLLOWING_CRC = 104,
    AT_CRC = 108,
};

void espota_patch_put_head(const struct espota_patch_head *head, uint8_t out[ESPOTA_PATCH_HEAD_SIZE])
{
    memset(out, 0, ESPOTA_PATCH_HEAD_SIZE);
    memcpy(out, ESPOTA_PATCH_MAGIC, AT_VERSION);
    out[AT_VERSION] = ESPOTA_PATCH_VERSION;
    out[AT_ISA] = (uint8_t)head->isa;
    out[AT_TABLE] = (uint8_t)head->table_log;
    espota_put_le16(out + AT_CHIP, head->chip_id);
    espota_put_le32(out + AT_BASE_LENGTH, head->base_length);
    espota_put_le32(out + AT_IMAGE_LENGTH, head->image_length);
    memcpy(out + AT_BASE_SHA256, head->base_sha256, ESPOTA_SHA256_LENGTH);
    memcpy(out + AT_IMAGE_SHA256, head->image_sha256, ESPOTA_SHA256_LENGTH);
    espota_put_le32(out + AT_STREAM_LENGTH, head->stream_length);
    espota_put_le32(out + AT_MAP_LENGTH, head->map_length);
    espota_put_le32(out + AT_FOLLOWING_CRC, head->crc);
    espota_put_le32(out + AT_CRC, espota_crc32(0, out, AT_CRC));
}

static void get_head(struct espota_patch_head *head, const uint8_t *in)
{
    head->isa = (enum espota_isa)in[AT_ISA];
    head->table_log = in[AT_TABLE];
    head->chip_id = espota_get_le16(in + AT_CHIP);
    head->base_length = espota_get_le32(in + AT_BASE_LENGTH);
    head->image_length = espota_get_le32(in + AT_IMAGE_LENGTH);
    memcpy(head->base_sha256, in + AT_BASE_SHA256, ESPOTA_SHA256_LENGTH);
    memcpy(head->image_sha256, in + AT_IMAGE_SHA256, ESPOTA_SHA256_LENGTH);
    head->stream_length = espota_get_le32(in + AT_STREAM_LENGTH);
    head->map_length = espota_get_le32(in + AT_MAP_LENGTH);
    head->crc = espota_get_le32(in + AT_FOLLOWING_CRC);
}

size_t espota_stream_chunk_size(const uint8_t *at, size_t left)
{
    static const size_t others[4] = { 0, SECTOR, 1, 4 };
    if (left < 2)
        return 0;
    unsigned word = espota_get_le16(at), kind = word >> 14;
    size_t length = word & ESPOTA_CHUNK_LENGTH_MASK;
    if (kind == ESPOTA_CHUNK_CODED ? length == 0 || length > SECTOR : length != 0)
        return 0;
    if (kind != ESPOTA_CHUNK_CODED)
        length = others[kind];
    return length <= left - 2 ? 2 + length : 0;
}

/* The stream's own head says the same as the file's. */
static bool heads_agree(const struct espota_patch_head *h, const uint8_t *stream)
{
    uint32_t sectors = (h->image_length + SECTOR - 1) / SECTOR;
    return stream[0] == ESPOTA_STREAM_BASED && stream[1] == (uint8_t)h->isa &&
           stream[2] == (uint8_t)h->table_log && stream[ESPOTA_BASED_LAYOUT] <= ESPOTA_LAYOUT_ALL &&
           espota_get_le16(stream + ESPOTA_BASED_OFFSET) == 0 &&
           espota_get_le16(stream + ESPOTA_BASED_LENGTH) == sectors &&
           espota_get_le16(stream + ESPOTA_BASED_FLASH) == 0 &&
           espota_get_le32(stream + ESPOTA_BASED_BASE_LENGTH) == h->base_length &&
           memcmp(stream + ESPOTA_BASED_SHA256, h->base_sha256, ESPOTA_BASED_SHA256_LENGTH) == 0;
}

/* There is a map, unless the layout says that there is none. */
static bool is_mapped(const uint8_t *stream)
{
    return (stream[ESPOTA_BASED_LAYOUT] & ESPOTA_LAYOUT_UNMAPPED) != ESPOTA_LAYOUT_UNMAPPED;
}

/* Chunks of the map, coded all of them, take exactly so many bytes. */
static bool map_fits(const uint8_t *at, size_t length)
{
    for (size_t size; length > 0; at += size, length -= size)
        if ((size = espota_stream_chunk_size(at, length)) == 0 ||
            espota_get_le16(at) >> 14 != ESPOTA_CHUNK_CODED)
            return false;
    return true;
}

uint32_t espota_patch_sectors(const struct espota_patch *patch, uint32_t chunk)
{
    return espota_get_le16(patch->sectors + ESPOTA_PATCH_COUNT_SIZE * (size_t)chunk);
}

/* The chunks behind the map are whole, and for all sectors. `room`: counts behind the stream. */
static enum espota_patch_verdict walk(struct espota_patch *p, size_t room)
{
    size_t at = HEADS + p->head.map_length, end = p->head.stream_length, size;
    uint32_t sectors = (p->head.image_length + SECTOR - 1) / SECTOR, count = 0;
    for (; at < end; at += size, p->chunks++) {
        unsigned kind;
        if ((size = espota_stream_chunk_size(p->stream + at, end - at)) == 0)
            return ESPOTA_PATCH_MALFORMED;
        if (p->chunks == room)
            return ESPOTA_PATCH_TRUNCATED;
        kind = espota_get_le16(p->stream + at) >> 14;
        p->kinds[kind]++;
        uint32_t its = espota_patch_sectors(p, p->chunks);
        if (its == 0 || its > (kind == ESPOTA_CHUNK_CODED ? ESPOTA_CHUNK_SECTORS : 1))
            return ESPOTA_PATCH_MALFORMED;
        count += its;
    }
    if (p->chunks != room)
        return ESPOTA_PATCH_TRUNCATED;
    return count == sectors ? ESPOTA_PATCH_OK : ESPOTA_PATCH_MALFORMED;
}

static enum espota_patch_verdict check_head(const struct espota_patch_head *h, const uint8_t *file,
                                            size_t size)
{
    if (espota_crc32(0, file, AT_CRC) != espota_get_le32(file + AT_CRC))
        return ESPOTA_PATCH_DAMAGED;
    if (file[AT_VERSION] != ESPOTA_PATCH_VERSION || h->table_log < ESPOTA_CODER_TABLE_MIN ||
        h->table_log > ESPOTA_CODER_TABLE_MAX || file[AT_ISA] > ESPOTA_ISA_RISCV)
        return ESPOTA_PATCH_UNKNOWN;
    if (h->stream_length > size - ESPOTA_PATCH_HEAD_SIZE)
        return ESPOTA_PATCH_TRUNCATED;
    if (h->image_length == 0 || h->image_length > INT32_MAX || h->base_length == 0 ||
        h->base_length > INT32_MAX || h->stream_length < HEADS || h->map_length > h->stream_length - HEADS ||
        file[AT_TABLE + 1] != 0 || espota_get_le16(file + AT_CHIP + 2) != 0)
        return ESPOTA_PATCH_MALFORMED;
    return ESPOTA_PATCH_OK;
}

enum espota_patch_verdict espota_patch_parse(struct espota_patch *patch, const uint8_t *file, size_t size)
{
    memset(patch, 0, sizeof *patch);
    if (size < AT_VERSION || memcmp(file, ESPOTA_PATCH_MAGIC, AT_VERSION) != 0)
        return ESPOTA_PATCH_NO_MAGIC;
    if (size < ESPOTA_PATCH_HEAD_SIZE)
        return ESPOTA_PATCH_TRUNCATED;
    get_head(&patch->head, file);
    enum espota_patch_verdict verdict = check_head(&patch->head, file, size);
    if (verdict != ESPOTA_PATCH_OK)
        return verdict;
    size -= ESPOTA_PATCH_HEAD_SIZE;
    patch->stream = file + ESPOTA_PATCH_HEAD_SIZE;
    patch->sectors = patch->stream + patch->head.stream_length;
    if (espota_crc32(0, patch->stream, size) != patch->head.crc)
        return ESPOTA_PATCH_DAMAGED;
    if (!heads_agree(&patch->head, patch->stream) ||
        is_mapped(patch->stream) != (patch->head.map_length > 0) ||
        !map_fits(patch->stream + HEADS, patch->head.map_length))
        return ESPOTA_PATCH_MALFORMED;
    size -= patch->head.stream_length;
    return size % ESPOTA_PATCH_COUNT_SIZE != 0 ? ESPOTA_PATCH_TRUNCATED
                                               : walk(patch, size / ESPOTA_PATCH_COUNT_SIZE);
}
