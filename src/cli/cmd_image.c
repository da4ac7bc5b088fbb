#include "cli.h"

#include "espota/buffer.h"
#include "espota/chip.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/file_kind.h"
#include "espota/hash.h"
#include "espota/hex.h"
#include "espota/image.h"
#include "espota/image_file.h"
#include "espota/sign.h"
#include "espota/size.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct options {
    const char *pubkey;
};

static const struct option_spec option_table[] = {
    { "pubkey", 0, OPTION_TEXT, offsetof(struct options, pubkey), "PEM",
      "check that the image is signed with this key" },
    OPTION_END,
};

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

static void print_revisions(const struct espota_image *image)
{
    print("Revisions:   v%u.%u and later", image->min_revision / 100u, image->min_revision % 100u);
    if (image->max_revision != 0 && image->max_revision != 65535)
        print(", up to v%u.%u", image->max_revision / 100u, image->max_revision % 100u);
    print("\n");
}

static void print_description(const struct espota_image *image)
{
    const struct espota_app_desc *d = &image->description;
    if (!image->has_description) {
        print("Description: none (a bootloader, or an app built before ESP-IDF 3.3)\n");
        return;
    }
    print("Project:     %s %s\n", d->project, d->version);
    if (d->date[0])
        print("Built:       %s %s, ESP-IDF %s\n", d->date, d->time, d->idf_version);
    print("Secure ver.: %" PRIu32 "\n", d->secure_version);
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

static void print_image(const char *name, const struct espota_image *image, size_t file_size)
{
    const struct espota_chip *chip = espota_chip_by_image_id(image->chip_id);
    print("File:        %s, %zu bytes\n", name, file_size);
    if (chip)
        print("Chip:        %s\n", chip->name);
    else
        print("Chip:        unknown, id %u\n", image->chip_id);
    print_revisions(image);
    print_flash_settings(image, chip);
    print("Entry:       0x%08" PRIx32 "\n", image->entry);
    for (unsigned i = 0; i < image->segment_count && i < ESPOTA_IMAGE_MAX_SEGMENTS; i++)
        if (image->segment[i].offset > 0)
            print("Segment %-2u   0x%08" PRIx32 "  %8" PRIu32 " bytes at 0x%" PRIx32 "\n", i,
                  image->segment[i].load_address, image->segment[i].length, image->segment[i].offset);
    if (image->length == 0)
        return;
    print_description(image);
    print_checks(image);
    print("Length:      %" PRIu32 " bytes", image->length);
    if (file_size > image->length)
        print(", and %zu bytes after it", file_size - image->length);
    print("\n");
}

static int check_owner(const char *pubkey, const char *name, const struct espota_bytes *bytes,
                       struct espota_error *error)
{
    struct espota_signer *owner = NULL;
    int result = espota_signer_load(&owner, pubkey, false, error);
    if (result == 0)
        result = espota_sign_check_image(owner, name, bytes, error);
    espota_signer_free(owner);
    return result;
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    const char *name = cli->arguments[0];
    struct espota_bytes bytes = { 0 };
    struct espota_image image;
    char words[ESPOTA_FILE_WORDS];
    int result = espota_file_read(name, 128u << 20, &bytes, error);
    if (result != 0) {
        espota_bytes_free(&bytes);
        return result;
    }
    enum espota_image_verdict verdict = espota_image_examine_memory(&image, bytes.data, bytes.size);
    if (verdict != ESPOTA_IMAGE_OK)
        result = espota_fail(error, ESPOTA_ERR_VERIFY, "%s: %s", name,
                             espota_image_fault_words(verdict, &image, bytes.data, bytes.size, words));
    else if (o->pubkey)
        result = check_owner(o->pubkey, name, &bytes, error);
    if (cli->json && result == 0)
        result = set_result(cli, image_document(&image), error);
    else if (!cli->json && verdict != ESPOTA_IMAGE_NO_MAGIC && verdict != ESPOTA_IMAGE_READ_FAILED &&
             bytes.size > 0)
        print_image(name, &image, bytes.size);
    espota_bytes_free(&bytes);
    return result;
}

const struct command command_image = {
    .name = "image",
    .summary = "show and check an app or bootloader image",
    .usage = "FILE",
    .description =
        "Chip, segments, entry, flash settings, checksum and SHA-256 verdicts, and the app description.\n"
        "Exit status 4 when the image is broken, or not signed with the key of --pubkey. '-' reads standard "
        "input.",
    .options = option_table,
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
