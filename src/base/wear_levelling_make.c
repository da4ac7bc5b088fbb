/* ESP-IDF's wear levelling as it begins: the dummy sector first, nothing moved yet; see
 * src/format/wear_levelling.c. */
#include "fs_image.h"

#include "espota/bytes.h"
#include "espota/crc32.h"

#include <string.h>

enum { SECTOR = 4096, RECORD = 16, STATE = 64, VERSION = 2, UPDATE_RATE = 16, BUFFER = 32 };
/* Random on a device, where it tells one formatting from the next; here the same folder is to give the same
 * bytes. */
#define DEVICE_ID 0x65737046u

static uint32_t state_size(uint32_t partition)
{
    return (STATE + partition / SECTOR * RECORD + SECTOR - 1) / SECTOR * SECTOR;
}

uint32_t wear_levelling_room(uint32_t partition)
{
    uint32_t overhead = 2 * state_size(partition) + 2 * SECTOR;
    return partition > overhead ? partition - overhead : 0;
}

static void put_words(uint8_t *to, const uint32_t *word, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        espota_put_le32(to + 4 * i, word[i]);
}

void wear_levelling_make(uint8_t *image, uint32_t partition)
{
    uint32_t sectors = wear_levelling_room(partition) / SECTOR + 1;
    const uint32_t state[15] = { 0, sectors, 0, 0, UPDATE_RATE, SECTOR, VERSION, DEVICE_ID };
    const uint32_t config[8] = { 0, partition, SECTOR, SECTOR, UPDATE_RATE, RECORD, VERSION, BUFFER };
    uint8_t *end = image + partition - SECTOR;
    for (unsigned copy = 1; copy <= 2; copy++) {
        uint8_t *to = end - (size_t)copy * state_size(partition);
        put_words(to, state, 15);
        espota_put_le32(to + 60, espota_crc32(UINT32_MAX, to, 60));
    }
    put_words(end, config, 8);
    espota_put_le32(end + 32, espota_crc32(UINT32_MAX, end, 32));
    memset(end + 36, 0, 12);
}
