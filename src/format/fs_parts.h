/* The file systems behind espota/fs.h. */
#ifndef ESPOTA_FORMAT_FS_PARTS_H
#define ESPOTA_FORMAT_FS_PARTS_H

#include "espota/fs.h"

typedef enum espota_fs_status fs_status;

/* Bytes of the partition, with their place checked. */
static inline fs_status fs_source_read(struct espota_fs *fs, uint64_t offset, void *buffer, uint32_t length)
{
    if (length > fs->source.size || offset > fs->source.size - length) {
        fs->fault = offset > UINT32_MAX ? UINT32_MAX : (uint32_t)offset;
        return ESPOTA_FS_DAMAGED;
    }
    return fs->source.read(fs->source.context, (uint32_t)offset, buffer, length) == 0 ? ESPOTA_FS_OK
                                                                                      : ESPOTA_FS_SOURCE;
}

static inline fs_status fs_damaged(struct espota_fs *fs, uint64_t offset)
{
    fs->fault = offset > UINT32_MAX ? UINT32_MAX : (uint32_t)offset;
    return ESPOTA_FS_DAMAGED;
}

/* littlefs.c, littlefs_file.c */
fs_status littlefs_open(struct espota_fs *fs);
fs_status littlefs_next(struct espota_fs *fs, struct espota_fs_walk *walk, struct espota_fs_entry *entry);
fs_status littlefs_read(struct espota_fs *fs, const struct espota_fs_place *place, uint32_t position,
                        void *buffer, uint32_t length);

/* fat.c, fat_directory.c */
fs_status fat_open(struct espota_fs *fs);
fs_status fat_next(struct espota_fs *fs, struct espota_fs_walk *walk, struct espota_fs_entry *entry);
fs_status fat_read(struct espota_fs *fs, const struct espota_fs_place *place, uint32_t position, void *buffer,
                   uint32_t length);

/* spiffs.c */
fs_status spiffs_open(struct espota_fs *fs);
fs_status spiffs_next(struct espota_fs *fs, struct espota_fs_walk *walk, struct espota_fs_entry *entry);
fs_status spiffs_read(struct espota_fs *fs, const struct espota_fs_place *place, uint32_t position,
                      void *buffer, uint32_t length);

/* wear_levelling.c: find it, and read through it. */
fs_status wear_levelling_open(struct espota_fs *fs);
fs_status wear_levelling_read(struct espota_fs *fs, uint64_t offset, void *buffer, uint32_t length);

#endif
