/** The signature behind a signed app: ESP-IDF's signature block version 2 with ECDSA on curve P-256.
 *
 * An image is padded with FF to whole sectors; the sector behind it begins with up to three blocks of 1216
 * bytes, of which the first counts here: what is signed is the SHA-256 of everything before that sector.
 * Sources: ESP-IDF, bootloader_support/include/esp_secure_boot.h, ets_secure_boot_sig_block;
 * docs/en/security/secure-boot-v2.rst; esptool, espsecure (sign-data --version 2).
 *
 * Pure code: no allocation, no I/O, no globals. */
#ifndef ESPOTA_SIGNATURE_H
#define ESPOTA_SIGNATURE_H

#pragma GCC visibility push(default)

#include "espota/hash.h"

#include <stdbool.h>

#define ESPOTA_SIGNATURE_BLOCK_SIZE 1216u
#define ESPOTA_SIGNATURE_SECTOR     4096u
#define ESPOTA_P256_SIZE            64u /* x and y of a point, or r and s of a signature, big-endian */

struct espota_signature {
    uint8_t digest[ESPOTA_SHA256_LENGTH]; /* of what is signed */
    uint8_t public_key[ESPOTA_P256_SIZE]; /* of the signer, as it claims */
    uint8_t r_s[ESPOTA_P256_SIZE];
};

/** Where the block of an image of `length` bytes lies, from its start. */
uint32_t espota_signature_offset(uint32_t length);

/** @return false when this is no intact ECDSA P-256 block. */
bool espota_signature_parse(struct espota_signature *signature,
                            const uint8_t block[ESPOTA_SIGNATURE_BLOCK_SIZE]);

void espota_signature_format(const struct espota_signature *signature,
                             uint8_t block[ESPOTA_SIGNATURE_BLOCK_SIZE]);

#pragma GCC visibility pop

#endif
