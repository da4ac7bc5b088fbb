#include "espota/elf_image.h"

#include "elf.h"
#include "elf_chip.h"
#include "elf_layout.h"

#include "espota/bytes.h"
#include "espota/digest.h"
#include "espota/image.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    USUAL_PAGE = 65536,
    /* In an app description, from its start; and of the description in an image. */
    DESCRIBED_PAGE = 180,
    DESCRIBED_HASH = 144,
    DESCRIPTION = ESPOTA_IMAGE_HEADER_SIZE + 8,
};

const struct espota_elf_image_options espota_elf_image_defaults = { .max_revision = UINT16_MAX };

struct making {
    struct espota_elf_image *made;
    const struct espota_elf_image_options *options;
    const char *name;
    const uint8_t *elf;
    size_t size;
    struct elf_program program;
    struct elf_layout layout;
    struct espota_error *error;
};

/* ---- the chip -------------------------------------------------------------------------------------------
 */

static void list_names(const struct espota_chip *const *chips, unsigned count, char text[256])
{
    size_t used = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < count && used < 200; i++)
        used += (size_t)snprintf(text + used, 256 - used, "%s%s",
                                 i == 0          ? ""
                                 : i + 1 < count ? ", "
                                                 : " or ",
                                 chips[i]->name);
}

static int choose_chip(struct making *m)
{
    const struct espota_chip *chips[ESPOTA_ELF_MAX_CHIPS], *wanted = m->options->chip;
    char names[256];
    unsigned count = elf_chips_by_memory(&m->program, chips);
    if (wanted && elf_fits_wholly(&m->program, wanted))
        m->made->chip = wanted;
    for (unsigned i = 0; i < count; i++)
        if (chips[i] == wanted)
            m->made->chip = wanted;
    if (m->made->chip)
        return 0;
    list_names(chips, count, names);
    if (count == 0)
        return espota_fail(m->error, ESPOTA_ERR_VERIFY,
                           "no ESP32 that is known here has memory where %s wants it", m->name);
    if (wanted)
        return espota_fail(m->error, ESPOTA_ERR_VERIFY,
                           "%s is no program for the %s: what it loads lies where the %s has memory", m->name,
                           wanted->name, names);
    m->made->chip = count == 1 ? chips[0] : elf_chip_by_name(m->elf, m->size, chips, count);
    if (m->made->chip)
        return 0;
    return espota_fail_hint(m->error, ESPOTA_ERR_USAGE, ESPOTA_HINT_NAME_CHIP,
                            "%s may be for the %s: it does not say which", m->name, names);
}

/* ---- the size of an MMU's page --------------------------------------------------------------------------
 */

static int check_page(const struct making *m, uint32_t size)
{
    const struct espota_chip *chip = m->made->chip;
    if (size == USUAL_PAGE || ((size & (size - 1)) == 0 && (size & chip->page_sizes)))
        return 0;
    return espota_fail(m->error, ESPOTA_ERR_USAGE,
                       "pages of %" PRIu32 " bytes are none that the MMU of an %s has", size, chip->name);
}

/* What the description says, or where it lies: behind the headers of image and segment. Source: esptool,
 * cmds.py, elf2image. */
static int find_page(struct making *m)
{
    const struct espota_chip *chip = m->made->chip;
    const struct elf_part *d = elf_program_section(&m->program, ".flash.appdesc");
    uint32_t *page = &m->made->page_size;
    *page = m->options->page_size ? m->options->page_size : USUAL_PAGE;
    if (m->options->page_size || !chip->page_sizes || !d || !elf_address_is_mapped(chip, d->address) ||
        d->length < ESPOTA_APP_DESC_SIZE || espota_get_le32(d->data) != ESPOTA_APP_DESC_MAGIC)
        return check_page(m, *page);
    uint8_t power = d->data[DESCRIBED_PAGE];
    if (power != 0) {
        *page = power < 32 ? (uint32_t)1 << power : UINT32_MAX;
        return check_page(m, *page);
    }
    for (uint32_t size = USUAL_PAGE; size >= 4096; size /= 2)
        if ((size & chip->page_sizes) && (d->address - DESCRIPTION) % size == 0) {
            *page = size;
            return 0;
        }
    m->made->page_size_unsure = true;
    return 0;
}

/* ---- header and end -------------------------------------------------------------------------------------
 */

static bool has_hash(const struct espota_elf_image_options *o)
{
    return !o->no_hash && !o->ram_only_header;
}

static int begin_image(struct making *m)
{
    const struct espota_elf_image_options *o = m->options;
    uint8_t h[ESPOTA_IMAGE_HEADER_SIZE] = { ESPOTA_IMAGE_MAGIC };
    h[2] = o->flash_mode;
    h[3] = (uint8_t)(o->flash_size << 4 | (o->flash_frequency & 0x0f));
    espota_put_le32(h + 4, m->program.entry);
    h[8] = 0xee; /* no WP pin */
    espota_put_le16(h + 12, m->made->chip->image_id);
    h[14] = o->oldest_revision;
    espota_put_le16(h + 15, o->min_revision);
    espota_put_le16(h + 17, o->max_revision);
    h[23] = has_hash(o);
    return espota_bytes_append(&m->made->image, h, sizeof h, m->error);
}

