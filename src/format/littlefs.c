#include "fs_parts.h"

#include "espota/bytes.h"
#include "espota/crc32.h"

#include <string.h>

#define TAG_NONE   0xffffffffu
#define BLOCK_NONE 0xffffffffu

enum {
    TYPE_NAME = 0x000,
    TYPE_REGULAR = 0x001,
    TYPE_DIRECTORY = 0x002,
    TYPE_SUPERBLOCK = 0x0ff,
    TYPE_STRUCT = 0x200,
    TYPE_ATTRIBUTE = 0x300,
    TYPE_CREATE = 0x401,
    TYPE_DELETE = 0x4ff,
    TYPE_CRC = 0x500,
    TYPE_TAIL = 0x600,
    TYPE_HARD_TAIL = 0x601,
    CLASS = 0x700,
    NO_ID = 0x3ff,
    DELETED = 0x3ff,
};

/* How a file or directory lies: the chunk field of the structure's tag. */
enum { HOW_DIRECTORY = 0, HOW_INLINE = 1, HOW_LIST = 2 };

enum { ATTRIBUTE_MTIME_ESP = 't', ATTRIBUTE_MTIME_MICROPYTHON = 1 };

enum { USUAL_BLOCK = 4096, LEAST_BLOCK = 128, LARGEST_BLOCK = 65536 };

static unsigned type_of(uint32_t tag)
{
    return (tag >> 20) & 0x7ff;
}

static unsigned id_of(uint32_t tag)
{
    return (tag >> 10) & 0x3ff;
}

static unsigned size_of(uint32_t tag)
{
    unsigned size = tag & 0x3ff;
    return size == DELETED ? 0 : size;
}

/* ---- a metadata block -----------------------------------------------------------------------------------
 */

/* A walk over the tags of a block. */
struct tags {
    struct espota_fs *fs;
    uint64_t base; /* of the block in the partition */
    uint32_t at;   /* of the next tag */
    uint32_t before;
    uint32_t tag;  /* the one at hand, */
    uint32_t data; /* and where its data begins */
    uint8_t raw[4];
};

/* @return ESPOTA_FS_END where there is no tag any more. */
static fs_status next_tag(struct tags *t, uint32_t limit)
{
    if (limit < 4 || t->at > limit - 4)
        return ESPOTA_FS_END;
    fs_status status = fs_source_read(t->fs, t->base + t->at, t->raw, 4);
    if (status != ESPOTA_FS_OK)
        return status;
    t->tag = ((uint32_t)t->raw[0] << 24 | (uint32_t)t->raw[1] << 16 | (uint32_t)t->raw[2] << 8 | t->raw[3]) ^
             t->before;
    if (t->tag >> 31 || size_of(t->tag) > limit - 4 - t->at)
        return ESPOTA_FS_END;
    t->before = t->tag;
    t->data = t->at + 4;
    t->at = t->data + size_of(t->tag);
    return ESPOTA_FS_OK;
}

static bool ends_commit(uint32_t tag)
{
    return (type_of(tag) & 0x780) == TYPE_CRC;
}

/* The valid bit of what follows a commit is the lowest of its type. */
static void begin_commit(struct tags *t)
{
    t->before = t->tag ^ (uint32_t)(type_of(t->tag) & 1) << 31;
}

static fs_status add_data(struct tags *t, uint32_t *crc)
{
    uint8_t data[64];
    for (uint32_t at = t->data; at < t->at;) {
        uint32_t length = t->at - at < sizeof data ? t->at - at : (uint32_t)sizeof data;
        fs_status status = fs_source_read(t->fs, t->base + at, data, length);
        if (status != ESPOTA_FS_OK)
            return status;
        *crc = espota_crc32(~*crc, data, length) ^ UINT32_MAX;
        at += length;
    }
    return ESPOTA_FS_OK;
}

