/* image: what one is. */
#include "image_command.h"

#include "espota/hex.h"
#include "espota/image.h"
#include "espota/image_file.h"
#include "espota/size.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- for people -----------------------------------------------------------------------------------------
 */

static void print_flash_settings(const struct espota_image *image, const struct espota_chip *chip)
{
    static const char *const modes[] = { "QIO", "QOUT", "DIO", "DOUT" };
    char mode[16], size[ESPOTA_SIZE_TEXT] = "?", frequency[16] = "?";
    uint32_t mhz = chip ? chip->frequency[image->flash_frequency] : 0;
    snprintf(mode, sizeof mode, "mode 0x%02x", image->flash_mode);
    if (image->flash_mode < 4)
        snprintf(mode, sizeof mode, "%s", modes[image->flash_mode]);
    if (image->flash_size < 8)
        espota_size_text((uint64_t)1 << (20 + image->flash_size), size);
    if (mhz)
        snprintf(frequency, sizeof frequency, "%" PRIu32 " MHz", mhz);
    print("Flash:       %s, %s, %s\n", mode, frequency, size);
}

static bool has_newest(const struct espota_image *image)
{
    return image->max_revision != 0 && image->max_revision != UINT16_MAX;
}

static void print_revisions(const struct espota_image *image, const struct espota_image_details *more)
{
    print("Revisions:   v%u.%u and later", image->min_revision / 100u, image->min_revision % 100u);
    if (has_newest(image))
        print(", up to v%u.%u", image->max_revision / 100u, image->max_revision % 100u);
    if (more->oldest_revision)
        print("; in the older field: %u", more->oldest_revision);
    print("\n");
}

/* What hardly anybody sets is shown where it is set. */
static void print_pins(const struct espota_image_details *more)
{
    static const char *const pins[] = { "clk", "q", "d", "cs", "hd", "wp" };
    bool any = false;
    if (more->wp_pin != ESPOTA_IMAGE_NO_WP_PIN)
        print("WP pin:      %u\n", more->wp_pin);
    for (unsigned i = 0; i < 6; i++)
        any = any || more->drive[i];
    if (!any)
        return;
    print("Drive:      ");
    for (unsigned i = 0; i < 6; i++)
        print(" %s %u", pins[i], more->drive[i]);
    print("\n");
}

static void print_loader(const struct espota_image_details *more)
{
    print("Bootloader:  version %" PRIu32 ", ESP-IDF %s\n", more->bootloader.version,
          more->bootloader.idf_version);
    print("Built:       %s\n", more->bootloader.date_time);
}

static bool has_newest_block(const struct espota_image_details *more)
{
    return more->max_block_revision != 0 && more->max_block_revision != UINT16_MAX;
}

static void print_block_revisions(const struct espota_image_details *more)
{
    if (more->min_block_revision == 0 && !has_newest_block(more))
        return;
    print("eFuse block: v%u.%u and later", more->min_block_revision / 100u, more->min_block_revision % 100u);
    if (has_newest_block(more))
        print(", up to v%u.%u", more->max_block_revision / 100u, more->max_block_revision % 100u);
    print("\n");
}

static void print_description(const struct espota_image *image, const struct espota_image_details *more)
{
    char hash[2 * ESPOTA_SHA256_LENGTH + 1];
    const struct espota_app_desc *d = &image->description;
    if (more->has_bootloader) {
        print_loader(more);
        return;
    }
    if (!image->has_description) {
        print("Description: none (a bootloader, or an app built before ESP-IDF 3.3)\n");
        return;
    }
    print("Project:     %s %s\n", d->project, d->version);
    if (d->date[0])
        print("Built:       %s %s, ESP-IDF %s\n", d->date, d->time, d->idf_version);
    print("Secure ver.: %" PRIu32 "\n", d->secure_version);
    espota_hex(d->elf_sha256, sizeof d->elf_sha256, hash);
    print("ELF SHA-256: %s\n", hash);
    print_block_revisions(more);
    if (more->page_size)
        print("MMU page:    %" PRIu32 "K\n", more->page_size / 1024);
}

static void print_checks(const struct espota_image *image)
{
    char hash[2 * ESPOTA_SHA256_LENGTH + 1];
    bool sum = image->checksum_stored == image->checksum_computed;
    print("Checksum:    %02x, %s\n", image->checksum_stored, sum ? "correct" : "WRONG");
    espota_hex(image->hash_computed, ESPOTA_SHA256_LENGTH, hash);
    if (!image->hash_appended)
        print("SHA-256:     %s (computed; none appended)\n", hash);
    else
        print("SHA-256:     %s, %s\n", hash,
              memcmp(image->hash_stored, image->hash_computed, ESPOTA_SHA256_LENGTH) == 0 ? "correct"
                                                                                          : "WRONG");
}

static void print_segments(const struct espota_image *image, const struct espota_chip *chip)
{
    char memory[ESPOTA_MEMORY_TEXT];
    for (unsigned i = 0; i < image->segment_count && i < ESPOTA_IMAGE_MAX_SEGMENTS; i++) {
        const struct espota_image_segment *s = &image->segment[i];
        if (s->offset > 0)
            print("Segment %-2u   0x%08" PRIx32 "  %8" PRIu32 " bytes at 0x%-6" PRIx32 "  %s\n", i,
                  s->load_address, s->length, s->offset,
                  espota_chip_memory_text(chip, s->load_address, memory));
    }
}

