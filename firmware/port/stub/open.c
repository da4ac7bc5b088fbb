/* The stub has no key: its sessions are open, and it needs no handshake. */
#include "espota/noise.h"

#include <string.h>

int espota_noise_begin(struct espota_noise *noise, const struct espota_hash *sha256,
                       const struct espota_crypto *crypto)
{
    (void)noise;
    (void)sha256;
    (void)crypto;
    return -1;
}

int espota_noise_prologue(struct espota_noise *noise, const void *data, size_t length)
{
    (void)noise;
    (void)data;
    (void)length;
    return -1;
}

int espota_noise_read_first(struct espota_noise *noise, const uint8_t psk[ESPOTA_NOISE_KEY_SIZE],
                            uint8_t *message, size_t length)
{
    (void)noise;
    (void)psk;
    (void)message;
    (void)length;
    return -1;
}

int espota_noise_write_second(struct espota_noise *noise, const uint8_t ephemeral[ESPOTA_X25519_SIZE],
                              uint8_t *message, size_t payload, struct espota_noise_keys *keys)
{
    (void)noise;
    (void)ephemeral;
    (void)message;
    (void)payload;
    (void)keys;
    return -1;
}

int espota_noise_psk(const struct espota_hash *sha256, const uint8_t *key, size_t key_length,
                     uint8_t psk[ESPOTA_NOISE_KEY_SIZE])
{
    (void)sha256;
    (void)key;
    (void)key_length;
    (void)psk;
    return -1;
}

void espota_noise_forget(void *secret, size_t length)
{
    memset(secret, 0, length);
}
