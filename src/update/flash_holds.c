/* Proof that flash holds certain bytes, also where a device has only MD5. */
#include "digest.h"

#include "espota/device.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/flash_holds.h"
#include "espota/hash.h"
#include "espota/random.h"
#include "espota/table.h"

#include <string.h>

#define START_WINDOW 1024u
#define LARGE        (64u * 1024u)

static int digest_equals(struct espota_device *device, uint32_t offset, const uint8_t *data, uint32_t length,
                         bool *equal, struct espota_error *error)
{
    uint8_t found[ESPOTA_SHA256_LENGTH] = { 0 }, expected[ESPOTA_SHA256_LENGTH] = { 0 };
    int result = espota_device_digest(device, offset, length, found, error);
    if (result == 0)
        result = update_digest_of(device, data, length, expected, error);
    *equal = result == 0 && memcmp(found, expected, espota_device_digest_length(device)) == 0;
    return result;
}

static int read_equals(struct espota_device *device, uint32_t offset, const uint8_t *data, uint32_t length,
                       bool *equal, struct espota_error *error)
{
    uint8_t found[START_WINDOW];
    int result = espota_device_read(device, offset, found, length, error);
    *equal = result == 0 && memcmp(found, data, length) == 0;
    return result;
}

/* Two starts within the first bytes, which nobody can foresee; `start[0]` is the later one. */
static int choose_starts(uint32_t length, uint32_t start[2], struct espota_error *error)
{
    uint32_t window = length < START_WINDOW ? length : START_WINDOW;
    uint16_t random[2];
    if (espota_random(random, sizeof random) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "the crypto library gives no random numbers");
    uint32_t a = random[0] % window, b = random[1] % window;
    start[0] = a > b ? a : b;
    start[1] = a > b ? b : a;
    return 0;
}

static int md5_holds(struct espota_device *device, uint32_t offset, const uint8_t *data, uint32_t length,
                     bool *holds, struct espota_error *error)
{
    uint32_t start[2] = { 0 };
    int result = choose_starts(length, start, error);
    if (result == 0)
        result = read_equals(device, offset, data, start[0], holds, error);
    for (int i = 0; i < 2 && result == 0 && *holds; i++)
        result = digest_equals(device, offset + start[i], data + start[i], length - start[i], holds, error);
    return result;
}

/* Where its first sector tells already that it holds something else, no more is asked of it. */
static int sha_holds(struct espota_device *device, uint32_t offset, const uint8_t *data, uint32_t length,
                     bool *holds, struct espota_error *error)
{
    int result = 0;
    if (length >= LARGE)
        result = digest_equals(device, offset, data, ESPOTA_SECTOR_SIZE, holds, error);
    return result == 0 && *holds ? digest_equals(device, offset, data, length, holds, error) : result;
}

int espota_flash_holds(struct espota_device *device, uint32_t offset, const void *data, uint32_t length,
                       bool *holds, struct espota_error *error)
{
    *holds = true;
    if (length == 0)
        return 0;
    if (device->digest_kind != ESPOTA_HASH_MD5 || !espota_device_can(device, ESPOTA_CAP_READ))
        return sha_holds(device, offset, data, length, holds, error);
    return md5_holds(device, offset, data, length, holds, error);
}
