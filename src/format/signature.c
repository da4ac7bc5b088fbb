#include "espota/signature.h"

#include "espota/bytes.h"
#include "espota/crc32.h"

#include <string.h>

enum {
    MAGIC = 0xe7,
    VERSION_ECDSA = 3,
    CURVE_P256 = 2,
    DIGEST_AT = 4,
    CURVE_AT = 36,
    KEY_AT = 37,
    SIGNATURE_AT = 101,
    CRC_AT = 1196,
    NUMBER = 32, /* bytes of a coordinate */
};

/* Numbers are little-endian in a block and big-endian everywhere else. */
static void turn_around(const uint8_t *from, uint8_t *to)
{
    for (unsigned i = 0; i < NUMBER; i++) {
        to[i] = from[NUMBER - 1 - i];
        to[NUMBER + i] = from[2 * NUMBER - 1 - i];
    }
}

uint32_t espota_signature_offset(uint32_t length)
{
    return (length + ESPOTA_SIGNATURE_SECTOR - 1) / ESPOTA_SIGNATURE_SECTOR * ESPOTA_SIGNATURE_SECTOR;
}

bool espota_signature_parse(struct espota_signature *signature,
                            const uint8_t block[ESPOTA_SIGNATURE_BLOCK_SIZE])
{
    if (block[0] != MAGIC || block[1] != VERSION_ECDSA || block[2] != 0 || block[CURVE_AT] != CURVE_P256 ||
        espota_get_le32(block + CRC_AT) != espota_crc32(0, block, CRC_AT))
        return false;
    memcpy(signature->digest, block + DIGEST_AT, sizeof signature->digest);
    turn_around(block + KEY_AT, signature->public_key);
    turn_around(block + SIGNATURE_AT, signature->r_s);
    return true;
}

void espota_signature_format(const struct espota_signature *signature,
                             uint8_t block[ESPOTA_SIGNATURE_BLOCK_SIZE])
{
    memset(block, 0, ESPOTA_SIGNATURE_BLOCK_SIZE);
    block[0] = MAGIC;
    block[1] = VERSION_ECDSA;
    memcpy(block + DIGEST_AT, signature->digest, sizeof signature->digest);
    block[CURVE_AT] = CURVE_P256;
    turn_around(signature->public_key, block + KEY_AT);
    turn_around(signature->r_s, block + SIGNATURE_AT);
    espota_put_le32(block + CRC_AT, espota_crc32(0, block, CRC_AT));
}
