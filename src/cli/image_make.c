/* image: an image of an ELF file. */
#include "image_command.h"

#include "espota/elf_image.h"

#include <inttypes.h>
#include <string.h>

int image_chip(const struct image_options *o, const struct espota_chip **chip, struct espota_error *error)
{
    *chip = NULL;
    if (!o->chip || strcmp(o->chip, "auto") == 0)
        return 0;
    *chip = espota_chip_by_name(o->chip);
    if (*chip)
        return 0;
    return espota_fail(error, ESPOTA_ERR_USAGE,
                       "--chip '%s' is not known: use auto, esp32, esp32s3 ... esp32p4", o->chip);
}

static int set_revision(const struct number_option *option, const char *name, uint32_t most, uint16_t *to,
                        struct espota_error *error)
{
    if (option->given && option->value > most)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--%s takes a number up to %" PRIu32, name, most);
    if (option->given)
        *to = (uint16_t)option->value;
    return 0;
}

static int set_revisions(const struct image_options *o, struct espota_elf_image_options *elf,
                         struct espota_error *error)
{
    uint16_t oldest = 0;
    int result = set_revision(&o->min_revision, "min-rev-full", UINT16_MAX, &elf->min_revision, error);
    if (result == 0)
        result = set_revision(&o->max_revision, "max-rev-full", UINT16_MAX, &elf->max_revision, error);
    if (result == 0)
        result = set_revision(&o->oldest_revision, "min-rev", UINT8_MAX, &oldest, error);
    elf->oldest_revision = (uint8_t)oldest;
    return result;
}

/* The chip has to be known before the frequency is. */
static int find_chip(const struct image_options *o, const char *name, const struct espota_bytes *bytes,
                     const struct espota_chip **chip, struct espota_error *error)
{
    const struct espota_chip *chips[ESPOTA_ELF_MAX_CHIPS];
    unsigned count = 0;
    int result = image_chip(o, chip, error);
    if (result != 0 || *chip)
        return result;
    result = espota_elf_chips(name, bytes->data, bytes->size, chips, &count, error);
    if (result == 0 && count == 1)
        *chip = chips[0];
    return result; /* of several, making the image complains */
}

static int make(const struct image_options *o, const char *name, const struct espota_bytes *bytes,
                struct espota_elf_image *made, struct espota_error *error)
{
    struct espota_elf_image_options elf = espota_elf_image_defaults;
    elf.page_size = o->page_size.value;
    elf.hash_offset = o->hash_offset.value;
    elf.pad_to = o->merge ? 0 : o->pad_to.value;
    elf.padding = o->padding_v2   ? ESPOTA_ELF_PADDING_V2
                  : o->padding_v1 ? ESPOTA_ELF_PADDING_V1
                                  : ESPOTA_ELF_NO_PADDING;
    elf.segments = o->segments;
    elf.no_hash = o->no_hash;
    elf.ram_only_header = o->ram_only_header;
    int result = set_revisions(o, &elf, error);
    if (result == 0)
        result = find_chip(o, name, bytes, &elf.chip, error);
    if (result == 0 && elf.chip)
        result = espota_flash_header_codes(&o->header, elf.chip, &elf.flash_mode, &elf.flash_frequency,
                                           &elf.flash_size, error);
    return result ? result : espota_elf_image_make(made, name, bytes->data, bytes->size, &elf, error);
}

int image_make(struct cli *cli, const struct image_options *o, const char *name, struct espota_bytes *bytes,
               struct fields *document, struct espota_error *error)
{
    struct espota_elf_image made = { 0 };
    int result = make(o, name, bytes, &made, error);
    if (result != 0)
        return result;
    espota_ui_say(&cli->ui,
                  "%s is an ELF file: made into an image for the %s, %zu bytes, MMU pages of %" PRIu32 "K",
                  name, made.chip->name, made.image.size, made.page_size / 1024);
    if (made.page_size_unsure)
        espota_ui_warn(
            &cli->ui,
            "the app description of %s lies at the beginning of no page that an %s can have: if pages of "
            "%" PRIu32 "K are not what it was linked for, give --flash-mmu-page-size",
            name, made.chip->name, made.page_size / 1024);
    if (document) {
        field_chip(document, "chip", made.chip);
        field_number(document, "size", (int64_t)made.image.size);
        field_number(document, "page_size", made.page_size);
        field_number(document, "joined", made.joined);
    }
    espota_bytes_free(bytes);
    *bytes = made.image;
    return 0;
}
