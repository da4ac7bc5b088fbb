#include "espota/esphome_ota.h"

#include "espota/digest.h"
#include "espota/hex.h"

#include <string.h>

const uint8_t espota_esphome_magic[ESPOTA_ESPHOME_MAGIC_LENGTH] = { 0x6c, 0x26, 0xf7, 0x5c, 0x45 };

const char *espota_esphome_error_words(uint8_t answer)
{
    static const char *const words[] = {
        [0x00] = "this is not the protocol that it speaks",
        [0x01] = "it cannot prepare its flash: restarting it may help",
        [0x02] = "the password is wrong, or of a kind that it does not take",
        [0x03] = "writing to its flash failed",
        [0x04] = "the image is not one that it can start",
        [0x05] = "it has to be reset by hand once, after flashing by cable",
        [0x06] = "it was flashed with a wrong flash size: flash it by cable, for the board that it is",
        [0x07] = "the image was built for another size of flash",
        [0x08] = "it has too little space for the image: a minimal one, with OTA alone, makes room",
        [0x09] = "the image is larger than its slot",
        [0x0a] = "it has no slot for an update",
        [0x0b] = "what arrived has another MD5",
        [0x0c] = "it has too little space for the image",
        [0x0d] = "the signature of the image is not right",
        [0x0e] = "it does not take updates of this kind",
        [0x0f] = "the partition table is not right",
        [0x10] = "it could not change its partition table",
        [0x11] = "the bootloader is not right",
        [0x12] = "it could not change its bootloader",
    };
    unsigned index = answer - (unsigned)ESPOTA_ESPHOME_ERROR;
    if (answer == ESPOTA_ESPHOME_UNKNOWN)
        return "it does not say what is wrong";
    return answer >= ESPOTA_ESPHOME_ERROR && index < sizeof words / sizeof words[0]
               ? words[index]
               : "an error that is not known";
}

size_t espota_esphome_digits(enum espota_hash_kind kind)
{
    return 2 * (size_t)(kind == ESPOTA_HASH_MD5 ? ESPOTA_MD5_LENGTH : ESPOTA_SHA256_LENGTH);
}

int espota_esphome_respond(enum espota_hash_kind kind, const char *password, const char *nonce,
                           const char *cnonce, char response[ESPOTA_ESPHOME_HEX])
{
    uint8_t digest[ESPOTA_SHA256_LENGTH] = { 0 };
    struct espota_hash *hash = espota_hash_new(kind);
    int result = hash && hash->update(hash->context, password, strlen(password)) == 0 &&
                         hash->update(hash->context, nonce, strlen(nonce)) == 0 &&
                         hash->update(hash->context, cnonce, strlen(cnonce)) == 0 &&
                         hash->finish(hash->context, digest) == 0
                     ? 0
                     : -1;
    espota_hash_free(hash);
    espota_hex(digest, espota_esphome_digits(kind) / 2, response);
    return result;
}