static int append_hash(struct making *m)
{
    uint8_t hash[ESPOTA_SHA256_LENGTH];
    struct espota_bytes *image = &m->made->image;
    if (espota_sha256(image->data, image->size, hash) != 0)
        return espota_fail(m->error, ESPOTA_ERR_FAILED, "SHA-256 is not available from the crypto library");
    return espota_bytes_append(image, hash, sizeof hash, m->error);
}

static int fill_up(struct making *m)
{
    uint8_t ff[4096];
    struct espota_bytes *image = &m->made->image;
    uint32_t to = m->options->pad_to;
    size_t past = to ? image->size % to : 0, left = past ? to - past : 0;
    int result = 0;
    memset(ff, 0xff, sizeof ff);
    for (size_t part; result == 0 && left > 0; left -= part) {
        part = left < sizeof ff ? left : sizeof ff;
        result = espota_bytes_append(image, ff, part, m->error);
    }
    return result;
}

static int end_image(struct making *m)
{
    const struct elf_layout *l = &m->layout;
    unsigned count = m->options->ram_only_header ? l->in_memory : l->written;
    if (count > ESPOTA_IMAGE_MAX_SEGMENTS)
        return espota_fail(m->error, ESPOTA_ERR_VERIFY,
                           "%s makes an image of %u segments, with those that align it, and a bootloader "
                           "takes 16: the linker script has to join some",
                           m->name, count);
    if (m->options->hash_offset && !l->hash_placed)
        return espota_fail(m->error, ESPOTA_ERR_USAGE,
                           "0x%" PRIx32 ", where the hash of %s is to go, lies in no segment of the image",
                           m->options->hash_offset, m->name);
    m->made->image.data[1] = (uint8_t)count;
    int result = has_hash(m->options) ? append_hash(m) : 0;
    return result ? result : fill_up(m);
}

/* ---- the whole ------------------------------------------------------------------------------------------
 */

static int check_options(const struct making *m)
{
    const struct espota_elf_image_options *o = m->options;
    if (o->padding != ESPOTA_ELF_NO_PADDING && !has_hash(o))
        return espota_fail(m->error, ESPOTA_ERR_USAGE,
                           "room for a signature is of use only behind an image with a SHA-256 of its own");
    if (o->padding == ESPOTA_ELF_PADDING_V1 && m->made->chip->image_id != 0)
        return espota_fail(m->error, ESPOTA_ERR_USAGE, "secure boot V1 is the ESP32's, and not the %s's",
                           m->made->chip->name);
    return 0;
}

/* Where the hash of the ELF file goes: where it is wanted, or into the description of an app in flash. */
static int find_hash(struct making *m)
{
    const struct elf_part *d = elf_program_section(&m->program, ".flash.appdesc");
    struct elf_layout *l = &m->layout;
    bool described = !m->options->segments && d && elf_address_is_mapped(m->made->chip, d->address);
    l->hash_offset = m->options->hash_offset ? m->options->hash_offset
                     : described             ? DESCRIPTION + DESCRIBED_HASH
                                             : 0;
    if (l->hash_offset != 0 && espota_sha256(m->elf, m->size, l->hash) != 0)
        return espota_fail(m->error, ESPOTA_ERR_FAILED, "SHA-256 is not available from the crypto library");
    return 0;
}

static int lay_out(struct making *m)
{
    const struct elf_program *p = &m->program;
    bool segments = m->options->segments;
    m->layout = (struct elf_layout){ .name = m->name,
                                     .chip = m->made->chip,
                                     .page_size = m->made->page_size,
                                     .ram_only_header = m->options->ram_only_header,
                                     .padding = m->options->padding,
                                     .image = &m->made->image };
    int result = find_hash(m);
    if (result == 0)
        result = elf_layout_take(&m->layout, segments ? p->segment : p->section,
                                 segments ? p->segments : p->sections, m->error);
    if (result == 0)
        result = elf_layout_write(&m->layout, m->error);
    m->made->joined = m->layout.joined;
    return result;
}

int espota_elf_image_make(struct espota_elf_image *made, const char *name, const void *elf, size_t size,
                          const struct espota_elf_image_options *options, struct espota_error *error)
{
    struct making m = {
        .made = made, .options = options, .name = name, .elf = elf, .size = size, .error = error
    };
    memset(made, 0, sizeof *made);
    int (*const steps[])(struct making *) = { choose_chip, find_page, begin_image, lay_out, end_image };
    int result = elf_program_open(&m.program, name, elf, size, error);
    for (size_t i = 0; result == 0 && i < sizeof steps / sizeof steps[0]; i++) {
        result = steps[i](&m);
        if (i == 0 && result == 0)
            result = check_options(&m);
    }
    elf_layout_free(&m.layout);
    elf_program_close(&m.program);
    if (result != 0)
        espota_elf_image_free(made);
    return result;
}

void espota_elf_image_free(struct espota_elf_image *made)
{
    espota_bytes_free(&made->image);
    memset(made, 0, sizeof *made);
}

int espota_elf_image_replace(struct espota_bytes *bytes, const char *name, const struct espota_chip *chip,
                             bool *converted, struct espota_error *error)
{
    struct espota_elf_image_options options = espota_elf_image_defaults;
    struct espota_elf_image made;
    options.chip = chip;
    *converted = false;
    if (bytes->size < 4 || memcmp(bytes->data, "\177ELF", 4) != 0)
        return 0;
    int result = espota_elf_image_make(&made, name, bytes->data, bytes->size, &options, error);
    if (result != 0)
        return result;
    espota_bytes_free(bytes);
    *bytes = made.image;
    *converted = true;
    return 0;
}
