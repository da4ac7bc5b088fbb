/** The handshake of a keyed session: Noise_NNpsk0_25519_ChaChaPoly_SHA256, for both ends.
 *
 * Two messages, each an ephemeral public key, then a payload and its tag: the initiator's proves that it
 * knows the pre-shared key, the responder's likewise, and both together agree on a key for each direction
 * that neither the pre-shared key nor a recording gives away later. Source: The Noise Protocol Framework,
 * revision 34, https://noiseprotocol.org/noise.html. */
#ifndef ESPOTA_NOISE_H
#define ESPOTA_NOISE_H

#pragma GCC visibility push(default)

#include "espota/crypto.h"
#include "espota/hash.h"

#define ESPOTA_NOISE_KEY_SIZE  32u
#define ESPOTA_NOISE_PSK_LABEL "espota psk 1"
/** A message without payload. */
#define ESPOTA_NOISE_MESSAGE_SIZE (ESPOTA_X25519_SIZE + ESPOTA_TAG_SIZE)

/** A handshake under way. It holds secrets from the first message on: espota_noise_forget when done. */
struct espota_noise {
    const struct espota_hash *sha256;
    const struct espota_crypto *crypto;
    uint8_t hash[ESPOTA_SHA256_LENGTH];  /* of all that was said */
    uint8_t chain[ESPOTA_SHA256_LENGTH]; /* key that further keys come from */
    uint8_t ephemeral[ESPOTA_X25519_SIZE];
    uint8_t peer[ESPOTA_X25519_SIZE];
};

/** Keys of a session. */
struct espota_noise_keys {
    uint8_t to_responder[ESPOTA_CIPHER_KEY_SIZE];
    uint8_t to_initiator[ESPOTA_CIPHER_KEY_SIZE];
};

/** Begin; `sha256` and `crypto` must outlive the handshake. What was said before it, which both sides must
 * have seen alike, comes in pieces by espota_noise_prologue. All functions return 0, or -1 when the crypto
 * fails or a message is wrong: the handshake is over then. */
int espota_noise_begin(struct espota_noise *noise, const struct espota_hash *sha256,
                       const struct espota_crypto *crypto);
/** The prologue; once. */
int espota_noise_prologue(struct espota_noise *noise, const void *data, size_t length);

/** The initiator's message. `ephemeral` is 32 random bytes; the payload is at `message` +
 * ESPOTA_X25519_SIZE, with room for its tag behind it. */
int espota_noise_write_first(struct espota_noise *noise, const uint8_t psk[ESPOTA_NOISE_KEY_SIZE],
                             const uint8_t ephemeral[ESPOTA_X25519_SIZE], uint8_t *message, size_t payload);
/** The responder reads it; `length` is that of the message. */
int espota_noise_read_first(struct espota_noise *noise, const uint8_t psk[ESPOTA_NOISE_KEY_SIZE],
                            uint8_t *message, size_t length);
/** The responder's message, and the keys. */
int espota_noise_write_second(struct espota_noise *noise, const uint8_t ephemeral[ESPOTA_X25519_SIZE],
                              uint8_t *message, size_t payload, struct espota_noise_keys *keys);
int espota_noise_read_second(struct espota_noise *noise, uint8_t *message, size_t length,
                             struct espota_noise_keys *keys);

/** Overwrite secrets, in a way that a compiler does not leave out. */
void espota_noise_forget(void *secret, size_t length);

/** The pre-shared key of a device's key, which may be longer: HMAC-SHA256(key, ESPOTA_NOISE_PSK_LABEL). Keys
 * have at most 64 bytes. */
int espota_noise_psk(const struct espota_hash *sha256, const uint8_t *key, size_t key_length,
                     uint8_t psk[ESPOTA_NOISE_KEY_SIZE]);

#pragma GCC visibility pop

#endif
