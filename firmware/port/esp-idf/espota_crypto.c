/* The crypto of the component, through PSA. */
#include "espota_private.h"

#include "espota/bytes.h"
#include "espota/crypto.h"
#include "espota/hash.h"

#include "esp_random.h"
#include "esp_rom_md5.h"

#include <string.h>

/* Kconfig selects these; a build that loses them would refuse every key, and only say so on the device. */
#if !defined(PSA_WANT_ALG_CHACHA20_POLY1305) || !defined(PSA_WANT_KEY_TYPE_CHACHA20) ||                      \
    !defined(PSA_WANT_ALG_ECDH) || !defined(PSA_WANT_ECC_MONTGOMERY_255)
#error                                                                                                       \
    "espota: mbedTLS is built without ChaCha20-Poly1305 or X25519 (CONFIG_MBEDTLS_CHACHAPOLY_C, ..._CURVE25519_ENABLED)"
#endif
#if !defined(PSA_WANT_ALG_ECDSA) || !defined(PSA_WANT_ECC_SECP_R1_256) || !defined(PSA_WANT_ALG_SHA_256)
#error "espota: mbedTLS is built without ECDSA over P-256 with SHA-256"
#endif

enum { POINT = 65, NONCE = 12 };

/* ---- digests, random numbers, signatures ------------------------------------------------------------------
 */

static int sha256_begin(void *context)
{
    psa_hash_operation_t *sha256 = context;
    (void)psa_hash_abort(sha256);
    *sha256 = psa_hash_operation_init();
    return psa_hash_setup(sha256, PSA_ALG_SHA_256) == PSA_SUCCESS ? 0 : -1;
}

static int sha256_update(void *context, const void *data, size_t length)
{
    return psa_hash_update(context, data, length) == PSA_SUCCESS ? 0 : -1;
}

static int sha256_finish(void *context, uint8_t *digest)
{
    size_t length = 0;
    return psa_hash_finish(context, digest, ESPOTA_SHA256_LENGTH, &length) == PSA_SUCCESS ? 0 : -1;
}

static int sha256_so_far(void *context, uint8_t *digest)
{
    psa_hash_operation_t copy = psa_hash_operation_init();
    size_t length = 0;
    bool done = psa_hash_clone(context, &copy) == PSA_SUCCESS &&
                psa_hash_finish(&copy, digest, ESPOTA_SHA256_LENGTH, &length) == PSA_SUCCESS;
    (void)psa_hash_abort(&copy);
    return done ? 0 : -1;
}

struct espota_hash espota_idf_sha256(psa_hash_operation_t *operation)
{
    return (struct espota_hash){ operation, sha256_begin, sha256_update, sha256_finish, sha256_so_far };
}

int espota_idf_md5(const void *data, size_t length, uint8_t digest[ESPOTA_MD5_LENGTH])
{
    md5_context_t context;
    esp_rom_md5_init(&context);
    esp_rom_md5_update(&context, data, (uint32_t)length);
    esp_rom_md5_final(digest, &context);
    return 0;
}

int espota_idf_random(void *context, uint8_t *out, size_t length)
{
    (void)context;
    esp_fill_random(out, length);
    return 0;
}

int espota_idf_check_signature(void *context, const uint8_t digest[ESPOTA_SHA256_LENGTH],
                               const uint8_t r_s[ESPOTA_P256_SIZE])
{
    const struct espota_idf *e = context;
    return psa_verify_hash(e->owner_key, PSA_ALG_ECDSA(PSA_ALG_SHA_256), digest, ESPOTA_SHA256_LENGTH, r_s,
                           ESPOTA_P256_SIZE) == PSA_SUCCESS
               ? 0
               : -1;
}

esp_err_t espota_idf_import_owner(struct espota_idf *e)
{
    psa_key_attributes_t attributes = psa_key_attributes_init();
    uint8_t point[POINT] = { 0x04 }; /* uncompressed */
    memcpy(point + 1, e->config.owner, POINT - 1);
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_PUBLIC_KEY(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_bits(&attributes, 256);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_VERIFY_HASH);
    psa_set_key_algorithm(&attributes, PSA_ALG_ECDSA(PSA_ALG_SHA_256));
    return psa_import_key(&attributes, point, sizeof point, &e->owner_key) == PSA_SUCCESS
               ? ESP_OK
               : ESP_ERR_INVALID_ARG;
}