/* Is the commit whole? `*crc` is that of it, and begun anew. */
static fs_status check_commit(struct tags *t, uint32_t *crc, bool *whole)
{
    uint8_t expected[4];
    *whole = size_of(t->tag) >= 4;
    if (!*whole)
        return ESPOTA_FS_OK;
    fs_status status = fs_source_read(t->fs, t->base + t->data, expected, 4);
    *whole = status == ESPOTA_FS_OK && espota_get_le32(expected) == *crc;
    *crc = UINT32_MAX;
    begin_commit(t);
    return status;
}

/* Where the last whole commit of a block ends, 0: there is none; and the block's revision. */
static fs_status examine(struct espota_fs *fs, uint32_t block, uint32_t *end, uint32_t *revision)
{
    struct tags t = { .fs = fs, .base = (uint64_t)block * fs->block_size, .at = 4, .before = TAG_NONE };
    uint8_t raw[4];
    bool whole = true;
    *end = 0;
    fs_status status = fs_source_read(fs, t.base, raw, 4);
    if (status != ESPOTA_FS_OK)
        return status;
    *revision = espota_get_le32(raw);
    uint32_t crc = espota_crc32(0, raw, 4) ^ UINT32_MAX;
    while (whole && (status = next_tag(&t, fs->block_size)) == ESPOTA_FS_OK) {
        crc = espota_crc32(~crc, t.raw, 4) ^ UINT32_MAX;
        status = ends_commit(t.tag) ? check_commit(&t, &crc, &whole) : add_data(&t, &crc);
        if (status != ESPOTA_FS_OK)
            break;
        if (ends_commit(t.tag) && whole)
            *end = t.at;
    }
    return status == ESPOTA_FS_END ? ESPOTA_FS_OK : status;
}

/* ---- a metadata pair ------------------------------------------------------------------------------------
 */

static void make_room(struct espota_littlefs_pair *pair, unsigned id)
{
    if (id >= pair->count || pair->count == ESPOTA_LITTLEFS_IDS)
        return;
    memmove(&pair->id[id + 1], &pair->id[id], (pair->count - id) * sizeof pair->id[0]);
    memset(&pair->id[id], 0, sizeof pair->id[id]);
    pair->count++;
}

static void take_away(struct espota_littlefs_pair *pair, unsigned id)
{
    if (id >= pair->count)
        return;
    pair->count--;
    memmove(&pair->id[id], &pair->id[id + 1], (pair->count - id) * sizeof pair->id[0]);
    memset(&pair->id[pair->count], 0, sizeof pair->id[0]);
}

static void note_attribute(struct espota_littlefs_id *id, const struct tags *t)
{
    unsigned kind = type_of(t->tag) & 0xff;
    if (kind != ATTRIBUTE_MTIME_ESP && kind != ATTRIBUTE_MTIME_MICROPYTHON)
        return;
    unsigned size = size_of(t->tag);
    bool known = size == 8 || (size == 4 && kind == ATTRIBUTE_MTIME_ESP);
    id->time = known ? t->data : 0;
    id->time_size = known ? (uint8_t)size : 0;
    id->time_type = (uint8_t)kind;
}

/* What a tag says of one of the files. */
static void note_file(struct espota_littlefs_pair *pair, const struct tags *t)
{
    unsigned type = type_of(t->tag), id = id_of(t->tag);
    if (type == TYPE_CREATE)
        make_room(pair, id);
    if (type == TYPE_DELETE)
        take_away(pair, id);
    if ((type & CLASS) == 0x400 || id == NO_ID)
        return;
    if (id >= pair->count)
        pair->count = (uint16_t)(id + 1);
    struct espota_littlefs_id *file = &pair->id[id];
    if ((type & CLASS) == TYPE_NAME) {
        file->type = (uint8_t)(type & 0xff);
        file->name = t->data;
        file->name_size = (uint16_t)size_of(t->tag);
    } else if ((type & CLASS) == TYPE_STRUCT) {
        file->how = (uint8_t)(type & 0xff);
        file->data = t->data;
        file->data_size = (uint16_t)size_of(t->tag);
    } else if ((type & CLASS) == TYPE_ATTRIBUTE) {
        note_attribute(file, t);
    }
}

