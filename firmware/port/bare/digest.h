/* SHA-256 and MD5 for ports without a crypto library. Sources: FIPS 180-4; RFC 1321. */
#ifndef ESPOTA_BARE_DIGEST_H
#define ESPOTA_BARE_DIGEST_H

#include "espota/hash.h"

#include <stdbool.h>

/* An engine that a chip has for it. It does one digest at a time. */
struct bare_hasher {
    const void *context;
    /* A block of 64 bytes: the first one of a digest, or one more. */
    void (*block)(const void *context, const uint8_t *block, bool first);
    void (*state)(const void *context, uint32_t state[8]);
};

struct bare_sha256 {
    const struct bare_hasher *hasher; /* NULL: it is computed */
    uint32_t state[8];
    uint64_t length; /* bytes so far */
    uint8_t block[64];
};

/* A running hash over `context`, which must outlive it; computed, until its hasher is set. */
struct espota_hash bare_sha256_hash(struct bare_sha256 *context);

espota_md5_fn bare_md5;

#endif
