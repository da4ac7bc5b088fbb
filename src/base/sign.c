#include "espota/sign.h"

#include "espota/buffer.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/hash.h"
#include "espota/image.h"
#include "espota/image_file.h"
#include "espota/random.h"
#include "espota/table_file.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER = ESPOTA_P256_SIZE / 2, LARGEST_DER = 80 };

struct espota_signer {
    EVP_PKEY *key;
};

/* ---- keys ------------------------------------------------------------------------------------------------
 */

static bool is_p256(const EVP_PKEY *key)
{
    char group[32] = "";
    size_t length = 0;
    return EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_group_name(key, group, sizeof group, &length) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

/* Nobody is asked for a passphrase: scripts call. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static EVP_PKEY *read_pem(const struct espota_bytes *pem, bool private_key)
{
    EVP_PKEY *key = NULL;
    BIO *text = pem->size > 0 && pem->size <= ESPOTA_SIGNER_LARGEST
                    ? BIO_new_mem_buf(pem->data, (int)pem->size)
                    : NULL;
    if (text)
        key = PEM_read_bio_PrivateKey(text, NULL, no_passphrase, NULL);
    if (text && !key && !private_key && BIO_reset(text) == 1)
        key = PEM_read_bio_PUBKEY(text, NULL, no_passphrase, NULL);
    BIO_free(text);
    return key;
}

static int no_key(const char *name, bool private_key, struct espota_error *error)
{
    return espota_fail_hint(error, ESPOTA_ERR_USAGE, private_key ? ESPOTA_HINT_MAKE_KEY : ESPOTA_HINT_NONE,
                            "%s is no %s key of curve P-256 in PEM, without a passphrase", name,
                            private_key ? "private" : "public");
}

int espota_signer_parse(struct espota_signer **signer, const struct espota_bytes *pem, const char *name,
                        bool private_key, struct espota_error *error)
{
    *signer = NULL;
    EVP_PKEY *key = read_pem(pem, private_key);
    if (!key || !is_p256(key)) {
        EVP_PKEY_free(key);
        return no_key(name, private_key, error);
    }
    *signer = calloc(1, sizeof **signer);
    if (!*signer) {
        EVP_PKEY_free(key);
        return espota_fail_memory(error, "reading a key");
    }
    (*signer)->key = key;
    return 0;
}

/* A flash dump by mistake is no key, and OpenSSL would look through all of it. */
int espota_signer_load(struct espota_signer **signer, const char *path, bool private_key,
                       struct espota_error *error)
{
    struct espota_bytes pem = { 0 };
    *signer = NULL;
    int result = espota_file_read(path, ESPOTA_SIGNER_LARGEST, &pem, error);
    if (result == 0)
        result = espota_signer_parse(signer, &pem, path, private_key, error);
    else if (result == ESPOTA_ERR_TOO_BIG)
        result = no_key(path, private_key, error);
    espota_wipe(pem.data, pem.size);
    espota_bytes_free(&pem);
    return result;
}

void espota_signer_free(struct espota_signer *signer)
{
    if (!signer)
        return;
    EVP_PKEY_free(signer->key);
    free(signer);
}

static int write_pem(EVP_PKEY *key, const char *path, bool private_key, struct espota_error *error)
{
    BIO *memory = BIO_new(private_key ? BIO_s_secmem() : BIO_s_mem());
    char *text = NULL;
    int good = 0, result;
    if (memory)
        good = private_key ? PEM_write_bio_PKCS8PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL)
                           : PEM_write_bio_PUBKEY(memory, key);
    long size = good == 1 ? BIO_get_mem_data(memory, &text) : 0;
    if (size > 0)
        result = espota_file_create(path, text, (size_t)size, private_key, error);
    else
        result = espota_fail(error, ESPOTA_ERR_FAILED, "the crypto library does not write the key %s", path);
    BIO_free(memory);
    return result;
}

int espota_signer_create(const char *path, struct espota_error *error)
{
    size_t room = strlen(path) + sizeof ".pub";
    char *public_path = malloc(room);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    int result = 0;
    if (!public_path || !key) {
        result = espota_fail(error, ESPOTA_ERR_FAILED, "the crypto library makes no key");
    } else {
        snprintf(public_path, room, "%s.pub", path);
        result = write_pem(key, path, true, error);
        if (result == 0)
            result = write_pem(key, public_path, false, error);
    }
    EVP_PKEY_free(key);
    free(public_path);
    return result;
}

