/* ChaCha20-Poly1305 and X25519 for ports without a crypto library, in 32-bit arithmetic whose time does not
 * depend on secrets. Sources: RFC 8439; RFC 7748. */
#ifndef ESPOTA_BARE_CRYPTO_H
#define ESPOTA_BARE_CRYPTO_H

#include "espota/crypto.h"

extern const struct espota_crypto bare_crypto;

/* Parts of it, for those who put them together and for tests. */
struct bare_poly1305 {
    uint32_t r[20]; /* limbs of 13 bits: those of r, and before them five times the same */
    uint32_t h[10];
    uint8_t pad[16];
};
void bare_chacha20_block(const uint8_t key[32], const uint8_t nonce[12], uint32_t counter, uint8_t out[64]);
void bare_poly1305_begin(struct bare_poly1305 *p, const uint8_t key[32]);
/* Padded with 0 to whole blocks, as the AEAD wants each of its parts. */
void bare_poly1305_padded(struct bare_poly1305 *p, const uint8_t *data, size_t length);
void bare_poly1305_finish(struct bare_poly1305 *p, uint8_t tag[16]);
int bare_x25519(void *context, uint8_t out[32], const uint8_t scalar[32], const uint8_t point[32]);

#endif
