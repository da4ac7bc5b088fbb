#include "espota/file.h"
#include "espota/address.h"
#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/size.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct reading {
    int fd;
    const char *path;
    bool pipe;   /* one that was not waited for yet */
    bool silent; /* it was, and nothing has come */
};

/* Descriptors of files that this program opened do not wait by themselves, so that a signal finds it here.
 * @return as read(). */
static ssize_t take(struct reading *r, void *chunk, size_t size)
{
    for (;;) {
        struct pollfd p = { .fd = r->fd, .events = POLLIN };
        ssize_t count = read(r->fd, chunk, size);
        if (count >= 0 || errno != EAGAIN)
            return count;
        if (poll(&p, 1, -1) < 0)
            return -1;
    }
}

/* A pipe has an end while nobody has opened it to write, too: its writer is waited for, but not for ever.
 * @return false when that was interrupted. */
static bool await_writer(struct reading *r)
{
    enum { WRITER_COMES_MS = 10000 };
    struct pollfd p = { .fd = r->fd, .events = POLLIN };
    int ready = poll(&p, 1, WRITER_COMES_MS);
    r->silent = ready == 0;
    r->pipe = false;
    return ready >= 0;
}

static int no_more(const struct reading *r, struct espota_error *error)
{
    if (errno == EINTR)
        return espota_fail(error, ESPOTA_ERR_CANCELLED, "stopped on request while reading %s", r->path);
    return espota_fail(error, ESPOTA_ERR_IO, "cannot read %s: %s", r->path, espota_reason(errno));
}

static int nobody_writes(const struct reading *r, struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_IO, "cannot read %s: it is a pipe, and nobody writes to it",
                       r->path);
}

static int read_all(struct reading *r, size_t limit, struct espota_bytes *bytes, struct espota_error *error)
{
    uint8_t chunk[65536];
    char most[ESPOTA_SIZE_TEXT];
    int result = espota_bytes_append(bytes, "", 0, error);
    while (result == 0) {
        ssize_t count = take(r, chunk, sizeof chunk);
        if (count < 0)
            return no_more(r, error);
        if (count == 0 && r->pipe) {
            if (!await_writer(r))
                return no_more(r, error);
            continue;
        }
        if (count == 0)
            return r->silent ? nobody_writes(r, error) : 0;
        r->pipe = r->silent = false;
        if ((size_t)count > limit - bytes->size)
            return espota_fail(error, ESPOTA_ERR_TOO_BIG, "%s is larger than %s, which is too large here",
                               r->path, espota_size_text(limit, most));
        result = espota_bytes_append(bytes, chunk, (size_t)count, error);
    }
    return result;
}
/* A URL by mistake may have a password in it. */
static int cannot_open(const char *path, int reason, struct espota_error *error)
{
    char *shown = espota_address_has_scheme(path) ? espota_address_shown(path) : NULL;
    espota_fail(error, ESPOTA_ERR_IO, "cannot open %s: %s%s", shown ? shown : path, espota_reason(reason),
                shown ? ", and a URL is not fetched here" : "");
    free(shown);
    return (int)error->status;
}

int espota_file_read(const char *path, size_t limit, struct espota_bytes *bytes, struct espota_error *error)
{
    struct stat about;
    struct reading r = { .fd = STDIN_FILENO, .path = "standard input" };
    if (strcmp(path, "-") == 0)
        return read_all(&r, limit, bytes, error);
    r.path = path;
    r.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (r.fd < 0)
        return cannot_open(path, errno, error);
    r.pipe = fstat(r.fd, &about) == 0 && S_ISFIFO(about.st_mode);
    int result = read_all(&r, limit, bytes, error);
    close(r.fd);
    return result;
}

static int write_all(int fd, const char *path, const void *data, size_t size, struct espota_error *error)
{
    const uint8_t *at = data;
    while (size > 0) {
        ssize_t count = write(fd, at, size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return espota_fail(error, ESPOTA_ERR_IO, "cannot write %s: %s", path, espota_reason(errno));
        at += count;
        size -= (size_t)count;
    }
    return 0;
}

/* Pipes, terminals and /dev/null cannot be replaced by rename(). */
static int write_in_place(const char *path, const void *data, size_t size, struct espota_error *error)
{
    int fd = strcmp(path, "-") == 0 ? dup(STDOUT_FILENO) : open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot open %s for writing: %s", path,
                           espota_reason(errno));
    int result = write_all(fd, path, data, size, error);
    if (close(fd) != 0 && result == 0)
        result = espota_fail(error, ESPOTA_ERR_IO, "cannot write %s: %s", path, espota_reason(errno));
    return result;
}

