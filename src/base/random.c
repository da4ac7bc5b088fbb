/* Random numbers, the ciphers of sessions, secrets: by OpenSSL. */
#include "espota/random.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <string.h>

enum { NONCE = 12 };

static void put_nonce(uint8_t nonce[NONCE], uint32_t number)
{
    memset(nonce, 0, NONCE);
    for (unsigned i = 0; i < 4; i++)
        nonce[4 + i] = (uint8_t)(number >> 8 * i);
}

static int update(EVP_CIPHER_CTX *c, uint8_t *out, const uint8_t *in, size_t length)
{
    int done = 0;
    return length == 0 || (EVP_CipherUpdate(c, out, &done, in, (int)length) == 1 && done == (int)length);
}

static int seal(void *context, const uint8_t *key, uint32_t number, const uint8_t *extra, size_t extra_length,
                uint8_t *data, size_t length)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    uint8_t nonce[NONCE];
    int rest = 0;
    (void)context;
    put_nonce(nonce, number);
    bool done = c && length <= INT_MAX && extra_length <= INT_MAX &&
                EVP_EncryptInit_ex(c, EVP_chacha20_poly1305(), NULL, key, nonce) == 1 &&
                update(c, NULL, extra, extra_length) && update(c, data, data, length) &&
                EVP_EncryptFinal_ex(c, data + length, &rest) == 1 &&
                EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, ESPOTA_TAG_SIZE, data + length) == 1;
    EVP_CIPHER_CTX_free(c);
    return done ? 0 : -1;
}

static int open_sealed(void *context, const uint8_t *key, uint32_t number, const uint8_t *extra,
                       size_t extra_length, uint8_t *data, size_t length)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    uint8_t nonce[NONCE], tag[ESPOTA_TAG_SIZE], end[1];
    int rest = 0;
    (void)context;
    put_nonce(nonce, number);
    memcpy(tag, data + length, sizeof tag);
    bool done = c && length <= INT_MAX && extra_length <= INT_MAX &&
                EVP_DecryptInit_ex(c, EVP_chacha20_poly1305(), NULL, key, nonce) == 1 &&
                EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, ESPOTA_TAG_SIZE, tag) == 1 &&
                update(c, NULL, extra, extra_length) && update(c, data, data, length) &&
                EVP_DecryptFinal_ex(c, end, &rest) == 1;
    EVP_CIPHER_CTX_free(c);
    return done ? 0 : -1;
}

static int x25519(void *context, uint8_t *out, const uint8_t *scalar, const uint8_t *point)
{
    EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, scalar, ESPOTA_X25519_SIZE);
    EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, point, ESPOTA_X25519_SIZE);
    EVP_PKEY_CTX *c = own && peer ? EVP_PKEY_CTX_new(own, NULL) : NULL;
    size_t length = ESPOTA_X25519_SIZE;
    (void)context;
    bool done = c && EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer(c, peer) == 1 &&
                EVP_PKEY_derive(c, out, &length) == 1 && length == ESPOTA_X25519_SIZE;
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(own);
    EVP_PKEY_free(peer);
    return done ? 0 : -1;
}

const struct espota_crypto espota_crypto_openssl = { NULL, seal, open_sealed, x25519 };

void espota_wipe(void *secret, size_t length)
{
    OPENSSL_cleanse(secret, length);
}

int espota_random(void *out, size_t length)
{
    return length <= INT_MAX && RAND_bytes(out, (int)length) == 1 ? 0 : -1;
}
