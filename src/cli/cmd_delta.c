/* delta: patches in files, for hosts that do not know what a device holds. */
#include "cli.h"

#include "espota/agent_settings.h"
#include "espota/chip.h"
#include "espota/elf_image.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/hex.h"
#include "espota/patch.h"
#include "espota/size.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LARGEST_FILE = 128 << 20, LARGEST_PATCH = 64 << 20 };

struct options {
    const char *output, *chip;
    struct number_option table_size;
    bool show, apply;
};

static const struct option_spec option_table[] = {
    { "output", 'o', OPTION_TEXT, offsetof(struct options, output), "FILE",
      "the patch, or with --apply the image, to write" },
    { "show", 0, OPTION_FLAG, offsetof(struct options, show), NULL, "say what the patch PATCH is" },
    { "apply", 0, OPTION_FLAG, offsetof(struct options, apply), NULL,
      "rebuild the new image of OLD and PATCH, as a device does" },
    { "table-size", 0, OPTION_SIZE, offsetof(struct options, table_size), "SIZE",
      "of the table that devices must have room for: 8K to 256K (16K)" },
    { "chip", 'c', OPTION_TEXT, offsetof(struct options, chip), "CHIP",
      "of ELF files: esp32, esp32c3 ... (as they say)" },
    OPTION_END,
};

/* ---- what a patch is ------------------------------------------------------------------------------------
 */

static const char *isa_name(enum espota_isa isa)
{
    return isa == ESPOTA_ISA_XTENSA ? "xtensa" : isa == ESPOTA_ISA_RISCV ? "riscv" : NULL;
}

static struct fields image_fields(uint32_t size, const uint8_t *sha256)
{
    struct fields fields = fields_begin();
    field_number(&fields, "size", size);
    field_bytes(&fields, "sha256", sha256, ESPOTA_SHA256_LENGTH);
    return fields;
}

static void add_patch(struct fields *document, const struct espota_patch *patch)
{
    const struct espota_patch_head *h = &patch->head;
    field_number(document, "size",
                 (int64_t)h->stream_length + ESPOTA_PATCH_COUNT_SIZE * patch->chunks +
                     ESPOTA_PATCH_HEAD_SIZE);
    field_number(document, "stream_size", h->stream_length);
    field_chip(document, "chip", espota_chip_by_image_id(h->chip_id));
    field_text(document, "instruction_set", isa_name(h->isa));
    field_number(document, "table_size", INT64_C(1) << h->table_log);
    field_number(document, "memory", (int64_t)espota_decoder.memory_with_base(h->table_log));
    field_object(document, "base", image_fields(h->base_length, h->base_sha256));
    field_object(document, "image", image_fields(h->image_length, h->image_sha256));
}

