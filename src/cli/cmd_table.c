#include "connect.h"

#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/size.h"
#include "espota/slots.h"
#include "espota/table.h"
#include "espota/table_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Tables are small; a flash dump that is given for one is told what it is. */
#define LARGEST_FILE (128u << 20)

struct options {
    struct connect_options connect;
    struct number_option flash, table_offset, bootloader_offset, recovery_offset;
    const char *output, *binary, *svg;
    struct list_option subtypes;
    bool csv, no_md5;
};

static const struct option_spec option_table[] = {
    { "flash", 0, OPTION_SIZE, offsetof(struct options, flash), "SIZE",
      "check that the table fits this flash (the device's)" },
    { "table-offset", 0, OPTION_SIZE, offsetof(struct options, table_offset), "OFFSET",
      "where the table lies in flash (0x8000)" },
    { "bootloader-offset", 0, OPTION_SIZE, offsetof(struct options, bootloader_offset), "OFFSET",
      "where the bootloader lies, for tables that list it" },
    { "recovery-offset", 0, OPTION_SIZE, offsetof(struct options, recovery_offset), "OFFSET",
      "where the recovery bootloader lies" },
    { "output", 'o', OPTION_TEXT, offsetof(struct options, output), "FILE", "write CSV to FILE" },
    { "binary", 0, OPTION_TEXT, offsetof(struct options, binary), "FILE", "write the binary table to FILE" },
    { "svg", 0, OPTION_TEXT, offsetof(struct options, svg), "FILE", "draw the map to scale into FILE (SVG)" },
    { "csv", 0, OPTION_FLAG, offsetof(struct options, csv), NULL, "print CSV on stdout" },
    { "no-md5", 0, OPTION_FLAG, offsetof(struct options, no_md5), NULL,
      "write the binary without an MD5 record (ESP-IDF before 3.1)" },
    OPTION_END,
};

/* A raw flash or sector dump goes on after the table: what counts ends with the end marker. */
static void print_result_line(const struct espota_table *table, const struct options *o)
{
    char free_text[ESPOTA_SIZE_TEXT], flash_text[ESPOTA_SIZE_TEXT];
    uint64_t end = espota_table_end(table);
    if (!o->flash.given) {
        print("\n%u partition%s, valid; %s at 0x%" PRIx64 "\n", table->count, ESPOTA_PLURAL(table->count),
              table->count == 1 ? "it ends" : "they end", end);
        return;
    }
    print("\n%u partition%s, valid; %s %s of flash, %s free after the last\n", table->count,
          ESPOTA_PLURAL(table->count), table->count == 1 ? "it fits" : "they fit",
          espota_size_text(o->flash.value, flash_text), espota_size_text(o->flash.value - end, free_text));
}

static struct fields summary_document(const char *device, const struct espota_table *table,
                                      const struct options *o, bool was_binary)
{
    struct fields document = device_document_begin(device);
    int64_t end = (int64_t)espota_table_end(table);
    field_flag(&document, "valid", true);
    field_text(&document, "source", was_binary ? "binary" : "csv");
    field_number(&document, "table_offset", table->offset);
    field_number(&document, "end", end);
    field_number_if(&document, "free", o->flash.given, (int64_t)o->flash.value - end);
    field_flag(&document, "md5", table->has_md5);
    field_number_if(&document, "flash_size", o->flash.given, o->flash.value);
    field_list(&document, "partitions", table_items(table));
    return document;
}

static int draw(const struct espota_table *table, const struct options *o, struct espota_error *error)
{
    char title[80] = "Partition table", flash[ESPOTA_SIZE_TEXT];
    if (o->flash.given)
        snprintf(title, sizeof title, "Partition table for %s of flash",
                 espota_size_text(o->flash.value, flash));
    return write_svg(o->svg, title, table, o->flash.value, error);
}

static int write_files(const struct espota_table *table, const struct options *o, struct espota_error *error)
{
    struct espota_bytes csv = { 0 };
    uint8_t binary[ESPOTA_TABLE_BINARY_SIZE];
    int result = espota_table_to_csv(table, &csv, error);
    if (result == 0)
        result = espota_table_to_binary(table, binary, error);
    if (result == 0 && o->output)
        result = write_csv(o->output, &csv, error);
    if (result == 0 && o->binary)
        result = espota_file_write(o->binary, binary, sizeof binary, error);
    if (result == 0 && o->svg)
        result = draw(table, o, error);
    if (result == 0 && o->csv)
        print_csv(&csv);
    espota_bytes_free(&csv);
    return result;
}

