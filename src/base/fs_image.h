/* The makers behind espota/fs_make.h. */
#ifndef ESPOTA_BASE_FS_IMAGE_H
#define ESPOTA_BASE_FS_IMAGE_H

#include "fs_folder.h"

#include "espota/fs_make.h"

/* Fill the `request->size` bytes of `image`, which are FF. */
int littlefs_make(uint8_t *image, const struct fs_folder *folder, const struct espota_fs_request *request,
                  struct espota_fs_made *made, struct espota_error *error);
int fat_make(uint8_t *image, const struct fs_folder *folder, const struct espota_fs_request *request,
             struct espota_fs_made *made, struct espota_error *error);

/* Of fat_make: names of a directory's children, the 11 bytes of each short one. */
struct fat_name {
    uint8_t raw[11];
    uint8_t flags;      /* which part of a short one is in small letters */
    bool is_long;       /* it needs more than the short one */
    uint16_t unit[255]; /* all of it, as UTF-16 */
    unsigned count;
};

/* `taken`: the names of the children before it. @return ESPOTA_ERR_FAILED for a name that FAT cannot hold. */
int fat_make_name(struct fat_name *name, const char *text, const struct fat_name *taken, size_t taken_count,
                  struct espota_error *error);

/* Wear levelling around what lies in `image` from the second sector on; bytes that it leaves: */
uint32_t wear_levelling_room(uint32_t partition);
void wear_levelling_make(uint8_t *image, uint32_t partition);

#endif
