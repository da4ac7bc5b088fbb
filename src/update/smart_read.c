#include "digest.h"

#include "espota/device.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/observer.h"
#include "espota/smart_read.h"
#include "espota/table.h"

#include <inttypes.h>
#include <string.h>

#define SECTOR ESPOTA_SECTOR_SIZE
#define BLOCK  (64u * 1024u)

enum { MAX_ROUNDS = 12 };

struct job {
    struct espota_device *device;
    struct espota_smart_read *result;
};

/* Does the device hold what is in `data` already, or nothing but FF, which is then put there? */
static int settle(struct job *job, uint8_t *data, uint32_t length, const uint8_t *digest, bool *settled,
                  struct espota_error *error)
{
    uint8_t expected[ESPOTA_SHA256_LENGTH];
    int result = update_digest_of(job->device, data, length, expected, error);
    *settled = result == 0 && memcmp(digest, expected, espota_device_digest_length(job->device)) == 0;
    if (result != 0 || *settled)
        return result;
    result = update_digest_is_blank(job->device, digest, length, settled, error);
    if (*settled)
        memset(data, 0xff, length);
    return result;
}

static int read_sector(struct job *job, uint32_t offset, uint8_t *data, uint32_t length,
                       const uint8_t *digest, struct espota_error *error)
{
    bool settled = false;
    int result = settle(job, data, length, digest, &settled, error);
    if (result != 0 || settled)
        return result;
    result = espota_device_check_cancelled(job->device, error);
    if (result == 0)
        result = espota_device_read(job->device, offset, data, length, error);
    if (result == 0)
        job->result->read += length;
    return result;
}

static int read_sectors(struct job *job, uint32_t offset, uint8_t *data, uint32_t length,
                        struct espota_error *error)
{
    uint8_t digests[BLOCK / SECTOR * ESPOTA_SHA256_LENGTH];
    size_t size = espota_device_digest_length(job->device);
    int result = espota_device_digests(job->device, offset, length, SECTOR, digests, error);
    for (uint32_t at = 0; result == 0 && at < length; at += SECTOR) {
        uint32_t part = length - at < SECTOR ? length - at : SECTOR;
        result = read_sector(job, offset + at, data + at, part, digests + at / SECTOR * size, error);
    }
    return result;
}

/* Until the digest says that it is right. */
static int read_block(struct job *job, uint32_t offset, uint8_t *data, uint32_t length,
                      struct espota_error *error)
{
    uint8_t digest[ESPOTA_SHA256_LENGTH];
    for (unsigned round = 0; round < MAX_ROUNDS; round++) {
        bool settled = false;
        int result = espota_device_digest(job->device, offset, length, digest, error);
        if (result == 0)
            result = settle(job, data, length, digest, &settled, error);
        if (result == 0 && settled)
            return 0;
        if (result == 0)
            result = read_sectors(job, offset, data, length, error);
        if (result != 0)
            result = update_recover(job->device, result, &job->result->repeats, error);
        if (result != 0)
            return result;
    }
    return espota_fail(error, ESPOTA_ERR_VERIFY,
                       "what was read from flash of %s at 0x%" PRIx32 "+0x%" PRIx32
                       " never has the digest that the device says: the line is too noisy",
                       job->device->name, offset, length);
}

int espota_smart_read(struct espota_device *device, uint32_t offset, void *data, uint32_t length,
                      struct espota_smart_read *result, struct espota_error *error)
{
    struct job job = { device, result };
    uint8_t *bytes = data;
    *result = (struct espota_smart_read){ .total = length };
    int range = espota_device_check_range(device, "read", offset, length, error);
    if (range != 0)
        return range;
    espota_device_progress(device, ESPOTA_PHASE_READ, 0, length);
    for (uint32_t at = 0; at < length; at += BLOCK) {
        uint32_t part = length - at < BLOCK ? length - at : BLOCK;
        int outcome = read_block(&job, offset + at, bytes + at, part, error);
        if (outcome != 0)
            return outcome;
        result->done = at + part;
        espota_device_progress(device, ESPOTA_PHASE_READ, result->done, length);
    }
    return 0;
}
