/** The file beside an image that has its MD5, as md5sum and its like write it.
 *
 * Pure code: no allocation, no I/O, no globals. */
#ifndef ESPOTA_MD5_SIDECAR_H
#define ESPOTA_MD5_SIDECAR_H

#pragma GCC visibility push(default)

#include "espota/hash.h"

#include <stddef.h>
#include <stdint.h>

enum espota_md5_search { ESPOTA_MD5_FOUND, ESPOTA_MD5_NONE, ESPOTA_MD5_SEVERAL };

/** The MD5 of `file` (its name, or its path) in a text that md5sum (also --binary and --tag, also with names
 * that it escapes), BSD's md5, openssl md5, PowerShell's Get-FileHash (also UTF-16, table or list) or
 * certutil -hashfile wrote; or the digits alone. One for another name will do when it is the only one.
 * @return ESPOTA_MD5_SEVERAL when there are different ones and none is said to be that of `file`, or several
 * are. */
enum espota_md5_search espota_md5_find(const void *text, size_t size, const char *file,
                                       uint8_t md5[ESPOTA_MD5_LENGTH]);

/** The same in `text` itself, of `size` bytes and room for one more, which is spoilt. */
enum espota_md5_search espota_md5_find_in(char *text, size_t size, const char *file,
                                          uint8_t md5[ESPOTA_MD5_LENGTH]);

#pragma GCC visibility pop

#endif