static void print_image(const char *what, uint32_t size, const uint8_t *sha256)
{
    char digits[2 * ESPOTA_SHA256_LENGTH + 1];
    espota_hex(sha256, ESPOTA_SHA256_LENGTH, digits);
    print("%-9s%" PRIu32 " bytes, SHA-256 %s\n", what, size, digits);
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void print_patch(const struct espota_patch *patch)
{
    const struct espota_patch_head *h = &patch->head;
    const struct espota_chip *chip = espota_chip_by_image_id(h->chip_id);
    const uint32_t *n = patch->kinds;
    char size[ESPOTA_SIZE_TEXT];
    print("Chip:    %s\n", chip ? chip->name : "one that this program does not know");
    print_image("Base:", h->base_length, h->base_sha256);
    print_image("Image:", h->image_length, h->image_sha256);
    print("Patch:   %" PRIu32 " byte%s on the way, %.1f%% of the image\n", h->stream_length,
          ESPOTA_PLURAL(h->stream_length), percent(h->stream_length, h->image_length));
    print("Chunks:  %" PRIu32 " coded, %" PRIu32 " stored, %" PRIu32 " fill%s, %" PRIu32
          " cop%s; map of %" PRIu32 " byte%s\n",
          n[ESPOTA_CHUNK_CODED], n[ESPOTA_CHUNK_STORED], n[ESPOTA_CHUNK_FILL],
          ESPOTA_PLURAL(n[ESPOTA_CHUNK_FILL]), n[ESPOTA_CHUNK_COPY], n[ESPOTA_CHUNK_COPY] == 1 ? "y" : "ies",
          h->map_length, ESPOTA_PLURAL(h->map_length));
    print("Decoder: a table of %s, %zu bytes of memory in all\n",
          espota_size_text(UINT64_C(1) << h->table_log, size), espota_decoder.memory_with_base(h->table_log));
}

static int read_patch(const char *path, struct espota_bytes *file, struct espota_patch *patch,
                      struct espota_error *error)
{
    int result = espota_file_read(path, LARGEST_PATCH, file, error);
    return result ? result : espota_patch_read(patch, path, file, error);
}

static int run_show(struct cli *cli, struct espota_error *error)
{
    struct espota_bytes file = { 0 };
    struct espota_patch patch;
    int result = read_patch(cli->arguments[0], &file, &patch, error);
    if (result == 0 && cli->json) {
        struct fields document = document_begin();
        add_patch(&document, &patch);
        result = set_result(cli, document, error);
    } else if (result == 0) {
        print_patch(&patch);
    }
    espota_bytes_free(&file);
    return result;
}

/* ---- images ---------------------------------------------------------------------------------------------
 */

/* An ELF file is as good as its image, where espota made that too. */
static int read_image(struct cli *cli, const struct options *o, const char *path, struct espota_bytes *bytes,
                      struct espota_error *error)
{
    const struct espota_chip *chip = o->chip ? espota_chip_by_name(o->chip) : NULL;
    bool converted = false;
    int result = espota_file_read(path, LARGEST_FILE, bytes, error);
    if (result == 0)
        result = espota_elf_image_replace(bytes, path, chip, &converted, error);
    if (converted)
        espota_ui_say(&cli->ui, "%s is an ELF file: made into an image of %zu bytes", path, bytes->size);
    return result;
}

static int check_secret(const char *path, const struct espota_bytes *bytes, struct espota_error *error)
{
    if (!espota_settings_hold_key(bytes->data, bytes->size))
        return 0;
    return espota_fail(
        error, ESPOTA_ERR_REFUSED,
        "%s has a device's key in it: a patch, which is there to be handed out, would have it too", path);
}

static struct espota_patch_image image_of(const char *path, const struct espota_bytes *bytes)
{
    return (struct espota_patch_image){ path, bytes->data, bytes->size };
}

/* ---- making ---------------------------------------------------------------------------------------------
 */

static int table_log(const struct options *o, unsigned *log, struct espota_error *error)
{
    *log = ESPOTA_CODER_TABLE_DEFAULT;
    if (!o->table_size.given)
        return 0;
    for (*log = ESPOTA_CODER_TABLE_MIN; *log <= ESPOTA_CODER_TABLE_MAX; ++*log)
        if (o->table_size.value == UINT32_C(1) << *log)
            return 0;
    return espota_fail(error, ESPOTA_ERR_USAGE,
                       "--table-size: there are tables of 8K, 16K, 32K, 64K, 128K and 256K");
}

static int report_made(struct cli *cli, const struct options *o, const struct espota_bytes *file,
                       struct espota_error *error)
{
    struct espota_patch patch;
    int result = espota_patch_read(&patch, o->output, file, error);
    if (result == 0 && cli->json) {
        struct fields document = document_begin();
        field_text(&document, "output", o->output);
        add_patch(&document, &patch);
        return set_result(cli, document, error);
    }
    if (result == 0)
        espota_ui_say(&cli->ui, "%s: %" PRIu32 " bytes on the way in place of %" PRIu32 ", %.1f%%", o->output,
                      patch.head.stream_length, patch.head.image_length,
                      percent(patch.head.stream_length, patch.head.image_length));
    return result;
}

static int make(struct cli *cli, const struct options *o, const struct espota_bytes *old,
                const struct espota_bytes *new, struct espota_error *error)
{
    const struct espota_patch_image base = image_of(cli->arguments[0], old),
                                    image = image_of(cli->arguments[1], new);
    struct espota_bytes file = { 0 };
    unsigned log;
    int result = table_log(o, &log, error);
    if (result == 0)
        result = espota_patch_make(&base, &image, log, &file, error);
    if (result == 0)
        result = espota_file_write(o->output, file.data, file.size, error);
    if (result == 0)
        result = report_made(cli, o, &file, error);
    espota_bytes_free(&file);
    return result;
}

static int run_make(struct cli *cli, const struct options *o, struct espota_error *error)
{
    struct espota_bytes old = { 0 }, new = { 0 };
    int result = read_image(cli, o, cli->arguments[0], &old, error);
    if (result == 0)
        result = read_image(cli, o, cli->arguments[1], &new, error);
    if (result == 0)
        result = check_secret(cli->arguments[0], &old, error);
    if (result == 0)
        result = check_secret(cli->arguments[1], &new, error);
    if (result == 0)
        result = make(cli, o, &old, &new, error);
    espota_bytes_free(&old);
    espota_bytes_free(&new);
    return result;
}

/* ---- applying -------------------------------------------------------------------------------------------
 */

static int report_applied(struct cli *cli, const struct options *o, const struct espota_patch *patch,
                          struct espota_error *error)
{
    if (cli->json) {
        struct fields document = document_begin();
        field_text(&document, "output", o->output);
        add_patch(&document, patch);
        return set_result(cli, document, error);
    }
    espota_ui_say(&cli->ui, "%s: %" PRIu32 " bytes, with the SHA-256 that the patch promises", o->output,
                  patch->head.image_length);
    return 0;
}

static int run_apply(struct cli *cli, const struct options *o, struct espota_error *error)
{
    struct espota_bytes old = { 0 }, file = { 0 }, image = { 0 };
    struct espota_patch patch;
    int result = read_image(cli, o, cli->arguments[0], &old, error);
    if (result == 0)
        result = read_patch(cli->arguments[1], &file, &patch, error);
    if (result == 0) {
        const struct espota_patch_image base = image_of(cli->arguments[0], &old);
        result = espota_patch_apply(&patch, cli->arguments[1], &base, &image, error);
    }
    if (result == 0)
        result = write_image(o->output, &image, error);
    if (result == 0)
        result = report_applied(cli, o, &patch, error);
    espota_bytes_free(&old);
    espota_bytes_free(&file);
    espota_bytes_free(&image);
    return result;
}

/* ---- the command ----------------------------------------------------------------------------------------
 */

static int check_options(const struct cli *cli, const struct options *o, struct espota_error *error)
{
    int wanted = o->show ? 1 : 2;
    if (o->show && o->apply)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--show and --apply contradict each other");
    if (cli->argument_count != wanted)
        return espota_fail(error, ESPOTA_ERR_USAGE, "which files? espota delta %s",
                           o->show    ? "--show PATCH"
                           : o->apply ? "--apply OLD PATCH -o NEW"
                                      : "OLD NEW -o PATCH");
    if (!o->show != !!o->output)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           o->show ? "--show writes no file" : "into which file? Give --output FILE");
    if (o->table_size.given && (o->show || o->apply))
        return espota_fail(error, ESPOTA_ERR_USAGE, "--table-size is chosen when a patch is made");
    if (o->chip && (o->show || !espota_chip_by_name(o->chip)))
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            o->show ? "--show says which chip it is: leave --chip out" : "--chip '%s' is not known", o->chip);
    if (to_stdout(o->output) && cli->json)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--json and the data cannot both go to standard output");
    return 0;
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    int result = check_options(cli, o, error);
    if (result != 0)
        return result;
    if (o->show)
        return run_show(cli, error);
    return o->apply ? run_apply(cli, o, error) : run_make(cli, o, error);
}

const struct command command_delta = {
    .name = "delta",
    .summary = "make a patch of two images for devices that hold the first",
    .usage = "OLD NEW -o PATCH | --show PATCH | --apply OLD PATCH -o NEW",
    .description =
        "An update makes its own patch where the image on the device is known, so this is for servers:\n"
        "a patch beside an image, as IMAGE.SHA256.patch with the SHA-256 of OLD, is found by 'espota ota' "
        "on\n"
        "hosts that do not know it. --apply rebuilds NEW with the decoder that devices have.",
    .options = option_table,
    .options_size = sizeof(struct options),
    .max_arguments = 2,
    .run = run,
};