/* ---- ciphers of a session -------------------------------------------------------------------------------
 */

static psa_status_t import(psa_key_type_t type, size_t bits, psa_key_usage_t usage, psa_algorithm_t algorithm,
                           const uint8_t *data, psa_key_id_t *id)
{
    psa_key_attributes_t attributes = psa_key_attributes_init();
    psa_set_key_type(&attributes, type);
    psa_set_key_bits(&attributes, bits);
    psa_set_key_usage_flags(&attributes, usage);
    psa_set_key_algorithm(&attributes, algorithm);
    return psa_import_key(&attributes, data, bits == 255 ? 32 : bits / 8, id);
}

static void put_nonce(uint8_t nonce[NONCE], uint32_t number)
{
    memset(nonce, 0, NONCE);
    espota_put_le32(nonce + 4, number);
}

/* In place, which PSA allows where both buffers are the same. */
static int seal(void *context, const uint8_t *key, uint32_t number, const uint8_t *extra, size_t extra_length,
                uint8_t *data, size_t length)
{
    psa_key_id_t id = PSA_KEY_ID_NULL;
    uint8_t nonce[NONCE];
    size_t done = 0;
    (void)context;
    put_nonce(nonce, number);
    psa_status_t status =
        import(PSA_KEY_TYPE_CHACHA20, 256, PSA_KEY_USAGE_ENCRYPT, PSA_ALG_CHACHA20_POLY1305, key, &id);
    if (status == PSA_SUCCESS)
        status = psa_aead_encrypt(id, PSA_ALG_CHACHA20_POLY1305, nonce, sizeof nonce, extra, extra_length,
                                  data, length, data, length + ESPOTA_TAG_SIZE, &done);
    (void)psa_destroy_key(id);
    return status == PSA_SUCCESS && done == length + ESPOTA_TAG_SIZE ? 0 : -1;
}

static int open_sealed(void *context, const uint8_t *key, uint32_t number, const uint8_t *extra,
                       size_t extra_length, uint8_t *data, size_t length)
{
    psa_key_id_t id = PSA_KEY_ID_NULL;
    uint8_t nonce[NONCE];
    size_t done = 0;
    (void)context;
    put_nonce(nonce, number);
    psa_status_t status =
        import(PSA_KEY_TYPE_CHACHA20, 256, PSA_KEY_USAGE_DECRYPT, PSA_ALG_CHACHA20_POLY1305, key, &id);
    if (status == PSA_SUCCESS)
        status = psa_aead_decrypt(id, PSA_ALG_CHACHA20_POLY1305, nonce, sizeof nonce, extra, extra_length,
                                  data, length + ESPOTA_TAG_SIZE, data, length + ESPOTA_TAG_SIZE, &done);
    (void)psa_destroy_key(id);
    return status == PSA_SUCCESS && done == length ? 0 : -1;
}

static int x25519(void *context, uint8_t *out, const uint8_t *scalar, const uint8_t *point)
{
    psa_key_id_t id = PSA_KEY_ID_NULL;
    size_t done = 0;
    uint8_t any = 0;
    (void)context;
    psa_status_t status = import(PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_MONTGOMERY), 255,
                                 PSA_KEY_USAGE_DERIVE, PSA_ALG_ECDH, scalar, &id);
    if (status == PSA_SUCCESS)
        status = psa_raw_key_agreement(PSA_ALG_ECDH, id, point, ESPOTA_X25519_SIZE, out, ESPOTA_X25519_SIZE,
                                       &done);
    (void)psa_destroy_key(id);
    for (size_t i = 0; i < ESPOTA_X25519_SIZE; i++)
        any |= out[i];
    return status == PSA_SUCCESS && done == ESPOTA_X25519_SIZE && any != 0 ? 0 : -1;
}

const struct espota_crypto espota_idf_crypto = { NULL, seal, open_sealed, x25519 };
