#include "digest.h"

#include "espota/device.h"
#include "espota/error.h"
#include "espota/hash.h"

#include <stdlib.h>
#include <string.h>

bool update_is_blank(const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (data[i] != 0xff)
            return false;
    return true;
}

uint32_t update_reach(const struct espota_device *device)
{
    return device->info.addressable ? device->info.addressable : device->info.flash_size;
}

int update_digest_of(const struct espota_device *device, const void *data, size_t length, uint8_t *digest,
                     struct espota_error *error)
{
    if (espota_device_digest_of(device, data, length, digest) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "the crypto library refuses to compute digests");
    return 0;
}

int update_digest_is_blank(const struct espota_device *device, const uint8_t *digest, uint32_t length,
                           bool *blank, struct espota_error *error)
{
    uint8_t expected[ESPOTA_SHA256_LENGTH];
    uint8_t *ff = malloc(length > 0 ? length : 1);
    if (!ff)
        return espota_fail_memory(error, "comparing flash");
    memset(ff, 0xff, length);
    int result = update_digest_of(device, ff, length, expected, error);
    free(ff);
    *blank = result == 0 && memcmp(digest, expected, espota_device_digest_length(device)) == 0;
    return result;
}

static bool worth_repeating(const struct espota_device *device, int result)
{
    return espota_device_can(device, ESPOTA_CAP_RECOVER) &&
           (result == ESPOTA_ERR_TIMEOUT || result == ESPOTA_ERR_DEVICE);
}

int update_recover(struct espota_device *device, int result, unsigned *repeats, struct espota_error *error)
{
    if (!worth_repeating(device, result))
        return result;
    ++*repeats;
    espota_device_detail(device, "%s; trying again", error->text);
    struct espota_error cause = *error;
    if (espota_device_recover(device, error) == 0)
        return 0;
    if (error->status != ESPOTA_ERR_CANCELLED)
        *error = cause;
    return (int)error->status;
}
