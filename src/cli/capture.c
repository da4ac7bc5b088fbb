#include "capture.h"

#include "espota/error.h"
#include "espota/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int capture_begin(struct capture *c, const char *path, struct espota_error *error)
{
    if (strlen(path) >= sizeof c->path)
        return espota_fail(error, ESPOTA_ERR_USAGE, "the name of the log file is too long");
    if (path != c->path)
        memcpy(c->path, path, strlen(path) + 1);
    c->fd = open(c->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    c->open = c->fd >= 0;
    if (!c->open)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot write the log to %s: %s", c->path,
                           espota_reason(errno));
    c->at_start = true;
    return 0;
}

int capture_resume(struct capture *c, struct espota_error *error)
{
    char name[64];
    struct tm tm;
    time_t now = time(NULL);
    if (c->path[0])
        return capture_begin(c, c->path, error);
    localtime_r(&now, &tm);
    strftime(name, sizeof name, "espota-%Y%m%d-%H%M%S.log", &tm);
    return capture_begin(c, name, error);
}

/* Each piece reaches the file at once: a log is read while it grows, and survives who writes it. */
static int put(struct capture *c, const char *data, size_t size, struct espota_error *error)
{
    while (size > 0) {
        ssize_t count = write(c->fd, data, size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            break;
        data += count;
        size -= (size_t)count;
    }
    if (size == 0)
        return 0;
    int reason = errno;
    close(c->fd);
    c->open = false;
    return espota_fail(error, ESPOTA_ERR_IO, "cannot write the log to %s: %s; it ends here", c->path,
                       espota_reason(reason));
}

int capture_take(struct capture *c, const void *data, size_t size, struct espota_error *error)
{
    if (!c->open || size == 0)
        return 0;
    c->at_start = ((const char *)data)[size - 1] == '\n';
    return put(c, data, size, error);
}

int capture_note(struct capture *c, const char *text, struct espota_error *error)
{
    char line[1200];
    if (!c->open)
        return 0;
    int length = snprintf(line, sizeof line, "%s--- %s\n", c->at_start ? "" : "\n", text);
    c->at_start = true;
    return put(c, line, length < (int)sizeof line ? (size_t)length : sizeof line - 1, error);
}

int capture_end(struct capture *c, struct espota_error *error)
{
    bool open = c->open;
    c->open = false;
    if (open && close(c->fd) != 0)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot write the log to %s: %s", c->path,
                           espota_reason(errno));
    return 0;
}
