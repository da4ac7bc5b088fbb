#include "espota/fs_make.h"

#include "fs_image.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 4096 };

static const char *const type_names[ESPOTA_FS_TYPES] = {
    [ESPOTA_FS_TYPE_LITTLEFS] = "littlefs",
    [ESPOTA_FS_TYPE_FAT] = "fat",
    [ESPOTA_FS_TYPE_FAT_PLAIN] = "fat-plain",
};

const char *espota_fs_type_name(enum espota_fs_type type)
{
    return type_names[type];
}

bool espota_fs_type_from_name(const char *name, enum espota_fs_type *type)
{
    for (unsigned i = 0; i < ESPOTA_FS_TYPES; i++)
        if (strcmp(name, type_names[i]) == 0) {
            *type = (enum espota_fs_type)i;
            return true;
        }
    return false;
}

bool espota_fs_type_for(const struct espota_partition *partition, enum espota_fs_type *type)
{
    if (partition->type != ESPOTA_TYPE_DATA)
        return false;
    if (partition->subtype == ESPOTA_DATA_LITTLEFS || strcmp(partition->label, "vfs") == 0)
        *type = ESPOTA_FS_TYPE_LITTLEFS;
    else if (strcmp(partition->label, "user_fs") == 0)
        *type = ESPOTA_FS_TYPE_FAT_PLAIN;
    else
        *type = ESPOTA_FS_TYPE_FAT;
    return partition->subtype == ESPOTA_DATA_LITTLEFS || partition->subtype == ESPOTA_DATA_FAT;
}

static int check(const struct espota_fs_request *r, struct espota_error *error)
{
    uint32_t sector = r->sector;
    if (r->size == 0 || r->size % SECTOR || r->size > (128u << 20))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "a file system of 0x%" PRIx32
                           " bytes cannot be made: it has a multiple of 4K, up to "
                           "128M",
                           r->size);
    if (sector != 0 && (sector < 512 || sector > SECTOR || (sector & (sector - 1))))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "sectors of FAT have 512, 1024, 2048 or 4096 bytes, not %" PRIu32, sector);
    return 0;
}

int espota_fs_make(struct espota_bytes *image, const char *folder, const struct espota_fs_request *request,
                   struct espota_fs_made *made, struct espota_error *error)
{
    struct fs_folder tree = { 0 };
    memset(made, 0, sizeof *made);
    int result = check(request, error);
    if (result == 0 && fs_folder_read(&tree, folder, request->size, error) != 0)
        result = espota_fail_while(error, "cannot make a file system of %" PRIu32 "K of %s",
                                   request->size / 1024, folder);
    if (result == 0) {
        image->data = malloc((size_t)request->size + 1);
        if (!image->data)
            result = espota_fail_memory(error, "making a file system");
    }
    if (result == 0) {
        memset(image->data, 0xff, (size_t)request->size + 1);
        image->size = request->size;
        image->capacity = (size_t)request->size + 1;
        image->data[image->size] = '\0';
        made->bytes = tree.bytes;
        for (size_t i = 1; i < tree.count; i++) {
            made->directories += tree.node[i].directory;
            made->files += !tree.node[i].directory;
        }
        result = request->type == ESPOTA_FS_TYPE_LITTLEFS
                     ? littlefs_make(image->data, &tree, request, made, error)
                     : fat_make(image->data, &tree, request, made, error);
    }
    fs_folder_free(&tree);
    return result;
}
