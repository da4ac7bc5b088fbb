/* ELF files: what becomes an image is one, whole and right, for the chip that it says; for each chip that may
 * be meant, and with each way to lay it out. */
#include "espota/elf_image.h"
#include "espota/image.h"
#include "espota/image_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make(const uint8_t *data, size_t size, const struct espota_elf_image_options *options)
{
    struct espota_elf_image made = { 0 };
    struct espota_error error = { 0 };
    struct espota_image image;
    if (espota_elf_image_make(&made, "x", data, size, options, &error) != 0)
        return;
    enum espota_image_verdict verdict = espota_image_examine_memory(&image, made.image.data, made.image.size);
    if (!options->ram_only_header && (verdict != ESPOTA_IMAGE_OK || image.chip_id != made.chip->image_id))
        abort();
    espota_elf_image_free(&made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct espota_elf_image_options options = espota_elf_image_defaults;
    const struct espota_chip *chips[ESPOTA_ELF_MAX_CHIPS];
    struct espota_error error = { 0 };
    unsigned count = 0;
    make(data, size, &options);
    if (espota_elf_chips("x", data, size, chips, &count, &error) != 0)
        return 0;
    for (unsigned i = 0; i < count; i++) {
        options = espota_elf_image_defaults;
        options.chip = chips[i];
        make(data, size, &options);
        options.segments = true;
        make(data, size, &options);
        options.ram_only_header = true;
        make(data, size, &options);
    }
    return 0;
}
