/* What an app partition of a device holds. */
#include "espota/slot_image.h"
#include "espota/device.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/file_kind.h"
#include "espota/hash.h"
#include "espota/image.h"
#include "espota/table.h"

#include <string.h>

struct reader {
    struct espota_device *device;
    uint32_t offset;
    struct espota_error *error;
};

static int read_device(void *context, uint32_t offset, void *buffer, size_t length)
{
    const struct reader *r = context;
    return espota_device_read(r->device, r->offset + offset, buffer, length, r->error) == 0 ? 0 : -1;
}

/* An image without a hash of its own has only the checksum: read it all, from where that costs little. */
static int examine_all(const struct espota_image_source *source, struct espota_image *image,
                       enum espota_image_verdict *verdict, struct espota_error *error)
{
    uint8_t buffer[4096];
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    if (!sha256)
        return espota_fail(error, ESPOTA_ERR_FAILED, "SHA-256 is not available from the crypto library");
    *verdict = espota_image_examine(image, source, sha256, buffer, sizeof buffer);
    espota_hash_free(sha256);
    return *verdict == ESPOTA_IMAGE_READ_FAILED ? (int)error->status : 0;
}

static int check_content(struct espota_device *device, const struct espota_image_source *source,
                         uint32_t offset, struct espota_image *image, enum espota_slot_state *state,
                         struct espota_error *error)
{
    uint8_t digest[ESPOTA_SHA256_LENGTH];
    enum espota_image_verdict verdict = ESPOTA_IMAGE_OK;
    *state = ESPOTA_SLOT_UNCHECKED;
    if (device->digest_kind != ESPOTA_HASH_SHA256)
        return 0;
    int result;
    if (image->hash_appended) {
        result = espota_device_digest(device, offset, image->length - ESPOTA_SHA256_LENGTH, digest, error);
        if (result == 0 && memcmp(digest, image->hash_stored, sizeof digest) != 0)
            verdict = ESPOTA_IMAGE_BAD_HASH;
    } else {
        result = examine_all(source, image, &verdict, error);
    }
    if (result == ESPOTA_ERR_UNSUPPORTED) /* nor be digested */
        return 0;
    *state = verdict == ESPOTA_IMAGE_OK ? ESPOTA_SLOT_VALID : ESPOTA_SLOT_BROKEN;
    return result;
}

/* A bootloader or merged image. */
static bool loads_over_loader(const struct espota_image *image)
{
    const struct espota_chip *chip = espota_chip_by_image_id(image->chip_id);
    struct espota_file_chip facts = { 0 };
    if (chip)
        facts = espota_chip_file_facts(chip);
    return chip && espota_image_overlaps_loader(image, &facts);
}

int espota_slot_examine(struct espota_device *device, const struct espota_partition *partition,
                        struct espota_image *image, enum espota_slot_state *state, struct espota_error *error)
{
    struct reader reader = { device, partition->offset, error };
    struct espota_image_source source = { &reader, read_device, partition->size };
    enum espota_image_verdict verdict = espota_image_parse_headers(image, &source);
    *state = ESPOTA_SLOT_UNCHECKED;
    if (verdict == ESPOTA_IMAGE_READ_FAILED) /* a device need not let its apps be read */
        return error->status == ESPOTA_ERR_UNSUPPORTED ? 0 : (int)error->status;
    *state = ESPOTA_SLOT_BROKEN;
    if (verdict == ESPOTA_IMAGE_NO_MAGIC)
        *state = ESPOTA_SLOT_EMPTY;
    if (verdict != ESPOTA_IMAGE_OK)
        return 0;
    if (device->info.chip && image->chip_id != device->info.chip->image_id) {
        *state = ESPOTA_SLOT_FOREIGN;
        return 0;
    }
    if (loads_over_loader(image)) {
        *state = ESPOTA_SLOT_NO_APP;
        return 0;
    }
    return check_content(device, &source, partition->offset, image, state, error);
}

const char *espota_slot_state_name(enum espota_slot_state state)
{
    static const char *const names[] = { "empty", "valid", "unchecked", "broken", "other-chip", "no-app" };
    return names[state];
}