static fs_status note_tail(struct espota_fs *fs, const struct tags *t)
{
    uint8_t raw[8];
    if (size_of(t->tag) != sizeof raw)
        return fs_damaged(fs, t->base + t->data);
    fs_status status = fs_source_read(fs, t->base + t->data, raw, sizeof raw);
    if (status != ESPOTA_FS_OK)
        return status;
    fs->pair.hard_tail = type_of(t->tag) == TYPE_HARD_TAIL;
    fs->pair.tail[0] = espota_get_le32(raw);
    fs->pair.tail[1] = espota_get_le32(raw + 4);
    return ESPOTA_FS_OK;
}

/* All that the commits up to `end` say. */
static fs_status take_in(struct espota_fs *fs, uint32_t block, uint32_t end)
{
    struct tags t = { .fs = fs, .base = (uint64_t)block * fs->block_size, .at = 4, .before = TAG_NONE };
    fs_status status = ESPOTA_FS_OK;
    while (status == ESPOTA_FS_OK && t.at < end && (status = next_tag(&t, end)) == ESPOTA_FS_OK) {
        if (ends_commit(t.tag))
            begin_commit(&t);
        else if ((type_of(t.tag) & CLASS) == TYPE_TAIL)
            status = note_tail(fs, &t);
        else
            note_file(&fs->pair, &t);
    }
    return status == ESPOTA_FS_END ? ESPOTA_FS_OK : status;
}

/* Load a pair, unless it is the one at hand: of its two blocks the newer one that has a whole commit. */
static fs_status load_pair(struct espota_fs *fs, uint32_t a, uint32_t b)
{
    uint32_t end[2] = { 0, 0 }, revision[2] = { 0, 0 };
    struct espota_littlefs_pair *pair = &fs->pair;
    if (pair->loaded &&
        ((pair->block[0] == a && pair->block[1] == b) || (pair->block[0] == b && pair->block[1] == a)))
        return ESPOTA_FS_OK;
    pair->loaded = false;
    fs_status status = examine(fs, a, &end[0], &revision[0]);
    fs_status other = examine(fs, b, &end[1], &revision[1]);
    if (status == ESPOTA_FS_SOURCE || other == ESPOTA_FS_SOURCE)
        return ESPOTA_FS_SOURCE;
    bool second = end[1] > 0 && (end[0] == 0 || (int32_t)(revision[1] - revision[0]) > 0);
    if (end[second] == 0)
        return fs_damaged(fs, (uint64_t)a * fs->block_size);
    memset(pair, 0, sizeof *pair);
    pair->block[0] = second ? b : a;
    pair->block[1] = second ? a : b;
    pair->end = end[second];
    status = take_in(fs, pair->block[0], pair->end);
    pair->loaded = status == ESPOTA_FS_OK;
    return status;
}

static uint64_t offset_in_pair(const struct espota_fs *fs, uint32_t offset)
{
    return (uint64_t)fs->pair.block[0] * fs->block_size + offset;
}

/* ---- the whole ------------------------------------------------------------------------------------------
 */

static bool has_magic(struct espota_fs *fs, uint32_t offset)
{
    char magic[8];
    return offset <= fs->source.size && fs->source.size - offset >= 16 &&
           fs_source_read(fs, offset + 8, magic, sizeof magic) == ESPOTA_FS_OK &&
           memcmp(magic, "littlefs", sizeof magic) == 0;
}

/* The size of blocks is in the superblock, which the second block has, too, where the first is damaged. */
static uint32_t first_guess(struct espota_fs *fs)
{
    if (has_magic(fs, 0) || has_magic(fs, USUAL_BLOCK))
        return USUAL_BLOCK;
    for (uint32_t size = LEAST_BLOCK; size <= LARGEST_BLOCK; size *= 2)
        if (has_magic(fs, size))
            return size;
    return 0;
}

