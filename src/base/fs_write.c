/* A tree of files into a folder: each path is walked part by part from the folder's descriptor, and no part
 * may be a symbolic link. */
#include "espota/fs_tree.h"

#include "espota/file.h"
#include "espota/random.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct writing {
    const char *folder;
    int root; /* its descriptor */
    bool replace;
    struct espota_error *error;
};

static int failed(const struct writing *w, const char *path, int reason)
{
    return espota_fail(w->error, ESPOTA_ERR_IO, "cannot write %s/%s: %s", w->folder, path,
                       reason == ELOOP || reason == ENOTDIR
                           ? "a part of it is no directory, or a symbolic link"
                           : espota_reason(reason));
}

/* The directory that `path` lies in; `*name` is the last part. `make`: directories that are not there.
 * @return its descriptor, or -1 with errno. */
static int open_parent(const struct writing *w, const char *path, bool make, const char **name)
{
    int at = dup(w->root);
    for (const char *slash; at >= 0 && (slash = strchr(path, '/')) != NULL; path = slash + 1) {
        char part[NAME_MAX + 1];
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        if (make && mkdirat(at, part, 0777) != 0 && errno != EEXIST) {
            int reason = errno;
            close(at);
            errno = reason;
            return -1;
        }
        int next = openat(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int reason = errno;
        close(at);
        errno = reason;
        at = next;
    }
    *name = path;
    return at;
}

/* Is something there already, that must not be replaced? */
static int check_free(const struct writing *w, const struct espota_fs_file *file)
{
    const char *name = NULL;
    struct stat st;
    int parent = open_parent(w, file->path, false, &name);
    if (parent < 0)
        return errno == ENOENT ? 0 : failed(w, file->path, errno);
    bool there = fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    close(parent);
    if (!there || (file->place.is_directory && S_ISDIR(st.st_mode)))
        return 0;
    if (w->replace && !file->place.is_directory && !S_ISDIR(st.st_mode))
        return 0;
    if (w->replace) /* but not one by the other */
        return failed(w, file->path, file->place.is_directory ? ENOTDIR : EISDIR);
    return espota_fail_hint(w->error, ESPOTA_ERR_REFUSED, ESPOTA_HINT_REPLACE, "%s/%s exists already",
                            w->folder, file->path);
}

static bool write_bytes(int fd, const struct espota_bytes *bytes)
{
    for (size_t at = 0; at < bytes->size;) {
        ssize_t n = write(fd, bytes->data + at, bytes->size - at);
        if (n < 0 && errno != EINTR)
            return false;
        at += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool keep_time(int fd, const struct espota_fs_file *file)
{
    const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = (time_t)file->time } };
    return !file->has_time || futimens(fd, times) == 0;
}

/* A new name, which must not be there. FAT, as on sticks and cards, has no links, and what is old or on a
 * network no renaming that refuses: then it is looked for. */
static bool name_new(int parent, const char *temporary, const char *name)
{
    struct stat st;
    if (renameat2(parent, temporary, parent, name, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return false;
    }
    return errno == ENOENT && renameat(parent, temporary, parent, name) == 0;
}

/* Into a file beside it first, which then takes its name. @return 0, or an errno. */
static int write_file(const struct writing *w, int parent, const char *name,
                      const struct espota_fs_file *file, const struct espota_bytes *bytes)
{
    uint8_t number[8];
    char temporary[48];
    uint64_t n = 0;
    if (espota_random(number, sizeof number) != 0)
        return EIO;
    memcpy(&n, number, sizeof n);
    snprintf(temporary, sizeof temporary, ".espota-%016" PRIx64, n);
    int fd = openat(parent, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return errno;
    int reason = write_bytes(fd, bytes) && keep_time(fd, file) ? 0 : errno;
    if (close(fd) != 0 && reason == 0)
        reason = errno;
    bool put = reason == 0 && (w->replace ? renameat(parent, temporary, parent, name) == 0
                                          : name_new(parent, temporary, name));
    if (reason == 0 && !put)
        reason = errno;
    if (!put)
        unlinkat(parent, temporary, 0);
    return reason;
}

static int write_one(const struct writing *w, struct espota_fs *fs, const struct espota_fs_file *file,
                     const struct espota_error *source_error)
{
    struct espota_bytes bytes = { 0 };
    const char *name = NULL;
    int result =
        file->place.is_directory ? 0 : espota_fs_read_whole(fs, &file->place, &bytes, source_error, w->error);
    if (result != 0) {
        espota_bytes_free(&bytes);
        return espota_fail_while(w->error, "%s", file->path);
    }
    int parent = open_parent(w, file->path, true, &name);
    int reason = parent < 0 ? errno : 0;
    if (reason == 0 && file->place.is_directory)
        reason = mkdirat(parent, name, 0777) != 0 && errno != EEXIST ? errno : 0;
    else if (reason == 0)
        reason = write_file(w, parent, name, file, &bytes);
    if (parent >= 0)
        close(parent);
    espota_bytes_free(&bytes);
    return reason ? failed(w, file->path, reason) : 0;
}

static int open_root(struct writing *w)
{
    if (mkdir(w->folder, 0777) != 0 && errno != EEXIST)
        return espota_fail(w->error, ESPOTA_ERR_IO, "cannot make the folder %s: %s", w->folder,
                           espota_reason(errno));
    w->root = open(w->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->root < 0)
        return espota_fail(w->error, ESPOTA_ERR_IO, "cannot write into %s: %s", w->folder,
                           espota_reason(errno));
    return 0;
}

int espota_fs_tree_write(const struct espota_fs_tree *tree, struct espota_fs *fs, const char *folder,
                         bool replace, const struct espota_observer *observer,
                         const struct espota_error *source_error, struct espota_error *error)
{
    struct writing w = { folder, -1, replace, error };
    struct espota_progress progress = { ESPOTA_PHASE_READ, "files", 0, tree->bytes };
    int result = open_root(&w);
    for (size_t i = 0; result == 0 && i < tree->count; i++)
        if (!tree->file[i].bad_name)
            result = check_free(&w, &tree->file[i]);
    for (size_t i = 0; result == 0 && i < tree->count; i++) {
        if (!tree->file[i].bad_name)
            result = write_one(&w, fs, &tree->file[i], source_error);
        progress.done += tree->file[i].place.size;
        espota_observe_progress(observer, NULL, &progress);
        if (result == 0 && espota_observer_cancelled(observer))
            result = espota_fail(error, ESPOTA_ERR_CANCELLED, "stopped; what is in %s is whole", folder);
    }
    if (w.root >= 0)
        close(w.root);
    return result;
}
