#include "espota/fs.h"

#include "fs_parts.h"

#include <string.h>

enum espota_fs_status espota_fs_open(struct espota_fs *fs, const struct espota_fs_source *source)
{
    memset(fs, 0, sizeof *fs);
    fs->source = *source;
    fs_status status = littlefs_open(fs);
    if (status == ESPOTA_FS_UNKNOWN)
        status = fat_open(fs);
    if (status == ESPOTA_FS_UNKNOWN)
        status = spiffs_open(fs);
    return status;
}

void espota_fs_walk_begin(struct espota_fs_walk *walk, const struct espota_fs_place *directory)
{
    memset(walk, 0, sizeof *walk);
    walk->directory = *directory;
    walk->at[0] = directory->at[0];
    walk->at[1] = directory->at[1];
}

enum espota_fs_status espota_fs_walk_next(struct espota_fs *fs, struct espota_fs_walk *walk,
                                          struct espota_fs_entry *entry)
{
    if (walk->ended)
        return ESPOTA_FS_END;
    fs_status status = fs->kind == ESPOTA_FS_LITTLEFS ? littlefs_next(fs, walk, entry)
                       : fs->kind == ESPOTA_FS_FAT    ? fat_next(fs, walk, entry)
                                                      : spiffs_next(fs, walk, entry);
    walk->ended = status != ESPOTA_FS_OK;
    return status;
}

enum espota_fs_status espota_fs_read(struct espota_fs *fs, const struct espota_fs_place *place,
                                     uint32_t position, void *buffer, uint32_t length)
{
    if (place->is_directory || length > place->size || position > place->size - length)
        return fs_damaged(fs, 0);
    if (length == 0)
        return ESPOTA_FS_OK;
    return fs->kind == ESPOTA_FS_LITTLEFS ? littlefs_read(fs, place, position, buffer, length)
           : fs->kind == ESPOTA_FS_FAT    ? fat_read(fs, place, position, buffer, length)
                                          : spiffs_read(fs, place, position, buffer, length);
}

/* ---- paths ----------------------------------------------------------------------------------------------
 */

static int upper(char c)
{
    return c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c;
}

static bool is_name(const struct espota_fs *fs, const char *name, const char *part, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (name[i] == '\0' ||
            (fs->kind == ESPOTA_FS_FAT ? upper(name[i]) != upper(part[i]) : name[i] != part[i]))
            return false;
    return name[length] == '\0';
}

static fs_status find_in(struct espota_fs *fs, const char *part, size_t length, struct espota_fs_entry *entry)
{
    struct espota_fs_walk walk;
    fs_status status = ESPOTA_FS_OK;
    if (!entry->place.is_directory)
        return ESPOTA_FS_NO_DIRECTORY;
    espota_fs_walk_begin(&walk, &entry->place);
    do
        status = espota_fs_walk_next(fs, &walk, entry);
    while (status == ESPOTA_FS_OK && !is_name(fs, entry->name, part, length));
    return status == ESPOTA_FS_END ? ESPOTA_FS_NOT_FOUND : status;
}

enum espota_fs_status espota_fs_find(struct espota_fs *fs, const char *path, struct espota_fs_entry *entry)
{
    fs_status status = ESPOTA_FS_OK;
    memset(entry, 0, sizeof *entry);
    entry->place = fs->root;
    while (status == ESPOTA_FS_OK) {
        size_t length = 0;
        while (*path == '/')
            path++;
        if (*path == '\0')
            break;
        while (path[length] != '\0' && (path[length] != '/' || fs->kind == ESPOTA_FS_SPIFFS))
            length++;
        status = find_in(fs, path, length, entry);
        path += length;
    }
    return status;
}

/* ---- directories ----------------------------------------------------------------------------------------
 */

uint32_t espota_fs_directory_number(const struct espota_fs *fs, const struct espota_fs_place *directory)
{
    uint32_t number = directory->at[0];
    if (fs->kind == ESPOTA_FS_LITTLEFS && directory->at[1] < number)
        number = directory->at[1]; /* a pair is the same either way round */
    return number < espota_fs_directories(fs) ? number : 0;
}

uint32_t espota_fs_directories(const struct espota_fs *fs)
{
    return fs->block_count + 2; /* clusters are counted from 2 */
}
