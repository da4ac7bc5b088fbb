/* Making patches, and reading them. */
#include "espota/patch.h"

#include "espota/bytes.h"
#include "espota/chip.h"
#include "espota/crc32.h"
#include "espota/digest.h"
#include "espota/encode.h"
#include "espota/error.h"
#include "espota/ota.h"

#include <string.h>

int espota_patch_read(struct espota_patch *patch, const char *name, const struct espota_bytes *file,
                      struct espota_error *error)
{
    static const char *const words[] = {
        [ESPOTA_PATCH_NO_MAGIC] = "it is no patch file",
        [ESPOTA_PATCH_UNKNOWN] = "it is of a later version than this program knows",
        [ESPOTA_PATCH_TRUNCATED] = "it is longer or shorter than it says: it is cut off",
        [ESPOTA_PATCH_DAMAGED] = "it is damaged: its CRC is wrong",
        [ESPOTA_PATCH_MALFORMED] = "its parts do not fit together",
    };
    enum espota_patch_verdict verdict = espota_patch_parse(patch, file->data, file->size);
    if (verdict == ESPOTA_PATCH_OK)
        return 0;
    return espota_fail(error, ESPOTA_ERR_VERIFY, "%s: %s", name, words[verdict]);
}

static int check_images(const struct espota_patch_image *base, const struct espota_patch_image *image,
                        struct espota_image *about, struct espota_error *error)
{
    const struct espota_device_info any = { 0 };
    struct espota_image old;
    int result = espota_ota_check_image(&any, base->name, base->data, base->size, &old, error);
    if (result == 0)
        result = espota_ota_check_image(&any, image->name, image->data, image->size, about, error);
    if (result != 0)
        return result;
    if (old.chip_id != about->chip_id) {
        const struct espota_chip *from = espota_chip_by_image_id(old.chip_id),
                                 *to = espota_chip_by_image_id(about->chip_id);
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is for %s, but %s is for %s: no device takes both",
                           base->name, from ? from->name : "another chip", image->name,
                           to ? to->name : "another chip");
    }
    if (base->size == image->size && memcmp(base->data, image->data, image->size) == 0)
        return espota_fail(error, ESPOTA_ERR_REFUSED, "%s and %s are the same: there is nothing to patch",
                           base->name, image->name);
    return 0;
}

static int fill_head(struct espota_patch_head *head, const struct espota_patch_image *base,
                     const struct espota_patch_image *image, const struct espota_image *about,
                     unsigned table_log, struct espota_error *error)
{
    const struct espota_chip *chip = espota_chip_by_image_id(about->chip_id);
    *head = (struct espota_patch_head){
        .isa = !chip          ? ESPOTA_ISA_NONE
               : chip->xtensa ? ESPOTA_ISA_XTENSA
                              : ESPOTA_ISA_RISCV,
        .table_log = table_log,
        .chip_id = about->chip_id,
        .base_length = (uint32_t)base->size,
        .image_length = (uint32_t)image->size,
    };
    if (espota_sha256(base->data, base->size, head->base_sha256) != 0 ||
        espota_sha256(image->data, image->size, head->image_sha256) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "SHA-256 is not available from the crypto library");
    return 0;
}

/* The stream, sector by sector: one that comes in the chunk of the sector before adds no bytes. */
static int encode_sectors(struct espota_encoder *encoder, struct espota_bytes *stream,
                          struct espota_bytes *sectors, struct espota_error *error)
{
    static const uint8_t one[ESPOTA_PATCH_COUNT_SIZE] = { 1 };
    for (;;) {
        size_t before = stream->size;
        int more = espota_encoder_sector(encoder, stream, error);
        if (more <= 0)
            return -more;
        if (stream->size != before && espota_bytes_append(sectors, one, sizeof one, error) != 0)
            return ESPOTA_ERR_NOMEM;
        if (stream->size == before) {
            uint8_t *last = sectors->data + sectors->size - sizeof one;
            espota_put_le16(last, (uint16_t)(espota_get_le16(last) + 1));
        }
    }
}

static int encode_with(struct espota_patch_head *head, const struct espota_base *prepared,
                       const struct espota_patch_image *image, struct espota_bytes *stream,
                       struct espota_bytes *sectors, struct espota_error *error)
{
    enum { SECTOR = ESPOTA_CODER_SECTOR };
    struct espota_encoder *encoder = NULL;
    uint32_t whole = (head->image_length + SECTOR - 1) / SECTOR * SECTOR;
    int result = espota_encoder_begin(&encoder, head->isa, head->table_log, prepared, image->data,
                                      image->size, 0, whole, stream, error);
    head->map_length = (uint32_t)stream->size - ESPOTA_BASED_HEAD_SIZE;
    if (result == 0)
        result = encode_sectors(encoder, stream, sectors, error);
    espota_encoder_end(encoder);
    return result;
}

static int refuse(const struct espota_patch_image *base, const struct espota_patch_image *image,
                  struct espota_error *error)
{
    const struct espota_patch_image *large = image->size > ESPOTA_BASE_LARGEST ? image : base;
    if (large->size > ESPOTA_BASE_LARGEST)
        return espota_fail(error, ESPOTA_ERR_REFUSED,
                           "%s is of %zu bytes: of images of more than %u MB no patches are made",
                           large->name, large->size, ESPOTA_BASE_LARGEST >> 20);
    return espota_fail(error, ESPOTA_ERR_REFUSED,
                       "%s has nothing in common with %s: a patch would not be shorter than the image",
                       image->name, base->name);
}

static int encode(struct espota_patch_head *head, const struct espota_patch_image *base,
                  const struct espota_patch_image *image, struct espota_bytes *stream,
                  struct espota_bytes *sectors, struct espota_error *error)
{
    struct espota_base *prepared = NULL;
    int result =
        espota_base_new(&prepared, head->isa, base->data, base->size, image->data, image->size, error);
    bool helps = result == 0 && espota_base_helps(prepared);
    if (helps)
        result = encode_with(head, prepared, image, stream, sectors, error);
    espota_base_free(prepared);
    if (result == 0 && (!helps || stream->size >= image->size))
        result = refuse(base, image, error);
    head->stream_length = (uint32_t)stream->size;
    return result ? result : espota_bytes_append(stream, sectors->data, sectors->size, error);
}

int espota_patch_make(const struct espota_patch_image *base, const struct espota_patch_image *image,
                      unsigned table_log, struct espota_bytes *file, struct espota_error *error)
{
    struct espota_image about;
    struct espota_patch_head head;
    struct espota_bytes following = { 0 }, sectors = { 0 };
    uint8_t start[ESPOTA_PATCH_HEAD_SIZE];
    int result = check_images(base, image, &about, error);
    if (result == 0)
        result = fill_head(&head, base, image, &about, table_log, error);
    if (result == 0)
        result = encode(&head, base, image, &following, &sectors, error);
    if (result == 0) {
        head.crc = espota_crc32(0, following.data, following.size);
        espota_patch_put_head(&head, start);
        result = espota_bytes_append(file, start, sizeof start, error);
    }
    if (result == 0)
        result = espota_bytes_append(file, following.data, following.size, error);
    espota_bytes_free(&following);
    espota_bytes_free(&sectors);
    return result;
}
