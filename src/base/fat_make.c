/* FAT12 and FAT16, made at one go: every file and directory in clusters that follow each other. */
#include "fs_image.h"

#include "espota/bytes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR_4K = 4096, CLUSTER = 4096, ENTRY = 32, ROOT_ENTRIES = 512, FATS = 2, RESERVED = 1 };
enum { MOST_12 = 4084, MOST_16 = 65524, UNITS = 13 };
enum { DIRECTORY = 0x10, ARCHIVE = 0x20, LONG_NAME = 0x0f, LONG_LAST = 0x40 };
/* FAT has no time before 1980, and every entry has one. */
enum { FIRST_DAY = 1 << 5 | 1 };

struct making {
    uint8_t *volume; /* where the FAT begins */
    const struct fs_folder *folder;
    uint32_t sector, total; /* sectors */
    uint32_t fat_sectors, clusters;
    uint32_t fat_offset, root_offset, data_offset;
    unsigned bits; /* of a cluster's number: 12 or 16 */
    uint32_t next_cluster;
    uint32_t *first;        /* cluster of each node */
    struct fat_name *names; /* of each node */
    unsigned long_names;
    struct espota_error *error;
};

/* ---- geometry -------------------------------------------------------------------------------------------
 */

/* Sectors of each FAT, and clusters beside them: the FAT grows until it has room for all that are left. */
static bool lay_out(struct making *m)
{
    uint32_t per_cluster = CLUSTER / m->sector, root = ROOT_ENTRIES * ENTRY / m->sector;
    for (m->fat_sectors = 1;; m->fat_sectors++) {
        uint32_t taken = RESERVED + FATS * m->fat_sectors + root;
        if (taken + per_cluster > m->total)
            return false;
        m->clusters = (m->total - taken) / per_cluster;
        if (m->clusters > MOST_16)
            m->clusters = MOST_16;
        m->bits = m->clusters <= MOST_12 ? 12 : 16;
        if (m->clusters == MOST_12 + 1) /* FatFs counts it as FAT12, Microsoft as FAT16 */
            m->clusters = MOST_12, m->bits = 12;
        if (((uint64_t)m->clusters + 2) * m->bits <= (uint64_t)m->fat_sectors * m->sector * 8)
            break;
    }
    m->fat_offset = RESERVED * m->sector;
    m->root_offset = m->fat_offset + FATS * m->fat_sectors * m->sector;
    m->data_offset = m->root_offset + ROOT_ENTRIES * ENTRY;
    m->total = m->data_offset / m->sector + m->clusters * per_cluster;
    return true;
}

static void put_boot_sector(const struct making *m)
{
    static const char begin[11] = "\xeb\xfe\x90MSDOS5.0", fat12[19] = "NO NAME    FAT12   ",
                      fat16[19] = "NO NAME    FAT16   ";
    uint8_t *boot = m->volume;
    memset(boot, 0, m->sector);
    memcpy(boot, begin, sizeof begin);
    espota_put_le16(boot + 11, (uint16_t)m->sector);
    boot[13] = (uint8_t)(CLUSTER / m->sector);
    espota_put_le16(boot + 14, RESERVED);
    boot[16] = FATS;
    espota_put_le16(boot + 17, ROOT_ENTRIES);
    if (m->total <= UINT16_MAX)
        espota_put_le16(boot + 19, (uint16_t)m->total);
    else
        espota_put_le32(boot + 32, m->total);
    boot[21] = 0xf8; /* a fixed disk */
    espota_put_le16(boot + 22, (uint16_t)m->fat_sectors);
    espota_put_le16(boot + 24, 63);  /* sectors of a track, */
    espota_put_le16(boot + 26, 255); /* and heads: no disk turns here */
    boot[36] = 0x80;
    boot[38] = 0x29;
    memcpy(boot + 43, m->bits == 12 ? fat12 : fat16, sizeof fat12);
    boot[510] = 0x55;
    boot[511] = 0xaa;
}

/* ---- clusters -------------------------------------------------------------------------------------------
 */