/* `mode` NULL: the one that it was opened with. */
static int write_new(int fd, const char *path, const mode_t *mode, const void *data, size_t size,
                     struct espota_error *error)
{
    int result = write_all(fd, path, data, size, error);
    if (result == 0 && ((mode && fchmod(fd, *mode) != 0) || fsync(fd) != 0))
        result = espota_fail(error, ESPOTA_ERR_IO, "cannot write %s: %s", path, espota_reason(errno));
    if (close(fd) != 0 && result == 0)
        result = espota_fail(error, ESPOTA_ERR_IO, "cannot write %s: %s", path, espota_reason(errno));
    return result;
}

/* A new file beside `target` to take its place. The system gives it the mode of a new file, the umask
 * applied, which cannot be asked for without changing it. */
static int open_beside(const char *target, bool secret, char temporary[PATH_MAX + 24])
{
    enum { MAX_TRIES = 1000 }; /* others, and what a crash left */
    int fd = -1;
    for (unsigned i = 0; i < MAX_TRIES && fd < 0; i++) {
        snprintf(temporary, PATH_MAX + 24, "%s.%lx-%u", target, (unsigned long)getpid(), i);
        fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, secret ? 0600 : 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    return fd;
}

static int write_file(const char *path, bool secret, const void *data, size_t size,
                      struct espota_error *error)
{
    struct stat st;
    bool exists = strcmp(path, "-") != 0 && stat(path, &st) == 0;
    if (strcmp(path, "-") == 0 || (exists && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
        return write_in_place(path, data, size, error);
    if (exists && S_ISDIR(st.st_mode))
        return espota_fail(error, ESPOTA_ERR_IO, "cannot write %s: it is a directory", path);
    char target[PATH_MAX];
    if (!exists || !realpath(path, target)) /* follow a symbolic link to what it names */
        snprintf(target, sizeof target, "%s", path);
    char temporary[PATH_MAX + 24];
    if (strlen(path) >= PATH_MAX)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot write %.200s...: the path is too long", path);
    bool as_new = !secret && !exists;
    int fd = open_beside(target, !as_new, temporary);
    if (fd < 0)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot write %s: %s", path, espota_reason(errno));
    mode_t mode = secret ? 0600 : st.st_mode & 0777;
    int result = write_new(fd, path, as_new ? NULL : &mode, data, size, error);
    if (result == 0 && rename(temporary, target) != 0)
        result = espota_fail(error, ESPOTA_ERR_IO, "cannot write %s: %s", path, espota_reason(errno));
    if (result != 0)
        unlink(temporary);
    return result;
}

int espota_file_write(const char *path, const void *data, size_t size, struct espota_error *error)
{
    return write_file(path, false, data, size, error);
}

int espota_file_write_secret(const char *path, const void *data, size_t size, struct espota_error *error)
{
    return write_file(path, true, data, size, error);
}

bool espota_file_others_can_read(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077);
}

int espota_file_lock(int fd, const char *path, bool exclusive, struct espota_error *error)
{
    if (flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return 0; /* a file system without locks is none of our business */
    return espota_fail(error, ESPOTA_ERR_IO,
                       "cannot use %s: another program uses it, a simulator or a command; end that one first",
                       path);
}

int espota_file_create(const char *path, const void *data, size_t size, bool secret,
                       struct espota_error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, secret ? 0600 : 0666);
    if (fd < 0)
        return espota_fail(error, errno == EEXIST ? ESPOTA_ERR_REFUSED : ESPOTA_ERR_IO,
                           "cannot make %s: %s%s", path, espota_reason(errno),
                           errno == EEXIST ? "; choose another name, or remove it first" : "");
    int result = write_new(fd, path, NULL, data, size, error);
    if (result != 0)
        unlink(path);
    return result;
}

bool espota_file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

char *espota_path_join(const char *directory, const char *name)
{
    if (!directory || name[0] == '/')
        return strdup(name);
    size_t size = strlen(directory) + strlen(name) + 2;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s/%s", directory, name);
    return path;
}
