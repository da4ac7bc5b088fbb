/** The files of a file system, as a list, and into a folder of the host.
 *
 * An image may be hostile: a circle of directories, files that claim more than there is, names that lead out
 * of the folder. The first two are damage; what has such a name is not written, and told. */
#ifndef ESPOTA_FS_TREE_H
#define ESPOTA_FS_TREE_H

#pragma GCC visibility push(default)

#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/fs.h"
#include "espota/observer.h"

struct espota_fs_file {
    char *path;    /* from the directory that the list is of, without a '/' at its start */
    bool bad_name; /* a part of it is no name that a file here can have: "..", control characters, '/' */
    struct espota_fs_place place;
    bool has_time;
    int64_t time; /* as in struct espota_fs_entry */
};

/** Zero-initialise; espota_fs_tree_free when done. */
struct espota_fs_tree {
    struct espota_fs_file *file; /* directories, too, each before what is in it */
    size_t count, room;
    uint64_t bytes; /* of all files */
    unsigned directories, bad_names;
};

/** List `directory`; `recursive`: and what lies below. @return ESPOTA_ERR_VERIFY when the file system is
 * damaged, or what reading returned, which `source_error` tells (NULL: nothing does). */
int espota_fs_tree_list(struct espota_fs_tree *tree, struct espota_fs *fs,
                        const struct espota_fs_place *directory, bool recursive,
                        const struct espota_error *source_error, struct espota_error *error);
void espota_fs_tree_free(struct espota_fs_tree *tree);

/** Write all of the tree into the folder `folder`, which is made where it is not there. Nothing is written
 * outside of it, symbolic links in it are not followed, and each file is there whole or not at all.
 * `replace`: files that are there already; otherwise ESPOTA_ERR_REFUSED, and nothing is written. What has a
 * bad name is left out. */
int espota_fs_tree_write(const struct espota_fs_tree *tree, struct espota_fs *fs, const char *folder,
                         bool replace, const struct espota_observer *observer,
                         const struct espota_error *source_error, struct espota_error *error);

/** All bytes of a file. `out` is empty, and holds what came also after an error. */
int espota_fs_read_whole(struct espota_fs *fs, const struct espota_fs_place *place, struct espota_bytes *out,
                         const struct espota_error *source_error, struct espota_error *error);

/** A status as an error; `what` was attempted, as "list /lib". ESPOTA_FS_SOURCE: `source_error` is it. */
int espota_fs_fail(const struct espota_fs *fs, enum espota_fs_status status, const char *what,
                   const struct espota_error *source_error, struct espota_error *error);

/** "littlefs", "FAT" or "SPIFFS", with what else names it: "littlefs 2.1", "FAT16 with wear levelling".
 * @return `text`.
 */
#define ESPOTA_FS_WORDS 48
const char *espota_fs_words(const struct espota_fs *fs, char text[ESPOTA_FS_WORDS]);

#pragma GCC visibility pop

#endif
