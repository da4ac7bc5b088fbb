#include "cli.h"
#include "plan_options.h"

#include "espota/buffer.h"
#include "espota/elf_image.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/file_kind.h"
#include "espota/image.h"
#include "espota/image_file.h"
#include "espota/size.h"
#include "espota/table.h"
#include "espota/table_file.h"

#include <stdio.h>
#include <string.h>

struct options {
    struct plan_options plan;
    const char *output, *binary, *svg;
    bool csv;
};

static const struct option_spec option_table[] = {
    { "flash", 0, OPTION_SIZE, PLAN_OPTION(flash), "SIZE", "flash size: 1M, 2M, 4M, 8M, 16M ... (needed)" },
    { "app", 0, OPTION_TEXT, PLAN_OPTION(app), "FILE",
      "app image that must fit: the app size grows to hold it" },
    { "output", 'o', OPTION_TEXT, offsetof(struct options, output), "FILE", "write CSV to FILE" },
    { "binary", 0, OPTION_TEXT, offsetof(struct options, binary), "FILE", "write the binary table to FILE" },
    { "svg", 0, OPTION_TEXT, offsetof(struct options, svg), "FILE", "draw the map to scale into FILE (SVG)" },
    { "csv", 0, OPTION_FLAG, offsetof(struct options, csv), NULL, "print CSV on stdout" },
    OPTION_END,
};

static const char *const descriptions[] = {
    [ESPOTA_LAYOUT_SINGLE] = "one app, no OTA",
    [ESPOTA_LAYOUT_2P] = "two OTA slots",
    [ESPOTA_LAYOUT_3P] = "factory and two OTA slots",
    [ESPOTA_LAYOUT_SAFEBOOT] = "a small app that updates, and one OTA slot",
};

/* What an ELF file will be: whichever of the chips it may be for, that is about the same. */
static int take_elf(struct espota_bytes *bytes, const char *path, struct espota_error *error)
{
    const struct espota_chip *chips[ESPOTA_ELF_MAX_CHIPS];
    bool converted = false;
    unsigned count = 0;
    if (bytes->size < 4 || memcmp(bytes->data, "\177ELF", 4) != 0)
        return 0;
    int result = espota_elf_chips(path, bytes->data, bytes->size, chips, &count, error);
    return result ? result : espota_elf_image_replace(bytes, path, chips[0], &converted, error);
}

/* Size of the app image in a file, which must be one. */
static int measure_app(const char *path, uint32_t *size, struct espota_error *error)
{
    struct espota_bytes bytes = { 0 };
    struct espota_image image;
    struct espota_file file;
    char words[ESPOTA_FILE_WORDS];
    int result = espota_file_read(path, 128u << 20, &bytes, error);
    if (result == 0)
        result = take_elf(&bytes, path, error);
    if (result == 0) {
        enum espota_image_verdict verdict = espota_image_examine_memory(&image, bytes.data, bytes.size);
        if (verdict != ESPOTA_IMAGE_OK)
            result = espota_fail(error, ESPOTA_ERR_VERIFY, "cannot plan for the app %s: %s", path,
                                 espota_image_fault_words(verdict, &image, bytes.data, bytes.size, words));
        espota_file_examine(&file, bytes.data, bytes.size);
        if (result == 0)
            result = espota_file_check_app(&file, path, error);
        *size = (uint32_t)bytes.size;
    }
    espota_bytes_free(&bytes);
    return result;
}

static int draw(const char *path, const struct espota_plan *plan, struct espota_error *error)
{
    char title[80], flash[ESPOTA_SIZE_TEXT];
    snprintf(title, sizeof title, "%s of flash: %s", espota_size_text(plan->flash_size, flash),
             descriptions[plan->layout]);
    return write_svg(path, title, &plan->table, plan->flash_size, error);
}

static int write_files(const struct options *o, const struct espota_plan *plan,
                       const struct espota_bytes *csv, const uint8_t binary[ESPOTA_TABLE_BINARY_SIZE],
                       struct espota_error *error)
{
    int result = 0;
    if (o->svg)
        result = draw(o->svg, plan, error);
    if (result == 0 && o->output)
        result = write_csv(o->output, csv, error);
    if (result == 0 && o->binary)
        result = espota_file_write(o->binary, binary, ESPOTA_TABLE_BINARY_SIZE, error);
    return result;
}

