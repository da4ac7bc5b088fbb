#include "espota/noise.h"
#include "espota/crypto.h"
#include "espota/hash.h"

#include <string.h>

enum { SHA256_BLOCK = 64, LENGTH = ESPOTA_SHA256_LENGTH };

struct part {
    const void *data;
    size_t length;
};

static const char protocol_name[] = "Noise_NNpsk0_25519_ChaChaPoly_SHA256";

void espota_noise_forget(void *secret, size_t length)
{
    volatile uint8_t *bytes = secret;
    while (length-- > 0)
        *bytes++ = 0;
}

/* ---- hashes ---------------------------------------------------------------------------------------------
 */

static int hash(const struct espota_hash *h, const struct part *parts, size_t count, uint8_t digest[LENGTH])
{
    if (h->begin(h->context) != 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (parts[i].length > 0 && h->update(h->context, parts[i].data, parts[i].length) != 0)
            return -1;
    return h->finish(h->context, digest);
}

/* HMAC-SHA256 (RFC 2104) of two parts, for keys of at most a block. */
static int hmac(const struct espota_hash *h, const uint8_t *key, size_t key_length, struct part first,
                struct part second, uint8_t digest[LENGTH])
{
    uint8_t inner[SHA256_BLOCK], outer[SHA256_BLOCK];
    for (size_t i = 0; i < SHA256_BLOCK; i++) {
        uint8_t k = i < key_length ? key[i] : 0;
        inner[i] = k ^ 0x36;
        outer[i] = k ^ 0x5c;
    }
    const struct part all[] = { { inner, sizeof inner }, first, second };
    int result = hash(h, all, 3, digest);
    const struct part again[] = { { outer, sizeof outer }, { digest, LENGTH } };
    if (result == 0)
        result = hash(h, again, 2, digest);
    espota_noise_forget(inner, sizeof inner);
    espota_noise_forget(outer, sizeof outer);
    return result;
}

int espota_noise_psk(const struct espota_hash *sha256, const uint8_t *key, size_t key_length,
                     uint8_t psk[ESPOTA_NOISE_KEY_SIZE])
{
    static const char label[] = ESPOTA_NOISE_PSK_LABEL;
    if (key_length == 0 || key_length > SHA256_BLOCK)
        return -1;
    return hmac(sha256, key, key_length, (struct part){ label, sizeof label - 1 }, (struct part){ NULL, 0 },
                psk);
}

/* HKDF of the specification, 4.3: `count` outputs of 32 bytes from the chaining key and `input`. */
static int derive(const struct espota_noise *n, struct part input, uint8_t (*out)[LENGTH], uint8_t count)
{
    uint8_t temporary[LENGTH];
    int result = hmac(n->sha256, n->chain, LENGTH, input, (struct part){ NULL, 0 }, temporary);
    for (uint8_t i = 1; result == 0 && i <= count; i++) {
        struct part before = { i > 1 ? out[i - 2] : NULL, i > 1 ? LENGTH : 0 };
        result = hmac(n->sha256, temporary, LENGTH, before, (struct part){ &i, 1 }, out[i - 1]);
    }
    espota_noise_forget(temporary, sizeof temporary);
    return result;
}

/* ---- the symmetric state, 5.2 ---------------------------------------------------------------------------
 */

static int mix_hash(struct espota_noise *n, const void *data, size_t length)
{
    const struct part parts[] = { { n->hash, LENGTH }, { data, length } };
    return hash(n->sha256, parts, 2, n->hash);
}

static int mix_key(struct espota_noise *n, const void *input, size_t length, uint8_t key[LENGTH])
{
    uint8_t out[2][LENGTH];
    int result = derive(n, (struct part){ input, length }, out, 2);
    if (result == 0) {
        memcpy(n->chain, out[0], LENGTH);
        memcpy(key, out[1], LENGTH);
    }
    espota_noise_forget(out, sizeof out);
    return result;
}

/* The key that this makes is replaced by that of the ephemeral key before it is used. */
static int mix_psk(struct espota_noise *n, const uint8_t psk[ESPOTA_NOISE_KEY_SIZE])
{
    uint8_t out[3][LENGTH];
    int result = derive(n, (struct part){ psk, ESPOTA_NOISE_KEY_SIZE }, out, 3);
    if (result == 0) {
        memcpy(n->chain, out[0], LENGTH);
        result = mix_hash(n, out[1], LENGTH);
    }
    espota_noise_forget(out, sizeof out);
    return result;
}

/* Every key of this pattern serves once, so the number is always 0. */
static int seal(struct espota_noise *n, const uint8_t key[LENGTH], uint8_t *data, size_t length)
{
    if (n->crypto->seal(n->crypto->context, key, 0, n->hash, LENGTH, data, length) != 0)
        return -1;
    return mix_hash(n, data, length + ESPOTA_TAG_SIZE);
}

static int open_in_place(struct espota_noise *n, const uint8_t key[LENGTH], uint8_t *data, size_t length)
{
    uint8_t before[LENGTH];
    memcpy(before, n->hash, LENGTH);
    if (mix_hash(n, data, length + ESPOTA_TAG_SIZE) != 0)
        return -1;
    return n->crypto->open(n->crypto->context, key, 0, before, LENGTH, data, length);
}

static int split(struct espota_noise *n, struct espota_noise_keys *keys)
{
    uint8_t out[2][LENGTH];
    int result = derive(n, (struct part){ NULL, 0 }, out, 2);
    if (result == 0) {
        memcpy(keys->to_responder, out[0], LENGTH);
        memcpy(keys->to_initiator, out[1], LENGTH);
    }
    espota_noise_forget(out, sizeof out);
    return result;
}

/* ---- tokens, 5.3 and 9.2 --------------------------------------------------------------------------------
 */

/* e, of either side; `key` is what the payload is sealed with where no DH follows. */
static int mix_ephemeral(struct espota_noise *n, const uint8_t *public, uint8_t key[LENGTH])
{
    if (mix_hash(n, public, ESPOTA_X25519_SIZE) != 0)
        return -1;
    return mix_key(n, public, ESPOTA_X25519_SIZE, key);
}

static int write_ephemeral(struct espota_noise *n, const uint8_t ephemeral[ESPOTA_X25519_SIZE],
                           uint8_t *message, uint8_t key[LENGTH])
{
    static const uint8_t base[ESPOTA_X25519_SIZE] = { 9 };
    memcpy(n->ephemeral, ephemeral, sizeof n->ephemeral);
    if (n->crypto->x25519(n->crypto->context, message, ephemeral, base) != 0)
        return -1;
    return mix_ephemeral(n, message, key);
}

/* ee */
static int mix_shared(struct espota_noise *n, uint8_t key[LENGTH])
{
    uint8_t shared[ESPOTA_X25519_SIZE];
    int result = n->crypto->x25519(n->crypto->context, shared, n->ephemeral, n->peer);
    if (result == 0)
        result = mix_key(n, shared, sizeof shared, key);
    espota_noise_forget(shared, sizeof shared);
    return result;
}

/* ---- messages -------------------------------------------------------------------------------------------
 */

int espota_noise_begin(struct espota_noise *n, const struct espota_hash *sha256,
                       const struct espota_crypto *crypto)
{
    const struct part name = { protocol_name, sizeof protocol_name - 1 };
    *n = (struct espota_noise){ .sha256 = sha256, .crypto = crypto };
    if (hash(sha256, &name, 1, n->hash) != 0)
        return -1;
    memcpy(n->chain, n->hash, LENGTH);
    return 0;
}

int espota_noise_prologue(struct espota_noise *n, const void *data, size_t length)
{
    return mix_hash(n, data, length);
}

int espota_noise_write_first(struct espota_noise *n, const uint8_t psk[ESPOTA_NOISE_KEY_SIZE],
                             const uint8_t ephemeral[ESPOTA_X25519_SIZE], uint8_t *message, size_t payload)
{
    uint8_t key[LENGTH];
    int result = mix_psk(n, psk);
    if (result == 0)
        result = write_ephemeral(n, ephemeral, message, key);
    if (result == 0)
        result = seal(n, key, message + ESPOTA_X25519_SIZE, payload);
    espota_noise_forget(key, sizeof key);
    return result;
}

int espota_noise_read_first(struct espota_noise *n, const uint8_t psk[ESPOTA_NOISE_KEY_SIZE],
                            uint8_t *message, size_t length)
{
    uint8_t key[LENGTH];
    if (length < ESPOTA_NOISE_MESSAGE_SIZE)
        return -1;
    int result = mix_psk(n, psk);
    memcpy(n->peer, message, sizeof n->peer);
    if (result == 0)
        result = mix_ephemeral(n, n->peer, key);
    if (result == 0)
        result = open_in_place(n, key, message + ESPOTA_X25519_SIZE, length - ESPOTA_NOISE_MESSAGE_SIZE);
    espota_noise_forget(key, sizeof key);
    return result;
}

int espota_noise_write_second(struct espota_noise *n, const uint8_t ephemeral[ESPOTA_X25519_SIZE],
                              uint8_t *message, size_t payload, struct espota_noise_keys *keys)
{
    uint8_t key[LENGTH];
    int result = write_ephemeral(n, ephemeral, message, key);
    if (result == 0)
        result = mix_shared(n, key);
    if (result == 0)
        result = seal(n, key, message + ESPOTA_X25519_SIZE, payload);
    if (result == 0)
        result = split(n, keys);
    espota_noise_forget(key, sizeof key);
    return result;
}

int espota_noise_read_second(struct espota_noise *n, uint8_t *message, size_t length,
                             struct espota_noise_keys *keys)
{
    uint8_t key[LENGTH];
    if (length < ESPOTA_NOISE_MESSAGE_SIZE)
        return -1;
    memcpy(n->peer, message, sizeof n->peer);
    int result = mix_ephemeral(n, n->peer, key);
    if (result == 0)
        result = mix_shared(n, key);
    if (result == 0)
        result = open_in_place(n, key, message + ESPOTA_X25519_SIZE, length - ESPOTA_NOISE_MESSAGE_SIZE);
    if (result == 0)
        result = split(n, keys);
    espota_noise_forget(key, sizeof key);
    return result;
}
