/* A folder of the host as a tree in memory. */
#ifndef ESPOTA_BASE_FS_FOLDER_H
#define ESPOTA_BASE_FS_FOLDER_H

#include "espota/buffer.h"
#include "espota/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fs_node {
    char *name; /* of the root: "" */
    bool directory;
    struct espota_bytes data;          /* of a file */
    size_t parent, first_child, count; /* by number; the children of a directory follow each other */
};

/* The root is number 0. Zero-initialise; fs_folder_free when done, also after an error. */
struct fs_folder {
    struct fs_node *node;
    size_t count, room;
    uint64_t bytes; /* of all files */
};

/* Read all of `path`. Children are in the order that littlefs wants. `limit`: as many bytes in all.
 * @return ESPOTA_ERR_TOO_BIG beyond it. */
int fs_folder_read(struct fs_folder *folder, const char *path, uint64_t limit, struct espota_error *error);
void fs_folder_free(struct fs_folder *folder);

/* The path of a node, for messages. @return `text`. */
enum { FS_NODE_PATH = 256 };
const char *fs_folder_path(const struct fs_folder *folder, size_t node, char text[FS_NODE_PATH]);

#endif
