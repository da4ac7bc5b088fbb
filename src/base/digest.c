#include "espota/digest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <stdlib.h>

struct openssl_hash {
    struct espota_hash hash;
    EVP_MD_CTX *context;
    const EVP_MD *algorithm;
};

static int begin(void *context)
{
    struct openssl_hash *h = context;
    return EVP_DigestInit_ex(h->context, h->algorithm, NULL) == 1 ? 0 : -1;
}

static int update(void *context, const void *data, size_t length)
{
    struct openssl_hash *h = context;
    return EVP_DigestUpdate(h->context, data, length) == 1 ? 0 : -1;
}

static int finish(void *context, uint8_t *digest)
{
    struct openssl_hash *h = context;
    return EVP_DigestFinal_ex(h->context, digest, NULL) == 1 ? 0 : -1;
}

static int so_far(void *context, uint8_t *digest)
{
    const struct openssl_hash *h = context;
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    bool done =
        copy && EVP_MD_CTX_copy_ex(copy, h->context) == 1 && EVP_DigestFinal_ex(copy, digest, NULL) == 1;
    EVP_MD_CTX_free(copy);
    return done ? 0 : -1;
}

static const EVP_MD *algorithm_of(enum espota_hash_kind kind)
{
    return kind == ESPOTA_HASH_MD5 ? EVP_md5() : EVP_sha256();
}

struct espota_hash *espota_hash_new(enum espota_hash_kind kind)
{
    struct openssl_hash *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->context = EVP_MD_CTX_new();
    h->algorithm = algorithm_of(kind);
    h->hash = (struct espota_hash){ h, begin, update, finish, so_far };
    if (!h->context || begin(h) != 0) {
        espota_hash_free(&h->hash);
        return NULL;
    }
    return &h->hash;
}

void espota_hash_free(struct espota_hash *hash)
{
    if (!hash)
        return;
    struct openssl_hash *h = hash->context;
    EVP_MD_CTX_free(h->context);
    free(h);
}

static int digest(enum espota_hash_kind kind, const void *data, size_t length, uint8_t *out)
{
    return EVP_Digest(data, length, out, NULL, algorithm_of(kind), NULL) == 1 ? 0 : -1;
}

int espota_md5(const void *data, size_t length, uint8_t out[ESPOTA_MD5_LENGTH])
{
    return digest(ESPOTA_HASH_MD5, data, length, out);
}

int espota_sha256(const void *data, size_t length, uint8_t out[ESPOTA_SHA256_LENGTH])
{
    return digest(ESPOTA_HASH_SHA256, data, length, out);
}

static int hmac(EVP_MAC_CTX *context, const void *key, size_t key_length, const void *first,
                size_t first_length, const void *second, size_t second_length, uint8_t *mac)
{
    char algorithm[] = "SHA256";
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, algorithm, 0),
                            OSSL_PARAM_construct_end() };
    size_t length = 0;
    return EVP_MAC_init(context, key, key_length, params) == 1 &&
                   EVP_MAC_update(context, first, first_length) == 1 &&
                   EVP_MAC_update(context, second, second_length) == 1 &&
                   EVP_MAC_final(context, mac, &length, ESPOTA_SHA256_LENGTH) == 1
               ? 0
               : -1;
}

int espota_hmac_sha256(const void *key, size_t key_length, const void *first, size_t first_length,
                       const void *second, size_t second_length, uint8_t mac[ESPOTA_SHA256_LENGTH])
{
    EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(algorithm);
    int result =
        context ? hmac(context, key, key_length, first, first_length, second, second_length, mac) : -1;
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(algorithm);
    return result;
}

int espota_pbkdf2_sha256(const void *password, size_t password_length, const void *salt, size_t salt_length,
                         unsigned rounds, uint8_t *key, size_t length)
{
    return PKCS5_PBKDF2_HMAC(password, (int)password_length, salt, (int)salt_length, (int)rounds,
                             EVP_sha256(), (int)length, key) == 1
               ? 0
               : -1;
}