static int show(struct cli *cli, const char *device, const struct espota_table *table,
                const struct options *o, bool was_binary, struct espota_error *error)
{
    if (cli->json)
        return set_device_result(cli, summary_document(device, table, o, was_binary), error);
    if (o->csv || to_stdout(o->output) || to_stdout(o->binary) || to_stdout(o->svg))
        return 0;
    int result = print_table(table, o->flash.value, error);
    if (result == 0)
        print_result_line(table, o);
    return result;
}

/* Nothing that is known to be something else is read as CSV. */
static int check_kind(const struct espota_bytes *bytes, const char *name, struct espota_error *error)
{
    struct espota_file about;
    espota_file_examine(&about, bytes->data, bytes->size);
    return espota_file_check_table(&about, name, error);
}

static int read_file(const char *name, const struct options *o, struct espota_table *table, bool *was_binary,
                     struct espota_error *error)
{
    struct espota_bytes bytes = { 0 };
    struct espota_table_csv_options csv = {
        .table_offset = o->table_offset.given ? o->table_offset.value : ESPOTA_TABLE_DEFAULT_OFFSET,
        .has_bootloader_offset = o->bootloader_offset.given,
        .bootloader_offset = o->bootloader_offset.value,
        .has_recovery_offset = o->recovery_offset.given,
        .recovery_offset = o->recovery_offset.value,
    };
    struct espota_subtype_name names[LIST_MAX];
    int result = read_subtype_names(&o->subtypes, names, &csv, error);
    if (result == 0)
        result = espota_file_read(name, LARGEST_FILE, &bytes, error);
    if (result == 0)
        result = check_kind(&bytes, name, error);
    if (result == 0)
        result = espota_table_read(table, &bytes, strcmp(name, "-") == 0 ? "standard input" : name, &csv,
                                   was_binary, error);
    espota_bytes_free(&bytes);
    return result;
}

/* `name` has room for a device's. */
static int read_device(struct cli *cli, struct options *o, char *name, struct espota_table *table,
                       struct espota_error *error)
{
    struct espota_device *device = NULL;
    struct espota_slots slots;
    int result = connect_device(cli, &o->connect, VIA_ROM, &device, error);
    if (result == 0)
        result = espota_slots_load(&slots, device, o->table_offset.value, error);
    if (result == 0) {
        *table = slots.table;
        memcpy(name, device->name, sizeof device->name);
        if (!o->flash.given && device->info.flash_size)
            o->flash = (struct number_option){ true, device->info.flash_size };
    }
    return disconnect_device(device, result, error);
}

static int check_options(const struct cli *cli, const struct options *o, struct espota_error *error)
{
    if (o->table_offset.value % ESPOTA_SECTOR_SIZE || o->table_offset.value > (128u << 20))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--table-offset 0x%" PRIx32 " is no multiple of 4K within 128M",
                           o->table_offset.value);
    if (o->csv + cli->json + to_stdout(o->output) + to_stdout(o->binary) + to_stdout(o->svg) > 1)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--csv, --json and files named '-' all write to stdout: give one");
    if (o->output && o->binary && strcmp(o->output, o->binary) == 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--output and --binary would both write %s", o->output);
    if ((o->connect.port || o->connect.host) && cli->argument_count > 0)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "a FILE and --port or --host both name a table: give one");
    return 0;
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    struct options o = *(const struct options *)options;
    const char *file = cli->argument_count > 0 ? cli->arguments[0] : NULL;
    char device[sizeof((struct espota_device *)0)->name] = "";
    struct espota_table table;
    struct espota_table_problem problem;
    char words[ESPOTA_PROBLEM_TEXT];
    bool was_binary = true;
    int result = check_options(cli, &o, error);
    if (result == 0)
        result = file ? read_file(file, &o, &table, &was_binary, error)
                      : read_device(cli, &o, device, &table, error);
    if (result != 0)
        return result;
    warn_about_labels(cli, &table);
    if (o.flash.given && espota_table_verify_fits(&table, o.flash.value, &problem) != 0)
        return espota_fail(error, ESPOTA_ERR_TOO_BIG, "%s: %s", file ? file : device,
                           espota_table_problem_text(&problem, words));
    if (o.no_md5)
        table.has_md5 = false;
    result = write_files(&table, &o, error);
    return result ? result : show(cli, file ? NULL : device, &table, &o, was_binary, error);
}

const struct command command_table = {
    .name = "table",
    .summary = "check, show and convert a partition table",
    .usage = "[FILE]",
    .description =
        "FILE is CSV or a binary table, '-' for standard input; without it, the table on the device is "
        "taken.\n"
        "It is checked with every rule of ESP-IDF's generator, shown with a map, and converted when -o,\n"
        "--csv or --binary ask for it.",
    .options = option_table,
    .groups = { CONNECT_GROUPS(via_rom_option), { subtypes_option, offsetof(struct options, subtypes) } },
    .options_size = sizeof(struct options),
    .max_arguments = 1,
    .run = run,
};
