#include "fat.h"

#include "espota/bytes.h"

#include <string.h>

enum { READ_ONLY_LABEL = 0x08, DIRECTORY = 0x10, LONG_NAME = 0x0f, ATTRIBUTES = 0x3f };
enum { FREE = 0x00, DELETED = 0xe5, LONG_LAST = 0x40, UNITS = 13, MOST_UNITS = 255 };

/* A long name, as its parts come: the last one first, all before the short name. */
struct long_name {
    uint16_t unit[UNITS * 20];
    unsigned count; /* units; 0: there is none */
    unsigned due;   /* number of the part that has to come */
    uint8_t sum;
};

static void take_part(struct long_name *name, const uint8_t *raw)
{
    static const uint8_t places[UNITS] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };
    unsigned number = raw[0] & 0x1fu;
    if (raw[0] & LONG_LAST) {
        name->count = number * UNITS;
        name->due = number;
        name->sum = raw[13];
    }
    if (name->count == 0 || number == 0 || number > 20 || number != name->due || raw[13] != name->sum) {
        name->count = 0;
        return;
    }
    name->due--;
    for (unsigned i = 0; i < UNITS; i++) {
        uint16_t unit = espota_get_le16(raw + places[i]);
        unsigned at = (number - 1) * UNITS + i;
        name->unit[at] = unit;
        if (unit == 0 && at < name->count)
            name->count = at;
    }
}

static bool is_whole(const struct long_name *name, const uint8_t *raw)
{
    return name->count > 0 && name->count <= MOST_UNITS && name->due == 0 && name->sum == fat_name_sum(raw);
}

/* Days since 1970 of a date of the Gregorian calendar (Howard Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms"). */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = year / 400;
    unsigned of_era = (unsigned)(year - era * 400);
    unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + (of_era * 365 + of_era / 4 - of_era / 100 + of_year) - 719468;
}

static void read_time(const uint8_t *raw, struct espota_fs_entry *entry)
{
    unsigned time = espota_get_le16(raw + 22), date = espota_get_le16(raw + 24);
    unsigned month = date >> 5 & 15, day = date & 31;
    unsigned hour = time >> 11, minute = time >> 5 & 63, second = (time & 31) * 2;
    if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59)
        return;
    entry->has_time = true;
    entry->time = days_of(1980 + (date >> 9), month, day) * 86400 + hour * 3600 + minute * 60 + second;
}

static void fill_entry(const struct espota_fs *fs, const uint8_t *raw, const struct long_name *name,
                       struct espota_fs_entry *entry)
{
    memset(entry, 0, sizeof *entry);
    if (is_whole(name, raw))
        fat_utf8(name->unit, name->count, entry->name);
    else
        fat_short_name(raw, raw[12], entry->name);
    entry->place.is_directory = raw[11] & DIRECTORY;
    entry->place.at[0] = espota_get_le16(raw + 26);
    if (fs->version == 32)
        entry->place.at[0] |= (uint32_t)espota_get_le16(raw + 20) << 16;
    entry->place.size = entry->place.is_directory ? 0 : espota_get_le32(raw + 28);
    read_time(raw, entry);
}

/* ---- the walk -------------------------------------------------------------------------------------------
 */

static bool at_end_of_root(const struct espota_fs *fs, const struct espota_fs_walk *walk)
{
    return walk->directory.how == FAT_FIXED_ROOT && walk->index >= fs->root_entries;
}

/* Into the cluster of the entry that is to be read. */
static fs_status move_on(struct espota_fs *fs, struct espota_fs_walk *walk)
{
    if (walk->directory.how == FAT_FIXED_ROOT)
        return ESPOTA_FS_OK;
    if (!fat_is_cluster(fs, walk->at[0]))
        return fs_damaged(fs, fs->data_offset);
    if (walk->index < fs->block_size / FAT_ENTRY)
        return ESPOTA_FS_OK;
    walk->index = 0;
    fs_status status = fat_next_cluster(fs, walk->at[0], &walk->at[0]);
    if (status != ESPOTA_FS_OK)
        return status;
    if (walk->at[0] == FAT_LAST)
        return ESPOTA_FS_END;
    return ++walk->steps > fs->block_count ? fs_damaged(fs, fs->fat_offset) : ESPOTA_FS_OK;
}

static fs_status read_raw(struct espota_fs *fs, struct espota_fs_walk *walk, uint8_t *raw)
{
    if (at_end_of_root(fs, walk))
        return ESPOTA_FS_END;
    fs_status status = move_on(fs, walk);
    if (status != ESPOTA_FS_OK)
        return status;
    uint64_t base =
        walk->directory.how == FAT_FIXED_ROOT ? fs->root_offset : fat_cluster_offset(fs, walk->at[0]);
    status = wear_levelling_read(fs, base + (uint64_t)walk->index++ * FAT_ENTRY, raw, FAT_ENTRY);
    return status == ESPOTA_FS_OK && raw[0] == FREE ? ESPOTA_FS_END : status;
}

static bool is_dots(const uint8_t *raw)
{
    return memcmp(raw, ".          ", 11) == 0 || memcmp(raw, "..         ", 11) == 0;
}

fs_status fat_next(struct espota_fs *fs, struct espota_fs_walk *walk, struct espota_fs_entry *entry)
{
    struct long_name name = { .count = 0 };
    uint8_t raw[FAT_ENTRY];
    fs_status status = ESPOTA_FS_OK;
    while ((status = read_raw(fs, walk, raw)) == ESPOTA_FS_OK) {
        if (raw[0] != DELETED && (raw[11] & ATTRIBUTES) == LONG_NAME) {
            take_part(&name, raw);
            continue;
        }
        if (raw[0] != DELETED && !(raw[11] & READ_ONLY_LABEL) && !is_dots(raw)) {
            fill_entry(fs, raw, &name, entry);
            return ESPOTA_FS_OK;
        }
        name.count = 0;
    }
    return status;
}
