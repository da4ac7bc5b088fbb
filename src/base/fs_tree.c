#include "espota/fs_tree.h"

#include "espota/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 64, MOST_FILES = 1 << 20, PIECE = 256 << 10 };

struct listing {
    struct espota_fs_tree *tree;
    struct espota_fs *fs;
    bool recursive;
    uint8_t *seen; /* a bit for each directory */
    const struct espota_error *source_error;
    struct espota_error *error;
};

static int failed(const struct listing *l, enum espota_fs_status status, const char *path)
{
    char what[300];
    snprintf(what, sizeof what, "list /%.280s", path);
    return espota_fs_fail(l->fs, status, what, l->source_error, l->error);
}

/* Control characters are no harm to a disk, but to whoever looks at it. */
static bool is_bad_part(const char *name, size_t length)
{
    bool dots = length > 0 && length <= 2 && name[0] == '.' && name[length - 1] == '.';
    for (size_t i = 0; i < length; i++)
        if (name[i] == '/' || name[i] == 0x7f || (unsigned char)name[i] < 0x20)
            return true;
    return dots || length == 0 || length > 255;
}

/* SPIFFS has whole paths for names. */
static bool is_bad_name(const struct espota_fs *fs, const char *name)
{
    size_t length = fs->kind == ESPOTA_FS_SPIFFS ? strcspn(name, "/") : strlen(name);
    while (!is_bad_part(name, length)) {
        name += length;
        if (*name == '\0')
            return false;
        name++;
        length = strcspn(name, "/");
    }
    return true;
}

static int add(struct listing *l, const char *parent, bool bad_parent, const struct espota_fs_entry *entry)
{
    struct espota_fs_tree *tree = l->tree;
    if (tree->count == tree->room) {
        size_t room = tree->room ? 2 * tree->room : 64;
        struct espota_fs_file *file = realloc(tree->file, room * sizeof *file);
        if (!file)
            return espota_fail_memory(l->error, "listing files");
        tree->file = file;
        tree->room = room;
    }
    char *path = parent[0] ? NULL : strdup(entry->name);
    if (parent[0] && asprintf(&path, "%s/%s", parent, entry->name) < 0)
        path = NULL;
    if (!path)
        return espota_fail_memory(l->error, "listing files");
    bool bad = bad_parent || is_bad_name(l->fs, entry->name);
    tree->file[tree->count++] = (struct espota_fs_file){
        .path = path, .bad_name = bad, .place = entry->place, .has_time = entry->has_time, .time = entry->time
    };
    tree->bytes += entry->place.size;
    tree->directories += entry->place.is_directory;
    tree->bad_names += bad;
    return 0;
}

/* What files hold lies in one of them only. */
static int check_sums(const struct listing *l, const char *path)
{
    uint64_t all = (uint64_t)l->fs->block_count * l->fs->block_size;
    if (l->tree->count > MOST_FILES || l->tree->bytes > all)
        return failed(l, ESPOTA_FS_DAMAGED, path);
    return 0;
}

static int list_one(struct listing *l, const struct espota_fs_place *directory, const char *path, bool bad)
{
    struct espota_fs_walk walk;
    struct espota_fs_entry *entry = malloc(sizeof *entry);
    enum espota_fs_status status = ESPOTA_FS_OK;
    int result = entry ? 0 : espota_fail_memory(l->error, "listing files");
    espota_fs_walk_begin(&walk, directory);
    while (result == 0 && (status = espota_fs_walk_next(l->fs, &walk, entry)) == ESPOTA_FS_OK) {
        result = add(l, path, bad, entry);
        if (result == 0)
            result = check_sums(l, path);
    }
    if (result == 0 && status != ESPOTA_FS_END)
        result = failed(l, status, path);
    free(entry);
    return result;
}

/* A directory that was there before is one of a circle, or has two parents. */
static bool enter(struct listing *l, const struct espota_fs_place *directory)
{
    uint32_t number = espota_fs_directory_number(l->fs, directory);
    uint8_t bit = (uint8_t)(1u << number % 8);
    bool again = l->seen[number / 8] & bit;
    l->seen[number / 8] |= bit;
    return !again;
}

