/** MD5, SHA-256 and HMAC of bytes in memory, by OpenSSL. */
#ifndef ESPOTA_DIGEST_H
#define ESPOTA_DIGEST_H

#pragma GCC visibility push(default)

#include "espota/hash.h"

#include <stddef.h>
#include <stdint.h>

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

/** PBKDF2 with HMAC-SHA256 (RFC 8018): a key of `length` bytes from a password, in `rounds` rounds; 0, or -1
 * when the library refuses. */
int espota_pbkdf2_sha256(const void *password, size_t password_length, const void *salt, size_t salt_length,
                         unsigned rounds, uint8_t *key, size_t length);

#pragma GCC visibility pop

#endif