static fs_status read_superblock(struct espota_fs *fs)
{
    uint8_t raw[24];
    const struct espota_littlefs_id *id = &fs->pair.id[0];
    if (fs->pair.count == 0 || id->type != TYPE_SUPERBLOCK || id->how != HOW_INLINE ||
        id->data_size < sizeof raw)
        return fs_damaged(fs, 0);
    fs_status status = fs_source_read(fs, offset_in_pair(fs, id->data), raw, sizeof raw);
    if (status != ESPOTA_FS_OK)
        return status;
    fs->version = espota_get_le32(raw);
    if (fs->version >> 16 != 2)
        return ESPOTA_FS_VERSION;
    fs->block_size = espota_get_le32(raw + 4);
    fs->block_count = espota_get_le32(raw + 8);
    if (fs->block_size < LEAST_BLOCK || fs->block_size > LARGEST_BLOCK || fs->block_count < 2 ||
        fs->block_count > UINT32_MAX / fs->block_size)
        return fs_damaged(fs, offset_in_pair(fs, id->data));
    return ESPOTA_FS_OK;
}

fs_status littlefs_open(struct espota_fs *fs)
{
    fs->block_size = first_guess(fs);
    if (fs->block_size == 0)
        return ESPOTA_FS_UNKNOWN;
    fs->kind = ESPOTA_FS_LITTLEFS;
    fs->root = (struct espota_fs_place){ .is_directory = true, .how = HOW_DIRECTORY, .at = { 0, 1 } };
    uint32_t guess = fs->block_size;
    fs_status status = load_pair(fs, 0, 1);
    if (status == ESPOTA_FS_OK)
        status = read_superblock(fs);
    if (status == ESPOTA_FS_OK && fs->block_size != guess) {
        fs->pair.loaded = false;
        status = load_pair(fs, 0, 1);
    }
    return status;
}

/* ---- entries --------------------------------------------------------------------------------------------
 */

static fs_status read_time(struct espota_fs *fs, const struct espota_littlefs_id *id,
                           struct espota_fs_entry *entry)
{
    uint8_t raw[8] = { 0 };
    if (id->time == 0)
        return ESPOTA_FS_OK;
    fs_status status = fs_source_read(fs, offset_in_pair(fs, id->time), raw, id->time_size);
    uint64_t value = (uint64_t)espota_get_le32(raw + 4) << 32 | espota_get_le32(raw);
    if (id->time_type == ATTRIBUTE_MTIME_MICROPYTHON) /* nanoseconds */
        value /= 1000000000u;
    entry->has_time = status == ESPOTA_FS_OK && value > 0 && value <= INT64_MAX;
    entry->time = entry->has_time ? (int64_t)value : 0;
    return status;
}

static fs_status read_place(struct espota_fs *fs, const struct espota_littlefs_id *id,
                            struct espota_fs_place *place)
{
    uint8_t raw[8];
    uint64_t at = offset_in_pair(fs, id->data);
    *place = (struct espota_fs_place){ .is_directory = id->type == TYPE_DIRECTORY, .how = id->how };
    bool fits = place->is_directory ? id->how == HOW_DIRECTORY : id->how == HOW_INLINE || id->how == HOW_LIST;
    if (id->data == 0 || !fits || (id->how != HOW_INLINE && id->data_size < sizeof raw))
        return fs_damaged(fs, at);
    if (id->how == HOW_INLINE) {
        place->at[0] = (uint32_t)at;
        place->size = id->data_size;
        return ESPOTA_FS_OK;
    }
    fs_status status = fs_source_read(fs, at, raw, sizeof raw);
    place->at[0] = espota_get_le32(raw);
    place->at[1] = espota_get_le32(raw + 4);
    if (id->how == HOW_LIST) {
        place->size = place->at[1];
        place->at[1] = 0;
    }
    return status;
}

static fs_status read_entry(struct espota_fs *fs, const struct espota_littlefs_id *id,
                            struct espota_fs_entry *entry)
{
    memset(entry, 0, sizeof *entry);
    if (id->name_size == 0 || id->name_size >= sizeof entry->name)
        return fs_damaged(fs, offset_in_pair(fs, id->name));
    fs_status status = fs_source_read(fs, offset_in_pair(fs, id->name), entry->name, id->name_size);
    if (status == ESPOTA_FS_OK && memchr(entry->name, '\0', id->name_size))
        status = fs_damaged(fs, offset_in_pair(fs, id->name));
    if (status == ESPOTA_FS_OK)
        status = read_place(fs, id, &entry->place);
    return status == ESPOTA_FS_OK ? read_time(fs, id, entry) : status;
}