static void link_cluster(const struct making *m, uint32_t cluster, uint32_t next)
{
    uint8_t *fat = m->volume + m->fat_offset;
    if (m->bits == 16) {
        espota_put_le16(fat + 2 * (size_t)cluster, (uint16_t)next);
        return;
    }
    uint8_t *at = fat + cluster + cluster / 2;
    uint16_t pair = espota_get_le16(at);
    pair =
        cluster % 2 ? (uint16_t)((pair & 0x000f) | next << 4) : (uint16_t)((pair & 0xf000) | (next & 0xfff));
    espota_put_le16(at, pair);
}

static uint8_t *cluster_at(const struct making *m, uint32_t cluster)
{
    return m->volume + m->data_offset + (size_t)(cluster - 2) * CLUSTER;
}

/* Clusters for `size` bytes, linked; what they hold is 0. */
static int take_clusters(struct making *m, size_t size, uint32_t *first)
{
    uint32_t count = (uint32_t)((size + CLUSTER - 1) / CLUSTER);
    if (count > m->clusters + 2 - m->next_cluster)
        return espota_fail(m->error, ESPOTA_ERR_TOO_BIG,
                           "the folder does not fit into FAT with %" PRIu32 " clusters of 4K", m->clusters);
    *first = count ? m->next_cluster : 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t cluster = m->next_cluster++;
        link_cluster(m, cluster, i + 1 < count ? cluster + 1 : 0xffff);
        memset(cluster_at(m, cluster), 0, CLUSTER);
    }
    return 0;
}

/* ---- entries --------------------------------------------------------------------------------------------
 */

static unsigned parts_of(const struct fat_name *name)
{
    return name->is_long ? (name->count + UNITS - 1) / UNITS : 0;
}

static uint8_t sum_of(const uint8_t raw[11])
{
    uint8_t sum = 0;
    for (unsigned i = 0; i < 11; i++)
        sum = (uint8_t)((sum >> 1 | sum << 7) + raw[i]);
    return sum;
}

static void put_part(uint8_t *to, const struct fat_name *name, unsigned number)
{
    static const uint8_t places[UNITS] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };
    memset(to, 0, ENTRY);
    to[0] = (uint8_t)(number | (number == parts_of(name) ? LONG_LAST : 0));
    to[11] = LONG_NAME;
    to[13] = sum_of(name->raw);
    for (unsigned i = 0; i < UNITS; i++) {
        unsigned at = (number - 1) * UNITS + i;
        espota_put_le16(to + places[i], at < name->count ? name->unit[at] : at == name->count ? 0 : 0xffff);
    }
}

static void put_short(uint8_t *to, const uint8_t raw[11], uint8_t flags, uint8_t attributes, uint32_t cluster,
                      size_t size)
{
    memset(to, 0, ENTRY);
    memcpy(to, raw, 11);
    to[11] = attributes;
    to[12] = flags;
    espota_put_le16(to + 16, FIRST_DAY);
    espota_put_le16(to + 18, FIRST_DAY);
    espota_put_le16(to + 24, FIRST_DAY);
    espota_put_le16(to + 26, (uint16_t)cluster);
    espota_put_le32(to + 28, (uint32_t)size);
}

/* The entries of a directory's children, from `to` on. */
static void put_children(const struct making *m, size_t directory, uint8_t *to)
{
    const struct fs_node *d = &m->folder->node[directory];
    for (size_t i = d->first_child; i < d->first_child + d->count; i++) {
        const struct fs_node *node = &m->folder->node[i];
        const struct fat_name *name = &m->names[i];
        for (unsigned part = parts_of(name); part > 0; part--, to += ENTRY)
            put_part(to, name, part);
        put_short(to, name->raw, name->flags, node->directory ? DIRECTORY : ARCHIVE, m->first[i],
                  node->data.size);
        to += ENTRY;
    }
}

static size_t entries_of(const struct making *m, size_t directory)
{
    const struct fs_node *d = &m->folder->node[directory];
    size_t entries = directory == 0 ? 0 : 2;
    for (size_t i = d->first_child; i < d->first_child + d->count; i++)
        entries += 1 + parts_of(&m->names[i]);
    return entries;
}

