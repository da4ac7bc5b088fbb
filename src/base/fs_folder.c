#include "fs_folder.h"

#include "espota/file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEEPEST = 32, MOST_NODES = 1 << 16 };

static int add_node(struct fs_folder *f, const char *name, size_t parent, struct espota_error *error)
{
    if (f->count == MOST_NODES)
        return espota_fail(error, ESPOTA_ERR_TOO_BIG, "the folder has more than %d files", MOST_NODES);
    if (f->count == f->room) {
        size_t room = f->room ? 2 * f->room : 64;
        struct fs_node *node = realloc(f->node, room * sizeof *node);
        if (!node)
            return espota_fail_memory(error, "reading a folder");
        f->node = node;
        f->room = room;
    }
    f->node[f->count] = (struct fs_node){ .name = strdup(name), .parent = parent };
    return f->node[f->count++].name ? 0 : espota_fail_memory(error, "reading a folder");
}

/* The order that littlefs looks names up by (lfs_dir_find_match): by their bytes, and of two that begin alike
 * the longer one first. */
static int by_name(const void *a, const void *b)
{
    const char *x = ((const struct fs_node *)a)->name, *y = ((const struct fs_node *)b)->name;
    size_t length_x = strlen(x), length_y = strlen(y);
    int order = memcmp(x, y, length_x < length_y ? length_x : length_y);
    return order ? order : (length_x < length_y) - (length_x > length_y);
}

static int list(struct fs_folder *f, size_t directory, const char *path, struct espota_error *error)
{
    DIR *stream = opendir(path);
    struct dirent *entry = NULL;
    int result =
        stream ? 0 : espota_fail(error, ESPOTA_ERR_IO, "cannot read %s: %s", path, espota_reason(errno));
    size_t first = f->count;
    while (result == 0 && (errno = 0, entry = readdir(stream)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = add_node(f, entry->d_name, directory, error);
    if (result == 0 && errno != 0)
        result = espota_fail(error, ESPOTA_ERR_IO, "cannot read %s: %s", path, espota_reason(errno));
    if (stream)
        closedir(stream);
    if (result == 0 && f->count > first)
        qsort(&f->node[first], f->count - first, sizeof *f->node, by_name);
    f->node[directory].first_child = first;
    f->node[directory].count = f->count - first;
    return result;
}

static int read_file(struct fs_folder *f, size_t node, const char *path, uint64_t limit,
                     struct espota_error *error)
{
    uint64_t left = limit - f->bytes;
    int result = espota_file_read(path, (size_t)left, &f->node[node].data, error);
    f->bytes += f->node[node].data.size;
    return result;
}

static int read_node(struct fs_folder *f, size_t node, const char *path, uint64_t limit,
                     struct espota_error *error)
{
    struct stat link, st;
    if (lstat(path, &link) != 0 || stat(path, &st) != 0)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot read %s: %s", path, espota_reason(errno));
    if (S_ISREG(st.st_mode))
        return read_file(f, node, path, limit, error);
    if (S_ISDIR(link.st_mode)) {
        f->node[node].directory = true;
        return list(f, node, path, error);
    }
    return espota_fail(error, ESPOTA_ERR_FAILED, "%s is %s, which no image can hold", path,
                       S_ISDIR(st.st_mode) ? "a symbolic link to a directory" : "neither file nor directory");
}

static char *path_of(const struct fs_folder *f, size_t node, const char *root, unsigned *depth)
{
    char *path = strdup(f->node[node].name);
    *depth = 1;
    for (size_t at = f->node[node].parent; path && at != 0; at = f->node[at].parent, ++*depth) {
        char *longer = espota_path_join(f->node[at].name, path);
        free(path);
        path = longer;
    }
    char *whole = path ? espota_path_join(root, path) : NULL;
    free(path);
    return whole;
}

int fs_folder_read(struct fs_folder *f, const char *path, uint64_t limit, struct espota_error *error)
{
    int result = add_node(f, "", 0, error);
    if (result == 0) {
        f->node[0].directory = true;
        result = list(f, 0, path, error);
    }
    for (size_t i = 1; result == 0 && i < f->count; i++) {
        unsigned depth = 0;
        char *full = path_of(f, i, path, &depth);
        if (!full)
            result = espota_fail_memory(error, "reading a folder");
        else if (depth > DEEPEST)
            result = espota_fail(error, ESPOTA_ERR_TOO_BIG, "%s lies deeper than %d folders", full, DEEPEST);
        else
            result = read_node(f, i, full, limit, error);
        free(full);
    }
    return result;
}

void fs_folder_free(struct fs_folder *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->node[i].name);
        espota_bytes_free(&f->node[i].data);
    }
    free(f->node);
    memset(f, 0, sizeof *f);
}

const char *fs_folder_path(const struct fs_folder *f, size_t node, char text[FS_NODE_PATH])
{
    unsigned depth = 0;
    char *path = path_of(f, node, "", &depth);
    snprintf(text, FS_NODE_PATH, "%.250s", path ? path : f->node[node].name);
    free(path);
    return text;
}
