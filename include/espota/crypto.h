/** The ciphers of a session behind an interface, as espota/hash.h has it for digests: OpenSSL on the host,
 * PSA in ESP-IDF, code of our own on a bare chip. */
#ifndef ESPOTA_CRYPTO_H
#define ESPOTA_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#define ESPOTA_CIPHER_KEY_SIZE 32
#define ESPOTA_TAG_SIZE        16
#define ESPOTA_X25519_SIZE     32

/** `context` belongs to whoever filled in the struct. Every function returns 0 or -1. */
struct espota_crypto {
    void *context;
    /** ChaCha20-Poly1305 (RFC 8439) with the nonce of the Noise protocol: four bytes 0, then `number` as 64
     * bits, little-endian. Encrypts `length` bytes at `data` in place and puts the tag of them and of `extra`
     * behind them, where there is room for ESPOTA_TAG_SIZE. */
    int (*seal)(void *context, const uint8_t key[ESPOTA_CIPHER_KEY_SIZE], uint32_t number,
                const uint8_t *extra, size_t extra_length, uint8_t *data, size_t length);
    /** The reverse; `length` does not count the tag. -1 when the tag is wrong: what is at `data` then is of
     * no use. */
    int (*open)(void *context, const uint8_t key[ESPOTA_CIPHER_KEY_SIZE], uint32_t number,
                const uint8_t *extra, size_t extra_length, uint8_t *data, size_t length);
    /** X25519 (RFC 7748). -1 also when the result is all 0. */
    int (*x25519)(void *context, uint8_t out[ESPOTA_X25519_SIZE], const uint8_t scalar[ESPOTA_X25519_SIZE],
                  const uint8_t point[ESPOTA_X25519_SIZE]);
};

#endif
