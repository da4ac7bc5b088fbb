/** Signing images and checking signatures on the host: ECDSA P-256 keys in PEM files, through OpenSSL. */
#ifndef ESPOTA_SIGN_H
#define ESPOTA_SIGN_H

#pragma GCC visibility push(default)

#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/signature.h"

#include <stdbool.h>

struct espota_signer;

enum { ESPOTA_SIGNER_LARGEST = 65536 }; /* bytes of a PEM file */

/** Load a key from a PEM file: a private one, which can sign, or with `private_key` false a public one, for
 * which a private one will do too. @return 0 and `*signer`, owned by the caller (espota_signer_free);
 * ESPOTA_ERR_IO, or ESPOTA_ERR_USAGE when it is no P-256 key. */
int espota_signer_load(struct espota_signer **signer, const char *path, bool private_key,
                       struct espota_error *error);
/** The same of a file that was read; `name` is for messages. */
int espota_signer_parse(struct espota_signer **signer, const struct espota_bytes *pem, const char *name,
                        bool private_key, struct espota_error *error);
void espota_signer_free(struct espota_signer *signer);

/** Make a key, and write it as PEM: private, readable by its owner alone, and its public half beside it with
 * .pub appended. Neither file may exist. */
int espota_signer_create(const char *path, struct espota_error *error);

/** The public key as x and y. @return 0, or -1 when the crypto library refuses. */
int espota_signer_public(const struct espota_signer *signer, uint8_t point[ESPOTA_P256_SIZE]);

/** Is `r_s` this signer's signature of `digest`? @return 0, or -1. */
int espota_signer_check(const struct espota_signer *signer, const uint8_t digest[ESPOTA_SHA256_LENGTH],
                        const uint8_t r_s[ESPOTA_P256_SIZE]);

/** Append a signature to an image, in place of one that is there. `signed_image` comes zero-initialised,
 * is for espota_bytes_free, and grows to whole sectors.
 * @return ESPOTA_ERR_VERIFY when `image` is none. */
int espota_sign_image(const struct espota_signer *signer, const struct espota_bytes *image,
                      struct espota_bytes *signed_image, struct espota_error *error);

/** Is this image signed by `signer`? @return 0, or ESPOTA_ERR_VERIFY with the reason. */
int espota_sign_check_image(const struct espota_signer *signer, const char *name,
                            const struct espota_bytes *image, struct espota_error *error);

#pragma GCC visibility pop

#endif
