/* SHA-256 and MD5 for ports without a crypto library. Sources: FIPS 180-4; RFC 1321. */
#ifndef ESPOTA_BARE_DIGEST_H
#define ESPOTA_BARE_DIGEST_H

#include "espota/hash.h"

struct bare_sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes so far */
    uint8_t block[64];
};

/* A running hash over `context`, which must outlive it. */
struct espota_hash bare_sha256_hash(struct bare_sha256 *context);

espota_md5_fn bare_md5;

#endif
