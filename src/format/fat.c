#include "fat.h"

#include "espota/bytes.h"

enum { MOST_12 = 0xff5, MOST_16 = 0xfff5, MOST_32 = 0x0ffffff5 }; /* clusters, as FatFs has it */

/* ---- the boot sector ------------------------------------------------------------------------------------
 */

static bool is_power(uint32_t value, uint32_t least, uint32_t most)
{
    return value >= least && value <= most && (value & (value - 1)) == 0;
}

static bool is_boot_sector(const uint8_t *boot)
{
    return (boot[0] == 0xeb || boot[0] == 0xe9 || boot[0] == 0xe8) && boot[510] == 0x55 &&
           boot[511] == 0xaa && is_power(espota_get_le16(boot + 11), 512, 4096) &&
           is_power(boot[13], 1, 128) && boot[16] >= 1 && boot[16] <= 2 && espota_get_le16(boot + 14) > 0;
}

static uint32_t either(uint16_t narrow, uint32_t wide)
{
    return narrow ? narrow : wide;
}

/* Where everything is, in bytes. */
static fs_status read_geometry(struct espota_fs *fs, const uint8_t *boot)
{
    uint32_t sector = espota_get_le16(boot + 11), reserved = espota_get_le16(boot + 14);
    uint64_t total = either(espota_get_le16(boot + 19), espota_get_le32(boot + 32));
    uint64_t fat_sectors = either(espota_get_le16(boot + 22), espota_get_le32(boot + 36));
    fs->sector_size = sector;
    fs->fat_count = boot[16];
    fs->root_entries = espota_get_le16(boot + 17);
    uint64_t root = reserved + fat_sectors * fs->fat_count;
    uint64_t data = root + ((uint64_t)fs->root_entries * FAT_ENTRY + sector - 1) / sector;
    uint32_t size = fs->wear_levelling ? fs->wl_size : fs->source.size;
    if (fat_sectors == 0 || data >= total || total * sector > size)
        return fs_damaged(fs, 0);
    uint64_t clusters = (total - data) / boot[13];
    fs->block_size = sector * boot[13];
    fs->block_count = (uint32_t)clusters;
    fs->fat_offset = reserved * sector;
    fs->fat_size = (uint32_t)(fat_sectors * sector);
    fs->root_offset = (uint32_t)(root * sector);
    fs->data_offset = (uint32_t)(data * sector);
    fs->version = clusters <= MOST_12 ? 12 : clusters <= MOST_16 ? 16 : 32;
    if (clusters == 0 || clusters > MOST_32 || (clusters + 2) * fs->version > (uint64_t)fs->fat_size * 8)
        return fs_damaged(fs, 0);
    return ESPOTA_FS_OK;
}

static fs_status try_open(struct espota_fs *fs)
{
    uint8_t boot[512];
    fs_status status = wear_levelling_read(fs, 0, boot, sizeof boot);
    if (status != ESPOTA_FS_OK || !is_boot_sector(boot))
        return status == ESPOTA_FS_SOURCE ? status : ESPOTA_FS_UNKNOWN;
    fs->kind = ESPOTA_FS_FAT;
    status = read_geometry(fs, boot);
    fs->root = (struct espota_fs_place){ .is_directory = true };
    if (fs->version == 32)
        fs->root.at[0] = espota_get_le32(boot + 44);
    else
        fs->root.how = FAT_FIXED_ROOT;
    return status;
}

/* With wear levelling where there is one, or else as it lies. */
fs_status fat_open(struct espota_fs *fs)
{
    if (fs->source.size < 512)
        return ESPOTA_FS_UNKNOWN;
    fs_status status = wear_levelling_open(fs);
    if (status == ESPOTA_FS_OK)
        status = try_open(fs);
    if (status != ESPOTA_FS_UNKNOWN)
        return status;
    fs->wear_levelling = false;
    return try_open(fs);
}

/* ---- clusters -------------------------------------------------------------------------------------------
 */

uint64_t fat_cluster_offset(const struct espota_fs *fs, uint32_t cluster)
{
    return fs->data_offset + (uint64_t)(cluster - 2) * fs->block_size;
}

bool fat_is_cluster(const struct espota_fs *fs, uint32_t cluster)
{
    return cluster >= 2 && cluster - 2 < fs->block_count;
}

fs_status fat_next_cluster(struct espota_fs *fs, uint32_t cluster, uint32_t *next)
{
    uint8_t raw[4] = { 0 };
    uint32_t width = fs->version == 12 ? 2 : fs->version / 8;
    uint64_t at = fs->fat_offset + (fs->version == 12 ? cluster + cluster / 2 : (uint64_t)cluster * width);
    fs_status status = wear_levelling_read(fs, at, raw, width);
    if (status != ESPOTA_FS_OK)
        return status;
    uint32_t value = espota_get_le32(raw);
    if (fs->version == 12)
        value = cluster % 2 ? value >> 4 : value & 0xfff;
    value &= 0x0fffffff;
    uint32_t last = fs->version == 12 ? 0xff8 : fs->version == 16 ? 0xfff8 : 0x0ffffff8;
    *next = value >= last ? FAT_LAST : value;
    return *next == FAT_LAST || fat_is_cluster(fs, value) ? ESPOTA_FS_OK : fs_damaged(fs, at);
}

fs_status fat_read(struct espota_fs *fs, const struct espota_fs_place *place, uint32_t position, void *buffer,
                   uint32_t length)
{
    uint8_t *to = buffer;
    uint32_t cluster = place->at[0];
    fs_status status = ESPOTA_FS_OK;
    if (!fat_is_cluster(fs, cluster) || place->size > (uint64_t)fs->block_count * fs->block_size)
        return fs_damaged(fs, fs->data_offset);
    for (; position >= fs->block_size && status == ESPOTA_FS_OK; position -= fs->block_size) {
        status = fat_next_cluster(fs, cluster, &cluster);
        if (status == ESPOTA_FS_OK && cluster == FAT_LAST)
            status = fs_damaged(fs, fs->fat_offset);
    }
    while (status == ESPOTA_FS_OK && length > 0) {
        uint32_t part = fs->block_size - position < length ? fs->block_size - position : length;
        status = wear_levelling_read(fs, fat_cluster_offset(fs, cluster) + position, to, part);
        to += part;
        length -= part;
        position = 0;
        if (status == ESPOTA_FS_OK && length > 0)
            status = fat_next_cluster(fs, cluster, &cluster);
        if (status == ESPOTA_FS_OK && length > 0 && cluster == FAT_LAST)
            status = fs_damaged(fs, fs->fat_offset);
    }
    return status;
}
