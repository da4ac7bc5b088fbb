/* NVS encryption: nvs_encrypted_partition.cpp of ESP-IDF's nvs_flash. */
#include "espota/bytes.h"
#include "espota/crc32.h"
#include "espota/nvs_values.h"

#include <openssl/evp.h>
#include <string.h>

enum { EMPTY = 3, TWEAK = 16, HEADER = 64 };

static bool crypt_entry(EVP_CIPHER_CTX *context, uint8_t *entry, uint32_t address)
{
    uint8_t tweak[TWEAK] = { 0 };
    int length = 0;
    espota_put_le32(tweak, address);
    return EVP_CipherInit_ex(context, NULL, NULL, NULL, tweak, -1) == 1 &&
           EVP_CipherUpdate(context, entry, &length, entry, ESPOTA_NVS_ENTRY) == 1;
}

static bool crypt_pages(EVP_CIPHER_CTX *context, uint8_t *image, size_t size)
{
    for (size_t at = 0; at + ESPOTA_NVS_PAGE <= size; at += ESPOTA_NVS_PAGE)
        for (unsigned i = 0; i < ESPOTA_NVS_ENTRIES; i++) {
            size_t entry = at + HEADER + (size_t)i * ESPOTA_NVS_ENTRY;
            if (espota_nvs_entry_state(image + at, i) != EMPTY &&
                !crypt_entry(context, image + entry, (uint32_t)entry))
                return false;
        }
    return true;
}

static int crypt_image(uint8_t *image, size_t size, const uint8_t key[ESPOTA_NVS_KEYS], int encrypt,
                       struct espota_error *error)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool done = context && EVP_CipherInit_ex(context, EVP_aes_256_xts(), NULL, key, NULL, encrypt) == 1 &&
                crypt_pages(context, image, size);
    EVP_CIPHER_CTX_free(context);
    return done ? 0
                : espota_fail(error, ESPOTA_ERR_FAILED, "cannot %s NVS: the key is refused",
                              encrypt ? "encrypt" : "decrypt");
}

int espota_nvs_encrypt(uint8_t *image, size_t size, const uint8_t key[ESPOTA_NVS_KEYS],
                       struct espota_error *error)
{
    return crypt_image(image, size, key, 1, error);
}

int espota_nvs_decrypt(uint8_t *image, size_t size, const uint8_t key[ESPOTA_NVS_KEYS],
                       struct espota_error *error)
{
    return crypt_image(image, size, key, 0, error);
}

int espota_nvs_keys_read(uint8_t key[ESPOTA_NVS_KEYS], const uint8_t *data, size_t size,
                         struct espota_error *error)
{
    if (size < ESPOTA_NVS_KEYS + 4 ||
        espota_crc32(UINT32_MAX, data, ESPOTA_NVS_KEYS) != espota_get_le32(data + ESPOTA_NVS_KEYS))
        return espota_fail(error, ESPOTA_ERR_VERIFY,
                           "it is no nvs_keys partition: 64 bytes of keys and their CRC");
    memcpy(key, data, ESPOTA_NVS_KEYS);
    return 0;
}
