/* What the system says went wrong, in words for somebody who does not know the system. */
#include "espota/file.h"

#include <errno.h>
#include <string.h>

static const struct {
    int reason;
    const char *words;
} known[] = {
    { 0, "no reason given" },
    { EACCES, "permission denied" },
    { EPERM, "permission denied" },
    { EISDIR, "it is a directory" },
    { ENOTDIR, "a part of the path is no directory" },
    { ELOOP, "symbolic links go in a circle" },
    { EFBIG, "a file may not become so large here" },
    { EEXIST, "it is there already" },
    { ENOSPC, "the disk is full" },
    { EDQUOT, "your share of the disk is used up" },
    { EROFS, "the disk can only be read" },
    { EBUSY, "another program uses it" },
    { ENOTTY, "it is no serial port" },
    { EINVAL, "it does not work that way" },
    { EIO, "the device or disk behind it fails" },
    { ENXIO, "the device is gone" },
    { ENODEV, "the device is gone" },
    { EBADF, "the device is gone" },
    { EPIPE, "the other end is closed" },
    { ECONNREFUSED, "nobody listens there" },
    { ECONNRESET, "the other end broke it off" },
    { ETIMEDOUT, "no answer" },
    { EHOSTUNREACH, "there is no way to that host" },
    { ENETUNREACH, "there is no way to that network" },
    { EADDRINUSE, "another program has that address" },
    { EMFILE, "this program may open no more files (ulimit -n)" },
    { ENFILE, "the system can open no more files" },
    { EADDRNOTAVAIL, "this machine has no such address" },
};

const char *espota_reason(int reason)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].reason == reason)
            return known[i].words;
    return strerror(reason);
}
