/* SPIFFS: blocks of pages, of which the first of each block say whose the others are. A file is an index page
 * with its name and size, and pages of data, each with the number of its part. Source:
 * github.com/pellepl/spiffs, docs/TECH_SPEC and src/spiffs_nucleus.h; ESP-IDF,
 * components/spiffs/spiffsgen.py. */
#include "fs_parts.h"

#include "espota/bytes.h"

#include <string.h>

enum { HEADER = 5, INDEX_SIZE = 8, INDEX_NAME = 13, LONGEST_NAME = 128, LEAST_PAGE = 256 };
enum { FREE = 0xffff, DELETED = 0, IS_INDEX = 0x8000 };
/* Flags of a page; each holds where its bit is 0. */
enum { NOT_USED = 0x01, NOT_INDEX = 0x04, NOT_INDEX_DELETED = 0x40, NOT_DELETED = 0x80 };
#define MAGIC        0x20140529u
#define SIZE_UNKNOWN 0xffffffffu /* nothing was ever written */
/* Pages of a file are looked for one by one: a broken one must not take forever. */
enum { MOST_LOOKUPS = 50000000 };

/* Pages at the start of each block that say whose the others are; and those others. */
static uint32_t lookup_pages(uint32_t block, uint32_t page)
{
    uint32_t pages = block / page * 2 / page;
    return pages ? pages : 1;
}

static uint32_t pages_of_block(const struct espota_fs *fs)
{
    return fs->block_size / fs->sector_size - lookup_pages(fs->block_size, fs->sector_size);
}

static uint32_t page_count(const struct espota_fs *fs)
{
    return fs->block_count * pages_of_block(fs);
}

static uint64_t page_offset(const struct espota_fs *fs, uint32_t page)
{
    uint32_t per_block = pages_of_block(fs);
    return (uint64_t)(page / per_block) * fs->block_size +
           (uint64_t)(lookup_pages(fs->block_size, fs->sector_size) + page % per_block) * fs->sector_size;
}

/* The object that has the page. */
static fs_status object_of(struct espota_fs *fs, uint32_t page, uint16_t *object)
{
    uint8_t raw[2] = { 0 };
    uint32_t per_block = pages_of_block(fs);
    fs_status status = fs_source_read(
        fs, (uint64_t)(page / per_block) * fs->block_size + 2 * (page % per_block), raw, sizeof raw);
    *object = espota_get_le16(raw);
    return ++fs->lookups > MOST_LOOKUPS && status == ESPOTA_FS_OK ? fs_damaged(fs, 0) : status;
}

/* ---- the whole ------------------------------------------------------------------------------------------
 */

/* The lookup pages end with it; how many blocks there are may be in it. */
static bool has_magic(struct espota_fs *fs, uint32_t number)
{
    uint8_t raw[2];
    uint64_t at = (uint64_t)number * fs->block_size +
                  lookup_pages(fs->block_size, fs->sector_size) * fs->sector_size - 4;
    if (at + 4 > fs->source.size || fs_source_read(fs, at, raw, sizeof raw) != ESPOTA_FS_OK)
        return false;
    uint16_t plain = (uint16_t)(MAGIC ^ fs->sector_size), magic = espota_get_le16(raw);
    return magic == plain || magic == (uint16_t)(plain ^ (fs->block_count - number));
}

fs_status spiffs_open(struct espota_fs *fs)
{
    for (uint32_t block = 4096; block <= 65536; block *= 2)
        for (uint32_t page = LEAST_PAGE; page <= block / 8 && page <= 2048; page *= 2) {
            fs->block_size = block;
            fs->sector_size = page;
            fs->block_count = fs->source.size / block;
            if (fs->block_count < 2 || !has_magic(fs, 0) || !has_magic(fs, 1))
                continue;
            fs->kind = ESPOTA_FS_SPIFFS;
            fs->root = (struct espota_fs_place){ .is_directory = true };
            return ESPOTA_FS_OK;
        }
    return ESPOTA_FS_UNKNOWN;
}

/* ---- entries --------------------------------------------------------------------------------------------
 */