static unsigned depth_of(const char *path)
{
    unsigned depth = 0;
    for (; *path; path++)
        depth += *path == '/';
    return depth;
}

/* Directories are listed in the order in which they were found, and what they hold comes behind all the rest;
 * so that each stands before what is in it. */
static int list_all(struct listing *l, const struct espota_fs_place *directory)
{
    (void)enter(l, directory);
    int result = list_one(l, directory, "", false);
    for (size_t i = 0; l->recursive && result == 0 && i < l->tree->count; i++) {
        const struct espota_fs_file file = l->tree->file[i];
        if (!file.place.is_directory)
            continue;
        if (!enter(l, &file.place) || depth_of(file.path) >= DEEPEST)
            result = failed(l, ESPOTA_FS_DAMAGED, file.path);
        else
            result = list_one(l, &file.place, file.path, file.bad_name);
    }
    return result;
}

static int by_path(const void *a, const void *b)
{
    const unsigned char *x = (const unsigned char *)((const struct espota_fs_file *)a)->path;
    const unsigned char *y = (const unsigned char *)((const struct espota_fs_file *)b)->path;
    while (*x && *x == *y)
        x++, y++;
    /* '/' goes before all else, so that what is in a directory follows it */
    int left = *x == '/' ? 1 : *x ? *x + 1 : 0, right = *y == '/' ? 1 : *y ? *y + 1 : 0;
    return left - right;
}

/* Of two that have one name only the first can be written. */
static void mark_doubles(struct espota_fs_tree *tree)
{
    for (size_t i = 1; i < tree->count; i++)
        if (strcmp(tree->file[i - 1].path, tree->file[i].path) == 0 && !tree->file[i].bad_name) {
            tree->file[i].bad_name = true;
            tree->bad_names++;
        }
}

/* LoBo's MicroPython keeps a directory in SPIFFS as a file into which nothing was ever written. */
static void mark_directories(struct espota_fs_tree *tree)
{
    for (size_t i = 0; i + 1 < tree->count; i++) {
        struct espota_fs_file *file = &tree->file[i];
        size_t length = strlen(file->path);
        const char *next = tree->file[i + 1].path;
        if (file->place.size > 0 || strncmp(next, file->path, length) != 0 || next[length] != '/')
            continue;
        tree->directories += !file->place.is_directory;
        file->place.is_directory = true;
    }
}

int espota_fs_tree_list(struct espota_fs_tree *tree, struct espota_fs *fs,
                        const struct espota_fs_place *directory, bool recursive,
                        const struct espota_error *source_error, struct espota_error *error)
{
    struct listing l = { tree, fs, recursive, NULL, source_error, error };
    l.seen = calloc(espota_fs_directories(fs) / 8 + 1, 1);
    if (!l.seen)
        return espota_fail_memory(error, "listing files");
    int result = list_all(&l, directory);
    if (result == 0 && tree->count > 0)
        qsort(tree->file, tree->count, sizeof *tree->file, by_path);
    if (result == 0 && fs->kind == ESPOTA_FS_SPIFFS)
        mark_directories(tree);
    if (result == 0)
        mark_doubles(tree);
    free(l.seen);
    return result;
}

void espota_fs_tree_free(struct espota_fs_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++)
        free(tree->file[i].path);
    free(tree->file);
    memset(tree, 0, sizeof *tree);
}

int espota_fs_read_whole(struct espota_fs *fs, const struct espota_fs_place *place, struct espota_bytes *out,
                         const struct espota_error *source_error, struct espota_error *error)
{
    if (place->size > (uint64_t)fs->block_count * fs->block_size)
        return espota_fs_fail(fs, ESPOTA_FS_DAMAGED, "read a file", source_error, error);
    uint8_t *piece = malloc(PIECE);
    int result = piece ? 0 : espota_fail_memory(error, "reading a file");
    for (uint32_t at = 0; result == 0 && at < place->size;) {
        uint32_t length = place->size - at < PIECE ? place->size - at : (uint32_t)PIECE;
        result = espota_fs_fail(fs, espota_fs_read(fs, place, at, piece, length), "read a file", source_error,
                                error);
        if (result == 0)
            result = espota_bytes_append(out, piece, length, error);
        at += length;
    }
    free(piece);
    return result;
}
