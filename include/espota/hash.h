/** Hash functions behind an interface, so that pure code can ask for a digest without knowing who computes
 * it: OpenSSL on the host, the ROM or mbedTLS on a chip. */
#ifndef ESPOTA_HASH_H
#define ESPOTA_HASH_H

#include <stddef.h>
#include <stdint.h>

#define ESPOTA_MD5_LENGTH    16
#define ESPOTA_SHA256_LENGTH 32

/** A running hash. `context` belongs to whoever filled in the struct. Every function returns 0, or -1 when
 * the implementation failed; after -1 only begin() may be called. */
struct espota_hash {
    void *context;
    int (*begin)(void *context);
    int (*update)(void *context, const void *data, size_t length);
    int (*finish)(void *context, uint8_t *digest);
    /** The digest of what came so far; the hash goes on. */
    int (*so_far)(void *context, uint8_t *digest);
};

/** MD5 of a byte range in one call; 0, or -1 on failure. */
typedef int espota_md5_fn(const void *data, size_t length, uint8_t digest[ESPOTA_MD5_LENGTH]);

#endif
