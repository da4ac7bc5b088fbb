/* Makes an app image of a linked program: elf2image ELF OUTPUT CHIP. Its loadable segments become the
 * image's, the one with the description first, whose hash is set to the SHA-256 of all of them. */
#include "program.h"

#include "espota/bytes.h"
#include "espota/chip.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/hash.h"
#include "espota/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HASH_AT = 144 };

static bool is_described(const struct espota_image_part *part)
{
    return part->length >= ESPOTA_APP_DESC_SIZE && espota_get_le32(part->data) == ESPOTA_APP_DESC_MAGIC;
}

static int describe(struct program *p, const struct espota_hash *sha256)
{
    for (unsigned i = 1; i < p->count && !is_described(&p->part[0]); i++) {
        struct espota_image_part part = p->part[0];
        struct espota_bytes data = p->data[0];
        p->part[0] = p->part[i];
        p->data[0] = p->data[i];
        p->part[i] = part;
        p->data[i] = data;
    }
    if (!is_described(&p->part[0]) || sha256->begin(sha256->context) != 0)
        return -1;
    for (unsigned i = 0; i < p->count; i++)
        if (sha256->update(sha256->context, p->part[i].data, p->part[i].length) != 0)
            return -1;
    return sha256->finish(sha256->context, p->data[0].data + HASH_AT);
}

static int write_image(struct program *p, const struct espota_chip *chip, const struct espota_hash *sha256,
                       const char *path, struct espota_error *error)
{
    struct espota_image header = { .flash_mode = 2, /* dio */
                                   .flash_size = 2, /* 4M: a bootloader looks at its own */
                                   .entry = p->entry,
                                   .chip_id = chip->image_id,
                                   .max_revision = UINT16_MAX };
    size_t size = espota_image_build_size(p->part, p->count);
    uint8_t *image = size > 0 ? malloc(size) : NULL;
    int result = image && espota_image_build(&header, p->part, p->count, sha256, image) == 0
                     ? espota_file_write(path, image, size, error)
                     : espota_fail(error, ESPOTA_ERR_FAILED, "the segments make no image");
    free(image);
    return result;
}

int main(int argc, char **argv)
{
    const struct espota_chip *chip = argc == 4 ? espota_chip_by_name(argv[3]) : NULL;
    struct program p = { 0 };
    struct espota_error error = { 0 };
    if (!chip) {
        fputs("usage: elf2image ELF OUTPUT CHIP\n", stderr);
        return 2;
    }
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    int result = program_read(&p, argv[1], &error);
    if (result == 0 && (!sha256 || describe(&p, sha256) != 0))
        result = espota_fail(&error, ESPOTA_ERR_FAILED, "%s has no app description", argv[1]);
    if (result == 0)
        result = write_image(&p, chip, sha256, argv[2], &error);
    if (result != 0)
        fprintf(stderr, "elf2image: %s\n", error.text);
    espota_hash_free(sha256);
    program_free(&p);
    return result == 0 ? 0 : 1;
}
