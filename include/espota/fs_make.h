/** An image of a file system, made of a folder.
 *
 * The same folder gives the same bytes, wherever and whenever: times are not taken over, names are sorted.
 * What no image can hold (a socket, a device) is an error, symbolic links to files are followed, and those to
 * directories are an error.
 *
 * littlefs is of version 2.0 on flash, which every littlefs 2 takes and brings up to its own; files of up to
 * 64 bytes lie inline, as the smallest cache in use (Arduino's for ESP8266) has room for that. FAT is FAT12
 * or FAT16 with one cluster of 4096 bytes a file at least, as ESP-IDF's fatfsgen makes it, with long names
 * where a name needs one. Sources: as in espota/fs.h; ESP-IDF, components/fatfs/wl_fatfsgen.py. */
#ifndef ESPOTA_FS_MAKE_H
#define ESPOTA_FS_MAKE_H

#pragma GCC visibility push(default)

#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/table.h"

#include <stdbool.h>
#include <stdint.h>

enum espota_fs_type {
    ESPOTA_FS_TYPE_LITTLEFS,
    ESPOTA_FS_TYPE_FAT,       /* behind wear levelling, as ESP-IDF, Arduino and LoBo mount it */
    ESPOTA_FS_TYPE_FAT_PLAIN, /* without: MicroPython, CircuitPython */
    ESPOTA_FS_TYPES
};

/** "littlefs", "fat" or "fat-plain". Static storage. */
const char *espota_fs_type_name(enum espota_fs_type type);
/** @return false when there is no such name. */
bool espota_fs_type_from_name(const char *name, enum espota_fs_type *type);

struct espota_fs_request {
    enum espota_fs_type type;
    uint32_t size;   /* bytes of the partition, a multiple of 4K */
    uint32_t sector; /* of FAT: 512 to 4096, a power of two; 0: 4096 */
};

struct espota_fs_made {
    unsigned files, directories;
    uint64_t bytes;      /* of the files */
    uint32_t used;       /* bytes of the image that are taken, in whole blocks */
    unsigned long_names; /* FAT: that do not fit 8.3 */
};

/** Put the image of `folder` into `image`, which is empty. `made` says what is in it.
 * @return ESPOTA_ERR_TOO_BIG when it does not fit; ESPOTA_ERR_USAGE for a size or sector that cannot be;
 * ESPOTA_ERR_IO, or ESPOTA_ERR_FAILED for what no image can hold. */
int espota_fs_make(struct espota_bytes *image, const char *folder, const struct espota_fs_request *request,
                   struct espota_fs_made *made, struct espota_error *error);

/** What goes into a data partition, by its subtype and by the labels that firmware looks for: MicroPython
 * keeps littlefs in `vfs`, CircuitPython FAT without wear levelling in `user_fs`. @return false for SPIFFS,
 * which is not made here, and for what is no file system's. */
bool espota_fs_type_for(const struct espota_partition *partition, enum espota_fs_type *type);

#pragma GCC visibility pop

#endif
