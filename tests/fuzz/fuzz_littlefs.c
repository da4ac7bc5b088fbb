/* littlefs: whatever its tags say, reading it ends, and stays within the partition. */
#include "fs_rounds.h"

#include "espota/bytes.h"
#include "espota/crc32.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCK = 512, BLOCKS = 12, COMMIT = 160 };

static void put_tag(uint8_t *to, uint32_t tag, uint32_t *before)
{
    uint32_t stored = tag ^ *before;
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(stored >> (24 - 8 * i));
    *before = tag & 0x7fffffff;
}

/* The tags that the input has, as one commit with a right CRC: others lead nowhere. */
static void put_commit(uint8_t *block, const uint8_t *data, size_t size, unsigned start)
{
    uint32_t before = UINT32_MAX, at = start;
    if (start > 4) /* behind the superblock's tags */
        before = 0x20100018;
    while (size >= 4 && at + 4 < BLOCK - 8) {
        uint32_t tag =
            (uint32_t)(data[0] & 0x7f) << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
        uint32_t length = (tag & 0x3ff) == 0x3ff ? 0 : tag & 0x3ff;
        data += 4;
        size -= 4;
        if (length > size || at + 4 + length > BLOCK - 8)
            break;
        put_tag(block + at, tag, &before);
        memcpy(block + at + 4, data, length);
        at += 4 + length;
        data += length;
        size -= length;
    }
    put_tag(block + at, 0x500ffc04, &before);
    espota_put_le32(block + at + 4, ~espota_crc32(0, block, at + 4));
}

static unsigned put_superblock(uint8_t *block)
{
    static const char magic[8] = "littlefs";
    uint32_t before = UINT32_MAX;
    static const uint32_t words[6] = { 0x00020001, BLOCK, BLOCKS, 255, 0x7fffffff, 1022 };
    put_tag(block + 4, 0x0ff00008, &before);
    memcpy(block + 8, magic, sizeof magic);
    put_tag(block + 16, 0x20100018, &before);
    for (unsigned i = 0; i < 6; i++)
        espota_put_le32(block + 20 + 4 * i, words[i]);
    return 44;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *image = malloc(BLOCK * BLOCKS);
    memset(image, 0xff, BLOCK * BLOCKS);
    for (unsigned i = 0; i < BLOCKS; i++) {
        uint8_t *block = image + i * BLOCK;
        size_t part = size < COMMIT ? size : COMMIT;
        espota_put_le32(block, 1 + i / 2);
        put_commit(block, data, part, i < 2 ? put_superblock(block) : 4);
        data += part;
        size -= part;
    }
    fs_all(image, BLOCK * BLOCKS);
    free(image);
    return 0;
}
