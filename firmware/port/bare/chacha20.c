#include "crypto.h"

#include "espota/bytes.h"
#include "espota/crypto.h"

#include <string.h>

static uint32_t turn_left(uint32_t x, unsigned by)
{
    return x << by | x >> (32 - by);
}

static void quarter(uint32_t *x, unsigned i, unsigned k, unsigned l, unsigned m)
{
    uint32_t a = x[i], b = x[k], c = x[l], d = x[m];
    a += b;
    d = turn_left(d ^ a, 16);
    c += d;
    b = turn_left(b ^ c, 12);
    a += b;
    d = turn_left(d ^ a, 8);
    c += d;
    b = turn_left(b ^ c, 7);
    x[i] = a;
    x[k] = b;
    x[l] = c;
    x[m] = d;
}

/* RFC 8439, 2.3 */
void bare_chacha20_block(const uint8_t key[32], const uint8_t nonce[12], uint32_t counter, uint8_t out[64])
{
    uint32_t start[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 }, x[16];
    for (unsigned i = 0; i < 8; i++)
        start[4 + i] = espota_get_le32(key + 4 * i);
    start[12] = counter;
    for (unsigned i = 0; i < 3; i++)
        start[13 + i] = espota_get_le32(nonce + 4 * i);
    memcpy(x, start, sizeof x);
    for (unsigned round = 0; round < 20; round++)
        for (unsigned i = 0; i < 4; i++) {
            unsigned shift = round % 2; /* columns, then diagonals */
            quarter(x, i, 4 + (i + shift) % 4, 8 + (i + 2 * shift) % 4, 12 + (i + 3 * shift) % 4);
        }
    for (unsigned i = 0; i < 16; i++)
        espota_put_le32(out + 4 * i, x[i] + start[i]);
}

static void encrypt(const uint8_t key[32], const uint8_t nonce[12], uint8_t *data, size_t length)
{
    uint8_t block[64];
    for (uint32_t counter = 1; length > 0; counter++) {
        size_t take = length < sizeof block ? length : sizeof block;
        bare_chacha20_block(key, nonce, counter, block);
        for (size_t i = 0; i < take; i++)
            data[i] ^= block[i];
        data += take;
        length -= take;
    }
}

static void put_nonce(uint8_t nonce[12], uint32_t number)
{
    memset(nonce, 0, 12);
    espota_put_le32(nonce + 4, number);
}

/* RFC 8439, 2.8 */
static void make_tag(const uint8_t key[32], const uint8_t nonce[12], const uint8_t *extra,
                     size_t extra_length, const uint8_t *data, size_t length, uint8_t tag[ESPOTA_TAG_SIZE])
{
    struct bare_poly1305 p;
    uint8_t once[64], lengths[16] = { 0 };
    bare_chacha20_block(key, nonce, 0, once);
    bare_poly1305_begin(&p, once);
    bare_poly1305_padded(&p, extra, extra_length);
    bare_poly1305_padded(&p, data, length);
    espota_put_le32(lengths, (uint32_t)extra_length);
    espota_put_le32(lengths + 8, (uint32_t)length);
    bare_poly1305_padded(&p, lengths, sizeof lengths);
    bare_poly1305_finish(&p, tag);
}

static int seal(void *context, const uint8_t *key, uint32_t number, const uint8_t *extra, size_t extra_length,
                uint8_t *data, size_t length)
{
    uint8_t nonce[12];
    (void)context;
    put_nonce(nonce, number);
    encrypt(key, nonce, data, length);
    make_tag(key, nonce, extra, extra_length, data, length, data + length);
    return 0;
}

static int open_sealed(void *context, const uint8_t *key, uint32_t number, const uint8_t *extra,
                       size_t extra_length, uint8_t *data, size_t length)
{
    uint8_t nonce[12], tag[ESPOTA_TAG_SIZE], difference = 0;
    (void)context;
    put_nonce(nonce, number);
    make_tag(key, nonce, extra, extra_length, data, length, tag);
    for (size_t i = 0; i < sizeof tag; i++)
        difference |= tag[i] ^ data[length + i];
    if (difference != 0)
        return -1;
    encrypt(key, nonce, data, length);
    return 0;
}

const struct espota_crypto bare_crypto = { NULL, seal, open_sealed, bare_x25519 };