void image_print(const char *name, const struct espota_image *image, const struct espota_bytes *bytes)
{
    const struct espota_chip *chip = espota_chip_by_image_id(image->chip_id);
    struct espota_image_details more;
    espota_image_details(&more, image, bytes->data, bytes->size);
    print("File:        %s, %zu bytes\n", name, bytes->size);
    if (chip)
        print("Chip:        %s\n", chip->name);
    else
        print("Chip:        unknown, id %u\n", image->chip_id);
    print_revisions(image, &more);
    print_flash_settings(image, chip);
    print_pins(&more);
    print("Entry:       0x%08" PRIx32 "\n", image->entry);
    print_segments(image, chip);
    if (image->length == 0)
        return;
    print_description(image, &more);
    print_checks(image);
    print("Length:      %" PRIu32 " bytes", image->length);
    if (bytes->size > image->length)
        print(", and %zu byte%s after it", bytes->size - image->length,
              ESPOTA_PLURAL(bytes->size - image->length));
    print("\n");
}

/* ---- for programs ---------------------------------------------------------------------------------------
 */

static struct items segment_items(const struct espota_image *image, const struct espota_chip *chip)
{
    char memory[ESPOTA_MEMORY_TEXT];
    struct items items = items_begin();
    for (unsigned i = 0; i < image->segment_count && i < ESPOTA_IMAGE_MAX_SEGMENTS; i++) {
        const struct espota_image_segment *s = &image->segment[i];
        struct fields fields = fields_begin();
        field_number(&fields, "load_address", s->load_address);
        field_number(&fields, "length", s->length);
        field_number(&fields, "offset", s->offset);
        field_text_if_any(&fields, "memory", espota_chip_memory_text(chip, s->load_address, memory));
        item_object(&items, fields);
    }
    return items;
}

static struct fields description_fields(const struct espota_app_desc *d,
                                        const struct espota_image_details *more)
{
    struct fields fields = fields_begin();
    field_text(&fields, "project", d->project);
    field_text(&fields, "version", d->version);
    field_text(&fields, "idf_version", d->idf_version);
    field_text(&fields, "date", d->date);
    field_text(&fields, "time", d->time);
    field_number(&fields, "secure_version", d->secure_version);
    field_bytes(&fields, "elf_sha256", d->elf_sha256, sizeof d->elf_sha256);
    field_number(&fields, "min_block_revision", more->min_block_revision);
    field_number_if(&fields, "max_block_revision", has_newest_block(more), more->max_block_revision);
    field_number_if(&fields, "page_size", more->page_size > 0, more->page_size);
    return fields;
}

static struct fields loader_fields(const struct espota_image_details *more)
{
    struct fields fields = fields_begin();
    field_number(&fields, "version", more->bootloader.version);
    field_text(&fields, "idf_version", more->bootloader.idf_version);
    field_text(&fields, "date_time", more->bootloader.date_time);
    return fields;
}

static void add_descriptions(struct fields *to, const struct espota_image *image,
                             const struct espota_image_details *more)
{
    if (image->has_description)
        field_object(to, "description", description_fields(&image->description, more));
    else
        field_null(to, "description");
    if (more->has_bootloader)
        field_object(to, "bootloader", loader_fields(more));
    else
        field_null(to, "bootloader");
}

static void add_flash_settings(struct fields *to, const struct espota_image *image,
                               const struct espota_chip *chip)
{
    static const char *const modes[] = { "qio", "qout", "dio", "dout" };
    uint32_t frequency = chip ? chip->frequency[image->flash_frequency] : 0;
    field_text(to, "flash_mode", image->flash_mode < 4 ? modes[image->flash_mode] : NULL);
    field_number_if(to, "flash_frequency_mhz", frequency > 0, frequency);
    field_number_if(to, "flash_size", image->flash_size < 8, (int64_t)1 << (20 + image->flash_size));
}

/* Of a valid image: any other is a failure. */
struct fields image_document(const struct espota_image *image, const struct espota_bytes *bytes)
{
    struct espota_image_details more;
    struct fields document = document_begin();
    char words[ESPOTA_PROBLEM_TEXT];
    const struct espota_chip *chip = espota_chip_by_image_id(image->chip_id);
    espota_image_details(&more, image, bytes->data, bytes->size);
    field_flag(&document, "valid", true);
    field_text(&document, "verdict", espota_image_verdict_text(ESPOTA_IMAGE_OK, image, words));
    field_chip(&document, "chip", chip);
    field_number(&document, "chip_id", image->chip_id);
    field_number(&document, "entry", image->entry);
    field_number(&document, "length", image->length);
    field_number(&document, "min_revision", image->min_revision);
    field_number_if(&document, "max_revision", has_newest(image), image->max_revision);
    add_flash_settings(&document, image, chip);
    field_flag(&document, "checksum_ok", true);
    field_flag_if(&document, "hash_ok", image->hash_appended, true);
    field_bytes(&document, "sha256", image->hash_computed, ESPOTA_SHA256_LENGTH);
    field_list(&document, "segments", segment_items(image, chip));
    add_descriptions(&document, image, &more);
    return document;
}
