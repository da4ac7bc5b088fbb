/* FAT: whatever it says, reading it ends, and stays within the partition. */
#include "fs_rounds.h"

#include "espota/bytes.h"
#include "espota/crc32.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE = 16 * 4096, SECTOR = 512 };

/* The first byte says which parts are sound: a boot sector, wear levelling. */
static void put_boot_sector(uint8_t *at)
{
    memset(at, 0, SECTOR);
    at[0] = 0xeb;
    espota_put_le16(at + 11, SECTOR);
    at[13] = 1;
    espota_put_le16(at + 14, 1);
    at[16] = 1;
    espota_put_le16(at + 17, 16);
    espota_put_le16(at + 19, 80);
    espota_put_le16(at + 22, 1);
    at[510] = 0x55;
    at[511] = 0xaa;
}

static void put_state(uint8_t *image, uint8_t moves)
{
    uint8_t *state = image + (SIZE - 3 * 4096);
    espota_put_le32(state + 4, SIZE / 4096 - 3);
    espota_put_le32(state + 8, moves);
    espota_put_le32(state + 60, espota_crc32(UINT32_MAX, state, 60));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *image = calloc(1, SIZE);
    if (size < 2) {
        free(image);
        return 0;
    }
    size_t start = data[0] & 1 ? 0 : SECTOR;
    bool levelled = data[0] & 2;
    uint8_t *volume = image + (levelled ? 4096 : 0);
    size_t part = size - 2 < 8192 ? size - 2 : 8192;
    put_boot_sector(volume);
    memcpy(volume + start, data + 2, part);
    if (levelled)
        put_state(image, data[1] % 16);
    fs_all(image, SIZE);
    free(image);
    return 0;
}