/* The next pair of the directory. */
static fs_status follow_tail(struct espota_fs *fs, struct espota_fs_walk *walk)
{
    if (!fs->pair.hard_tail)
        return ESPOTA_FS_END;
    if (++walk->steps > fs->block_count)
        return fs_damaged(fs, offset_in_pair(fs, 0));
    walk->at[0] = fs->pair.tail[0];
    walk->at[1] = fs->pair.tail[1];
    walk->index = 0;
    return load_pair(fs, walk->at[0], walk->at[1]);
}

fs_status littlefs_next(struct espota_fs *fs, struct espota_fs_walk *walk, struct espota_fs_entry *entry)
{
    fs_status status = load_pair(fs, walk->at[0], walk->at[1]);
    while (status == ESPOTA_FS_OK) {
        if (walk->index >= fs->pair.count) {
            status = follow_tail(fs, walk);
            continue;
        }
        const struct espota_littlefs_id *id = &fs->pair.id[walk->index++];
        if (id->type == TYPE_REGULAR || id->type == TYPE_DIRECTORY)
            return read_entry(fs, id, entry);
    }
    return status;
}

/* ---- files ----------------------------------------------------------------------------------------------
 */

static uint32_t bits(uint32_t value)
{
    uint32_t count = 0;
    for (; value; value &= value - 1)
        count++;
    return count;
}

/* Which block of a file has `position`, and where: each block n but the first begins with a pointer for each
 * power of two that divides n. */
static uint32_t block_index(uint32_t block_size, uint32_t position, uint32_t *offset)
{
    uint32_t room = block_size - 8, i = position / room;
    if (i > 0)
        i = (position - 4 * (bits(i - 1) + 2)) / room;
    *offset = i == 0 ? position : position - room * i - 4 * bits(i);
    return i;
}

/* How far back a pointer of block `from` may go on the way to `to`: as a power of two. */
static uint32_t stride(uint32_t from, uint32_t to)
{
    uint32_t power = 0;
    while (from % (2u << power) == 0 && (2u << power) <= from - to && power < 30)
        power++;
    return power;
}

static fs_status find_block(struct espota_fs *fs, const struct espota_fs_place *place, uint32_t wanted,
                            uint32_t *block)
{
    uint32_t ignored, current = block_index(fs->block_size, place->size - 1, &ignored);
    *block = place->at[0];
    while (current > wanted) {
        uint32_t power = stride(current, wanted);
        uint8_t raw[4];
        fs_status status = fs_source_read(fs, (uint64_t)*block * fs->block_size + 4 * power, raw, 4);
        if (status != ESPOTA_FS_OK)
            return status;
        *block = espota_get_le32(raw);
        current -= 1u << power;
    }
    return ESPOTA_FS_OK;
}

fs_status littlefs_read(struct espota_fs *fs, const struct espota_fs_place *place, uint32_t position,
                        void *buffer, uint32_t length)
{
    uint8_t *to = buffer;
    if (place->how == HOW_INLINE)
        return fs_source_read(fs, (uint64_t)place->at[0] + position, buffer, length);
    if ((uint64_t)place->size > (uint64_t)fs->block_count * fs->block_size)
        return fs_damaged(fs, (uint64_t)place->at[0] * fs->block_size);
    while (length > 0) {
        uint32_t offset = 0, block = 0, index = block_index(fs->block_size, position, &offset);
        fs_status status = find_block(fs, place, index, &block);
        uint32_t part = fs->block_size - offset < length ? fs->block_size - offset : length;
        if (status == ESPOTA_FS_OK)
            status = fs_source_read(fs, (uint64_t)block * fs->block_size + offset, to, part);
        if (status != ESPOTA_FS_OK)
            return status;
        to += part;
        position += part;
        length -= part;
    }
    return ESPOTA_FS_OK;
}