static bool is_live(const uint8_t *header, uint16_t object, bool index)
{
    uint8_t flags = header[4];
    return espota_get_le16(header) == object && !(flags & NOT_USED) && (flags & NOT_DELETED) &&
           (flags & NOT_INDEX_DELETED) && !(flags & NOT_INDEX) == index;
}

/* Is it the first index page of an object? Then it has its name. */
static fs_status read_index(struct espota_fs *fs, uint32_t page, uint16_t object,
                            struct espota_fs_entry *entry, bool *found)
{
    uint8_t raw[INDEX_NAME + LONGEST_NAME];
    fs_status status = fs_source_read(fs, page_offset(fs, page), raw, sizeof raw);
    *found = status == ESPOTA_FS_OK && is_live(raw, object, true) && espota_get_le16(raw + 2) == 0;
    if (!*found)
        return status;
    memset(entry, 0, sizeof *entry);
    const char *name = (const char *)raw + INDEX_NAME;
    size_t skip = name[0] == '/'; /* paths are whole names to SPIFFS */
    if (!memchr(name, '\0', LONGEST_NAME) || name[skip] == '\0')
        return fs_damaged(fs, page_offset(fs, page));
    memcpy(entry->name, name + skip, strlen(name + skip));
    entry->place.at[0] = (uint32_t)(object & ~IS_INDEX);
    entry->place.size = espota_get_le32(raw + INDEX_SIZE);
    if (entry->place.size == SIZE_UNKNOWN)
        entry->place.size = 0;
    return ESPOTA_FS_OK;
}

fs_status spiffs_next(struct espota_fs *fs, struct espota_fs_walk *walk, struct espota_fs_entry *entry)
{
    while (walk->index < page_count(fs)) {
        uint32_t page = walk->index++;
        uint16_t object = 0;
        bool found = false;
        fs_status status = object_of(fs, page, &object);
        if (status == ESPOTA_FS_OK && object != FREE && object != DELETED && (object & IS_INDEX))
            status = read_index(fs, page, object, entry, &found);
        if (status != ESPOTA_FS_OK || found)
            return status;
    }
    return ESPOTA_FS_END;
}

/* ---- files ----------------------------------------------------------------------------------------------
 */

/* Does the page have this part of the file? */
static fs_status has_part(struct espota_fs *fs, uint32_t page, uint16_t object, uint32_t part, bool *found)
{
    uint8_t raw[HEADER];
    uint16_t owner = 0;
    fs_status status = object_of(fs, page, &owner);
    *found = false;
    if (status != ESPOTA_FS_OK || owner != object)
        return status;
    status = fs_source_read(fs, page_offset(fs, page), raw, sizeof raw);
    *found = status == ESPOTA_FS_OK && is_live(raw, object, false) && espota_get_le16(raw + 2) == part;
    return status;
}

/* The next part usually lies in the next page. */
static fs_status find_part(struct espota_fs *fs, uint16_t object, uint32_t part, uint32_t *page)
{
    uint32_t count = page_count(fs), at = fs->next_page % count;
    for (uint32_t i = 0; i < count; i++, at = at + 1 == count ? 0 : at + 1) {
        bool found = false;
        fs_status status = has_part(fs, at, object, part, &found);
        if (status != ESPOTA_FS_OK)
            return status;
        if (!found)
            continue;
        *page = at;
        fs->next_page = at + 1;
        return ESPOTA_FS_OK;
    }
    return fs_damaged(fs, 0);
}

fs_status spiffs_read(struct espota_fs *fs, const struct espota_fs_place *place, uint32_t position,
                      void *buffer, uint32_t length)
{
    uint8_t *to = buffer;
    uint32_t room = fs->sector_size - HEADER;
    if (place->size > (uint64_t)page_count(fs) * room)
        return fs_damaged(fs, 0);
    while (length > 0) {
        uint32_t page = 0, offset = position % room, part = room - offset < length ? room - offset : length;
        fs_status status = find_part(fs, (uint16_t)place->at[0], position / room, &page);
        if (status == ESPOTA_FS_OK)
            status = fs_source_read(fs, page_offset(fs, page) + HEADER + offset, to, part);
        if (status != ESPOTA_FS_OK)
            return status;
        to += part;
        position += part;
        length -= part;
    }
    return ESPOTA_FS_OK;
}
