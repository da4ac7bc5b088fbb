/** What every host module may use: hashes by OpenSSL, whole files in and out, sizes as people write them,
 * time, and words for the findings of the pure format modules. */
#ifndef ESPOTA_HOST_H
#define ESPOTA_HOST_H

#pragma GCC visibility push(default)

#include "espota/clock.h"
#include "espota/crypto.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/image.h"
#include "espota/table.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- hashes ---------------------------------------------------------------------------------------------
 */

enum espota_hash_kind { ESPOTA_HASH_MD5, ESPOTA_HASH_SHA256 };

/** A hash computed by OpenSSL. @return the hash, owned by the caller (espota_hash_free), or NULL when memory
 * is short or the library refuses the algorithm. */
struct espota_hash *espota_hash_new(enum espota_hash_kind kind);
void espota_hash_free(struct espota_hash *hash);

/** Digests of bytes in memory; 0, or -1 when the library refuses. */
int espota_md5(const void *data, size_t length, uint8_t digest[ESPOTA_MD5_LENGTH]);
int espota_sha256(const void *data, size_t length, uint8_t digest[ESPOTA_SHA256_LENGTH]);

/** HMAC-SHA256 of two stretches of bytes, one behind the other; 0, or -1 when the library refuses. */
int espota_hmac_sha256(const void *key, size_t key_length, const void *first, size_t first_length,
                       const void *second, size_t second_length, uint8_t mac[ESPOTA_SHA256_LENGTH]);

/** Unpredictable bytes; 0, or -1 when the library refuses. */
int espota_random(void *out, size_t length);

/** The ciphers of sessions, by OpenSSL; they need no context. */
extern const struct espota_crypto espota_crypto_openssl;

/** Overwrite a secret that is not needed any more, in a way that a compiler does not leave out. */
void espota_wipe(void *secret, size_t length);

/** Lower-case hex of `length` bytes; `hex` has room for 2 * length + 1. */
void espota_hex(const uint8_t *bytes, size_t length, char *hex);

/** The reverse: exactly `length` bytes from 2 * length hex digits at the start of `hex`. @return false when a
 * character is no hex digit. */
bool espota_unhex(const char *hex, uint8_t *bytes, size_t length);

/* ---- bytes and files ------------------------------------------------------------------------------------
 */

/** Bytes on the heap. Zero-initialise; espota_bytes_free when done. `data[size]` is always a NUL. */
struct espota_bytes {
    uint8_t *data;
    size_t size;
    size_t capacity;
};
int espota_bytes_append(struct espota_bytes *bytes, const void *data, size_t size,
                        struct espota_error *error);
void espota_bytes_free(struct espota_bytes *bytes);

/** Read a whole file, or standard input for "-", of at most `limit` bytes. */
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

/* ---- sizes ----------------------------------------------------------------------------------------
 */

/** "1M", "64K", "4096", "0x1000" to bytes. @return false for anything else, or more than UINT32_MAX. */
bool espota_size_parse(const char *text, uint32_t *size);

/** Bytes as the shortest exact form: "1M", "1984K", "100 bytes". @return `text`. */
#define ESPOTA_SIZE_TEXT 24
const char *espota_size_text(uint64_t size, char text[ESPOTA_SIZE_TEXT]);

/* ---- words for the findings of format/ --------------------------------------------------------------------
 */

/** One sentence about a problem of a table. @return `text`. */
#define ESPOTA_PROBLEM_TEXT 256
const char *espota_table_problem_text(const struct espota_table_problem *problem,
                                      char text[ESPOTA_PROBLEM_TEXT]);

/** One sentence about a verdict. `image` as espota_image_examine left it. @return `text`. */
const char *espota_image_verdict_text(enum espota_image_verdict verdict, const struct espota_image *image,
                                      char text[ESPOTA_PROBLEM_TEXT]);

/** Examine an image in memory with OpenSSL's SHA-256. */
enum espota_image_verdict espota_image_examine_memory(struct espota_image *image, const void *data,
                                                      size_t size);

/** Read a table from CSV or binary bytes, whichever they are, and verify it. `name` is for messages.
 * `was_binary` may be NULL. UTF-16 and UTF-32 CSV with a byte-order mark is accepted. Environment variables
 * are expanded. */
int espota_table_read(struct espota_table *table, const struct espota_bytes *bytes, const char *name,
                      const struct espota_table_csv_options *options, bool *was_binary,
                      struct espota_error *error);

/** Binary form of a table that was verified before. */
int espota_table_to_binary(const struct espota_table *table, uint8_t out[ESPOTA_TABLE_BINARY_SIZE],
                           struct espota_error *error);

/** CSV form on the heap. */
int espota_table_to_csv(const struct espota_table *table, struct espota_bytes *csv,
                        struct espota_error *error);

#pragma GCC visibility pop

#endif
