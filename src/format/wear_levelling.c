/* ESP-IDF's wear levelling: the last sector has its configuration, before it lie two copies of its state with
 * a record for each move of the dummy sector. What an app sees is a ring of sectors that has moved on so
 * often, with the dummy somewhere in it. Source: components/wear_levelling/WL_Flash.cpp. */
#include "fs_parts.h"

#include "espota/bytes.h"
#include "espota/crc32.h"

enum { SECTOR = 4096, RECORD = 16, STATE = 64, STATE_1 = 32 }; /* _1: of version 1 */

struct layout {
    uint32_t state_size, state[2], size;
};

static bool find_layout(const struct espota_fs *fs, struct layout *layout)
{
    uint32_t all = fs->source.size, sectors = all / SECTOR;
    if (all % SECTOR || sectors < 6)
        return false;
    layout->state_size = (STATE + sectors * RECORD + SECTOR - 1) / SECTOR * SECTOR;
    if (2 * layout->state_size + 3 * SECTOR > all)
        return false;
    layout->state[0] = all - SECTOR - 2 * layout->state_size;
    layout->state[1] = all - SECTOR - layout->state_size;
    layout->size = layout->state[0] - SECTOR;
    return true;
}

/* Version 2 covers the id of the device by the CRC, too. @return bytes of the state; 0: it is none. */
static uint32_t state_length(const uint8_t *state, const struct layout *layout)
{
    uint32_t length = espota_get_le32(state + 60) == espota_crc32(UINT32_MAX, state, 60)   ? STATE
                      : espota_get_le32(state + 28) == espota_crc32(UINT32_MAX, state, 28) ? STATE_1
                                                                                           : 0;
    uint32_t most = espota_get_le32(state + 4), moves = espota_get_le32(state + 8);
    return most == layout->size / SECTOR + 1 && moves < most ? length : 0;
}

/* Of version 2 a record has the CRCs of four numbers; of version 1 it is whatever is not blank. */
static bool is_set(const uint8_t *record, const uint8_t *state, uint32_t length, uint32_t n)
{
    uint8_t number[4];
    bool blank = true;
    for (unsigned i = 0; i < RECORD; i++)
        blank = blank && record[i] == 0xff;
    for (uint32_t i = 0; length == STATE && i < 4; i++) {
        espota_put_le32(number, espota_get_le32(state + 28) + 4 * n + i);
        if (espota_get_le32(record + 4 * i) != espota_crc32(UINT32_MAX, number, 4))
            return false;
    }
    return !blank;
}

/* Where the dummy sector is: behind as many sectors as there are records. */
static fs_status find_dummy(struct espota_fs *fs, const struct layout *layout, uint32_t place,
                            const uint8_t *state, uint32_t length)
{
    uint8_t record[RECORD];
    uint32_t n = 0, most = layout->size / SECTOR;
    for (; n < most; n++) {
        fs_status status = fs_source_read(fs, (uint64_t)place + length + n * RECORD, record, sizeof record);
        if (status != ESPOTA_FS_OK)
            return status;
        if (!is_set(record, state, length, n))
            break;
    }
    fs->wl_dummy = n;
    return ESPOTA_FS_OK;
}

fs_status wear_levelling_open(struct espota_fs *fs)
{
    struct layout layout;
    uint8_t state[STATE];
    uint32_t length = 0;
    unsigned copy = 0;
    fs->wear_levelling = false;
    if (!find_layout(fs, &layout))
        return ESPOTA_FS_UNKNOWN;
    for (copy = 0; copy < 2 && length == 0; copy++) {
        fs_status status = fs_source_read(fs, layout.state[copy], state, sizeof state);
        if (status != ESPOTA_FS_OK)
            return status;
        length = state_length(state, &layout);
    }
    if (length == 0)
        return ESPOTA_FS_UNKNOWN;
    fs->wear_levelling = true;
    fs->wl_size = layout.size;
    fs->wl_moves = espota_get_le32(state + 8);
    return find_dummy(fs, &layout, layout.state[copy - 1], state, length);
}

static uint32_t place_of(const struct espota_fs *fs, uint32_t offset)
{
    uint64_t moved = (uint64_t)fs->wl_size - fs->wl_moves % (fs->wl_size / SECTOR) * SECTOR + offset;
    uint32_t place = (uint32_t)(moved % fs->wl_size);
    return place / SECTOR < fs->wl_dummy ? place : place + SECTOR;
}

fs_status wear_levelling_read(struct espota_fs *fs, uint64_t offset, void *buffer, uint32_t length)
{
    uint8_t *to = buffer;
    if (!fs->wear_levelling)
        return fs_source_read(fs, offset, buffer, length);
    if (length > fs->wl_size || offset > fs->wl_size - length)
        return fs_damaged(fs, offset);
    for (uint32_t at = (uint32_t)offset; length > 0;) {
        uint32_t left = SECTOR - at % SECTOR, part = left < length ? left : length;
        fs_status status = fs_source_read(fs, place_of(fs, at), to, part);
        if (status != ESPOTA_FS_OK)
            return status;
        to += part;
        at += part;
        length -= part;
    }
    return ESPOTA_FS_OK;
}
