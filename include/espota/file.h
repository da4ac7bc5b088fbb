/** Whole files in and out, none of which is ever half written; locks, names, and words for errno. */
#ifndef ESPOTA_FILE_H
#define ESPOTA_FILE_H

#pragma GCC visibility push(default)

#include "espota/buffer.h"
#include "espota/error.h"

#include <stdbool.h>
#include <stddef.h>

/** Read a whole file, or standard input for "-", of at most `limit` bytes. It may be a pipe, which is read to
 * its end; one that nobody has open to write is waited for, but not for ever. A signal whose handler lets it
 * interrupt (no SA_RESTART) ends a wait. @return ESPOTA_ERR_IO, ESPOTA_ERR_TOO_BIG, ESPOTA_ERR_CANCELLED. */
int espota_file_read(const char *path, size_t limit, struct espota_bytes *bytes, struct espota_error *error);

/** Write a whole file so that it is either all there or as it was before: a temporary file beside it, fsync,
 * rename. "-" writes to standard output. Device files and pipes are written directly. */
int espota_file_write(const char *path, const void *data, size_t size, struct espota_error *error);

/** The same for what its owner alone may read: the file has mode 0600 from the start, whatever mode one of
 * that name had. */
int espota_file_write_secret(const char *path, const void *data, size_t size, struct espota_error *error);

/** May anybody but its owner read (or change) the file? false where there is none. */
bool espota_file_others_can_read(const char *path);

/** Take the lock of a flash file that is open as `fd` (flock): shared for reading, or `exclusive`. It ends
 * with the last descriptor of that open file. @return ESPOTA_ERR_IO with a message when another process has
 * it. */
int espota_file_lock(int fd, const char *path, bool exclusive, struct espota_error *error);

/** Does `path` exist, as anything? */
bool espota_file_exists(const char *path);

/** Make a file that is not there yet; `secret`: for its owner alone. @return 0, or ESPOTA_ERR_IO, also when
 * it is there; a failure leaves no file behind. */
int espota_file_create(const char *path, const void *data, size_t size, bool secret,
                       struct espota_error *error);

/** `directory`/`name`, or `name` alone when it is absolute or the directory is NULL. @return a string for the
 * caller to free, or NULL when memory is short. */
char *espota_path_join(const char *directory, const char *name);

/** What an errno means, in words: "the disk is full", "it is no serial port". Static storage, or as strerror.
 */
const char *espota_reason(int reason);

#pragma GCC visibility pop

#endif
