/** Random numbers, ciphers and secrets, by OpenSSL. */
#ifndef ESPOTA_RANDOM_H
#define ESPOTA_RANDOM_H

#pragma GCC visibility push(default)

#include "espota/crypto.h"

#include <stddef.h>

/** Unpredictable bytes; 0, or -1 when the library refuses. */
int espota_random(void *out, size_t length);

/** The ciphers of sessions, by OpenSSL; they need no context. */
extern const struct espota_crypto espota_crypto_openssl;

/** Overwrite a secret that is not needed any more, in a way that a compiler does not leave out. */
void espota_wipe(void *secret, size_t length);

#pragma GCC visibility pop

#endif