static int set_plan_result(struct cli *cli, const struct espota_plan *plan, struct espota_error *error)
{
    struct fields document = document_begin();
    struct items notes = items_begin();
    for (unsigned i = 0; i < plan->note_count; i++)
        item_text(&notes, plan->note[i].text);
    field_text(&document, "for", espota_firmware_name(plan->firmware));
    field_text(&document, "layout", espota_layout_name(plan->layout));
    field_number(&document, "flash_size", plan->flash_size);
    field_number(&document, "table_offset", plan->table.offset);
    field_list(&document, "notes", notes);
    field_list(&document, "partitions", table_items(&plan->table));
    return set_result(cli, document, error);
}

static int print_plan(const struct espota_plan *plan, struct espota_error *error)
{
    char flash[ESPOTA_SIZE_TEXT];
    bool own = plan->firmware == ESPOTA_FIRMWARE_LOBO;
    print("Layout %s%s%s for %s of flash: %s, table at 0x%x\n\n", espota_layout_name(plan->layout),
          own ? "" : " of ", own ? "" : espota_firmware_name(plan->firmware),
          espota_size_text(plan->flash_size, flash), descriptions[plan->layout], plan->table.offset);
    return print_table(&plan->table, plan->flash_size, error);
}

static int check_options(const struct cli *cli, const struct options *o, struct espota_error *error)
{
    if (!o->plan.flash.given)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "how much flash? Give --flash SIZE, for example --flash 4M");
    if ((o->plan.app_size.given && o->plan.app_size.value == 0) ||
        (o->plan.nvs_size.given && o->plan.nvs_size.value == 0) ||
        (o->plan.table_offset.given && o->plan.table_offset.value == 0))
        return espota_fail(error, ESPOTA_ERR_USAGE, "--appsize, --nvs-size and --table-offset cannot be 0");
    if (o->csv + cli->json + to_stdout(o->output) + to_stdout(o->binary) + to_stdout(o->svg) > 1)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--csv, --json and files named '-' all write to stdout: give one");
    if (o->output && o->binary && strcmp(o->output, o->binary) == 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--output and --binary would both write %s", o->output);
    return check_plan_options(&o->plan, error);
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    struct espota_plan plan;
    struct espota_bytes csv = { 0 };
    uint8_t binary[ESPOTA_TABLE_BINARY_SIZE];
    uint32_t app_size = 0;
    int result = check_options(cli, o, error);
    if (result == 0 && o->plan.app)
        result = measure_app(o->plan.app, &app_size, error);
    if (result != 0)
        return result;
    struct espota_plan_request request = plan_request(&o->plan, o->plan.flash.value, app_size);
    result = espota_plan_make(&plan, &request, error);
    if (result != 0)
        return result;
    say_plan_notes(cli, &plan);
    result = espota_table_to_csv(&plan.table, &csv, error);
    if (result == 0)
        result = espota_table_to_binary(&plan.table, binary, error);
    if (result == 0)
        result = write_files(o, &plan, &csv, binary, error);
    if (result == 0 && o->csv)
        print_csv(&csv);
    else if (result == 0 && cli->json)
        result = set_plan_result(cli, &plan, error);
    else if (result == 0 && !to_stdout(o->output) && !to_stdout(o->binary) && !to_stdout(o->svg))
        result = print_plan(&plan, error);
    espota_bytes_free(&csv);
    return result;
}

const struct command command_plan = {
    .name = "plan",
    .summary = "compute a partition table",
    .usage = "--flash SIZE",
    .description =
        "Lays out one app, two OTA slots (flash below 16M), or factory and two OTA slots, with nvs,\n"
        "phy_init and a file system in the rest; with --for, what another firmware looks for. Prints the\n"
        "table and a map, or CSV, or JSON.",
    .options = option_table,
    .groups = { { layout_options, offsetof(struct options, plan) } },
    .options_size = sizeof(struct options),
    .run = run,
};
