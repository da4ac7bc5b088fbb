/* A file system that is looked at: where it comes from, and how its files look. */
#ifndef ESPOTA_CLI_FS_VIEW_H
#define ESPOTA_CLI_FS_VIEW_H

#include "cli.h"

#include "espota/device.h"
#include "espota/fs_device.h"
#include "espota/fs_tree.h"

/* Zero-initialise; fs_view_free when done. */
struct fs_view {
    struct espota_device *device;      /* NULL: an image in a file */
    struct espota_partition partition; /* of the device */
    struct espota_fs_device cache;
    struct espota_bytes image;
    const char *name; /* of the image */
    struct espota_fs fs;
};

/* Why reading failed, for espota_fs_fail. */
const struct espota_error *fs_view_error(const struct fs_view *view);

/* The file system in a partition of `device`, `name` or the only one; or in the file `image`. */
int fs_view_of_device(struct fs_view *view, struct espota_device *device, uint32_t table_offset,
                      const char *name, struct espota_error *error);
int fs_view_of_image(struct fs_view *view, const char *image, struct espota_error *error);
void fs_view_free(struct fs_view *view);

void print_fs_files(const struct fs_view *view, const struct espota_fs_tree *tree, const char *path);
struct fields fs_document(const struct fs_view *view);
struct items fs_file_items(const struct espota_fs_tree *tree);

#endif