static int name_children(struct making *m, size_t directory)
{
    const struct fs_node *d = &m->folder->node[directory];
    char path[FS_NODE_PATH];
    for (size_t i = 0; i < d->count; i++) {
        size_t child = d->first_child + i;
        if (fat_make_name(&m->names[child], m->folder->node[child].name, &m->names[d->first_child], i,
                          m->error) != 0)
            return espota_fail_while(m->error, "%s cannot go into FAT",
                                     fs_folder_path(m->folder, child, path));
        m->long_names += m->names[child].is_long;
    }
    return 0;
}

/* ---- the whole ------------------------------------------------------------------------------------------
 */

static int place(struct making *m, size_t number)
{
    const struct fs_node *node = &m->folder->node[number];
    size_t size = node->directory ? entries_of(m, number) * ENTRY : node->data.size;
    if (number == 0 && size > ROOT_ENTRIES * ENTRY)
        return espota_fail(
            m->error, ESPOTA_ERR_TOO_BIG,
            "FAT has room for %d entries in its root, and the folder's names need %zu: put files "
            "into folders",
            ROOT_ENTRIES, size / ENTRY);
    if (number == 0)
        return 0;
    int result = take_clusters(m, size, &m->first[number]);
    if (result == 0 && size > 0 && !node->directory)
        memcpy(cluster_at(m, m->first[number]), node->data.data, size);
    return result;
}

static void put_directory(const struct making *m, size_t number)
{
    static const uint8_t self[11] = ".          ", above[11] = "..         ";
    if (number == 0) {
        put_children(m, 0, m->volume + m->root_offset);
        return;
    }
    uint8_t *to = cluster_at(m, m->first[number]);
    put_short(to, self, 0, DIRECTORY, m->first[number], 0);
    put_short(to + ENTRY, above, 0, DIRECTORY, m->first[m->folder->node[number].parent], 0);
    put_children(m, number, to + 2 * ENTRY);
}

static int fill(struct making *m)
{
    int result = 0;
    put_boot_sector(m);
    memset(m->volume + m->fat_offset, 0, m->data_offset - m->fat_offset);
    link_cluster(m, 0, m->bits == 12 ? 0xff8 : 0xfff8);
    link_cluster(m, 1, 0xffff);
    m->next_cluster = 2;
    for (size_t i = 0; result == 0 && i < m->folder->count; i++)
        if (m->folder->node[i].directory)
            result = name_children(m, i);
    for (size_t i = 0; result == 0 && i < m->folder->count; i++)
        result = place(m, i);
    for (size_t i = 0; result == 0 && i < m->folder->count; i++)
        if (m->folder->node[i].directory)
            put_directory(m, i);
    memcpy(m->volume + m->fat_offset + (size_t)m->fat_sectors * m->sector, m->volume + m->fat_offset,
           (size_t)m->fat_sectors * m->sector);
    return result;
}

int fat_make(uint8_t *image, const struct fs_folder *folder, const struct espota_fs_request *request,
             struct espota_fs_made *made, struct espota_error *error)
{
    bool levelled = request->type == ESPOTA_FS_TYPE_FAT;
    uint32_t room = levelled ? wear_levelling_room(request->size) : request->size;
    struct making m = { .volume = image + (levelled ? SECTOR_4K : 0),
                        .folder = folder,
                        .sector = request->sector ? request->sector : SECTOR_4K,
                        .error = error };
    m.total = room / m.sector;
    if (!lay_out(&m))
        return espota_fail(error, ESPOTA_ERR_TOO_BIG, "FAT does not fit into a partition of %" PRIu32 "K",
                           request->size / 1024);
    m.first = calloc(folder->count, sizeof *m.first);
    m.names = calloc(folder->count, sizeof *m.names);
    int result = m.first && m.names ? fill(&m) : espota_fail_memory(error, "making FAT");
    if (result == 0 && levelled)
        wear_levelling_make(image, request->size);
    made->long_names = m.long_names;
    made->used = m.data_offset + (m.next_cluster - 2) * CLUSTER;
    free(m.first);
    free(m.names);
    return result;
}
