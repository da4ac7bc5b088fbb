#include "espota/fs_tree.h"

#include <inttypes.h>
#include <stdio.h>

int espota_fs_fail(const struct espota_fs *fs, enum espota_fs_status status, const char *what,
                   const struct espota_error *source_error, struct espota_error *error)
{
    switch (status) {
    case ESPOTA_FS_OK:
        return 0;
    case ESPOTA_FS_SOURCE:
        if (source_error && source_error->status != ESPOTA_OK) {
            if (source_error != error)
                *error = *source_error;
            return espota_fail_while(error, "cannot %s", what);
        }
        return espota_fail(error, ESPOTA_ERR_IO, "cannot %s: reading failed", what);
    case ESPOTA_FS_UNKNOWN:
        return espota_fail(error, ESPOTA_ERR_VERIFY,
                           "cannot %s: there is neither littlefs nor FAT nor SPIFFS", what);
    case ESPOTA_FS_VERSION:
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                           "cannot %s: it is littlefs %" PRIu32 ", and only 2 is known", what,
                           fs->version >> 16);
    case ESPOTA_FS_END:
    case ESPOTA_FS_NOT_FOUND:
        return espota_fail(error, ESPOTA_ERR_FAILED, "cannot %s: there is no such file or directory", what);
    case ESPOTA_FS_NO_DIRECTORY:
        return espota_fail(error, ESPOTA_ERR_FAILED, "cannot %s: a part of it is no directory", what);
    case ESPOTA_FS_DAMAGED:
        break;
    }
    return espota_fail(error, ESPOTA_ERR_VERIFY,
                       "cannot %s: the file system is damaged, at 0x%" PRIx32 " of its partition", what,
                       fs->fault);
}

const char *espota_fs_words(const struct espota_fs *fs, char text[ESPOTA_FS_WORDS])
{
    if (fs->kind == ESPOTA_FS_LITTLEFS)
        snprintf(text, ESPOTA_FS_WORDS, "littlefs %" PRIu32 ".%" PRIu32, fs->version >> 16,
                 fs->version & 0xffff);
    else if (fs->kind == ESPOTA_FS_SPIFFS)
        snprintf(text, ESPOTA_FS_WORDS, "SPIFFS");
    else
        snprintf(text, ESPOTA_FS_WORDS, "FAT%" PRIu32 "%s", fs->version,
                 fs->wear_levelling ? " with wear levelling" : "");
    return text;
}