int espota_signer_public(const struct espota_signer *signer, uint8_t point[ESPOTA_P256_SIZE])
{
    BIGNUM *x = NULL, *y = NULL;
    bool good = EVP_PKEY_get_bn_param(signer->key, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
                EVP_PKEY_get_bn_param(signer->key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 &&
                BN_bn2binpad(x, point, NUMBER) == NUMBER && BN_bn2binpad(y, point + NUMBER, NUMBER) == NUMBER;
    BN_free(x);
    BN_free(y);
    return good ? 0 : -1;
}

/* ---- signatures ------------------------------------------------------------------------------------------
 */

/* OpenSSL's are in DER. */
static int to_der(const uint8_t r_s[ESPOTA_P256_SIZE], uint8_t der[LARGEST_DER], size_t *length)
{
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(r_s, NUMBER, NULL), *s = BN_bin2bn(r_s + NUMBER, NUMBER, NULL);
    int size = -1;
    if (signature && r && s && ECDSA_SIG_set0(signature, r, s) == 1) {
        r = s = NULL; /* the signature's now */
        size = i2d_ECDSA_SIG(signature, NULL);
        if (size > 0 && size <= LARGEST_DER)
            size = i2d_ECDSA_SIG(signature, &der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(signature);
    *length = size > 0 ? (size_t)size : 0;
    return size > 0 && size <= LARGEST_DER ? 0 : -1;
}

static int from_der(const uint8_t *der, size_t length, uint8_t r_s[ESPOTA_P256_SIZE])
{
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)length);
    bool good = signature && BN_bn2binpad(ECDSA_SIG_get0_r(signature), r_s, NUMBER) == NUMBER &&
                BN_bn2binpad(ECDSA_SIG_get0_s(signature), r_s + NUMBER, NUMBER) == NUMBER;
    ECDSA_SIG_free(signature);
    return good ? 0 : -1;
}

static int sign(const struct espota_signer *signer, const uint8_t digest[ESPOTA_SHA256_LENGTH],
                uint8_t r_s[ESPOTA_P256_SIZE])
{
    uint8_t der[LARGEST_DER];
    size_t length = sizeof der;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(signer->key, NULL);
    bool good = context && EVP_PKEY_sign_init(context) == 1 &&
                EVP_PKEY_sign(context, der, &length, digest, ESPOTA_SHA256_LENGTH) == 1;
    EVP_PKEY_CTX_free(context);
    return good ? from_der(der, length, r_s) : -1;
}

int espota_signer_check(const struct espota_signer *signer, const uint8_t digest[ESPOTA_SHA256_LENGTH],
                        const uint8_t r_s[ESPOTA_P256_SIZE])
{
    uint8_t der[LARGEST_DER];
    size_t length;
    if (to_der(r_s, der, &length) != 0)
        return -1;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(signer->key, NULL);
    bool good = context && EVP_PKEY_verify_init(context) == 1 &&
                EVP_PKEY_verify(context, der, length, digest, ESPOTA_SHA256_LENGTH) == 1;
    EVP_PKEY_CTX_free(context);
    return good ? 0 : -1;
}

/* ---- images ----------------------------------------------------------------------------------------------
 */

static int append_blank(struct espota_bytes *bytes, size_t size, struct espota_error *error)
{
    uint8_t blank[256];
    memset(blank, 0xff, sizeof blank);
    int result = 0;
    while (result == 0 && bytes->size < size) {
        size_t left = size - bytes->size;
        result = espota_bytes_append(bytes, blank, left < sizeof blank ? left : sizeof blank, error);
    }
    return result;
}

int espota_sign_image(const struct espota_signer *signer, const struct espota_bytes *image,
                      struct espota_bytes *signed_image, struct espota_error *error)
{
    struct espota_image found;
    struct espota_signature signature;
    uint8_t block[ESPOTA_SIGNATURE_BLOCK_SIZE];
    char words[ESPOTA_PROBLEM_TEXT];
    enum espota_image_verdict verdict = espota_image_examine_memory(&found, image->data, image->size);
    if (verdict != ESPOTA_IMAGE_OK)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "nothing to sign: %s",
                           espota_image_verdict_text(verdict, &found, words));
    size_t end = espota_signature_offset(found.length);
    int result = espota_bytes_append(signed_image, image->data, found.length, error);
    if (result == 0)
        result = append_blank(signed_image, end, error);
    if (result == 0 && (espota_sha256(signed_image->data, end, signature.digest) != 0 ||
                        espota_signer_public(signer, signature.public_key) != 0 ||
                        sign(signer, signature.digest, signature.r_s) != 0))
        result = espota_fail(error, ESPOTA_ERR_FAILED, "the crypto library does not sign");
    if (result != 0)
        return result;
    espota_signature_format(&signature, block);
    result = espota_bytes_append(signed_image, block, sizeof block, error);
    return result ? result : append_blank(signed_image, end + ESPOTA_SIGNATURE_SECTOR, error);
}

int espota_sign_check_image(const struct espota_signer *signer, const char *name,
                            const struct espota_bytes *image, struct espota_error *error)
{
    struct espota_image found;
    struct espota_signature signature;
    uint8_t digest[ESPOTA_SHA256_LENGTH];
    if (espota_image_examine_memory(&found, image->data, image->size) != ESPOTA_IMAGE_OK)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is no intact image", name);
    size_t end = espota_signature_offset(found.length);
    if (image->size < end + ESPOTA_SIGNATURE_BLOCK_SIZE ||
        !espota_signature_parse(&signature, image->data + end))
        return espota_fail_hint(error, ESPOTA_ERR_VERIFY, ESPOTA_HINT_SIGN, "%s is not signed", name);
    if (espota_sha256(image->data, end, digest) != 0 || memcmp(digest, signature.digest, sizeof digest) != 0)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s was changed after it was signed", name);
    if (espota_signer_check(signer, digest, signature.r_s) != 0)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is signed, but not with this key", name);
    return 0;
}
