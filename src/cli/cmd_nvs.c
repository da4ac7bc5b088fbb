#include "connect.h"
#include "nvs_show.h"
#include "partition.h"

#include "espota/device.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/file_device.h"
#include "espota/file_kind.h"
#include "espota/nvs_csv.h"
#include "espota/nvs_values.h"
#include "espota/random.h"
#include "espota/size.h"
#include "espota/smart_read.h"

#include <stdlib.h>
#include <string.h>

enum { LARGEST_FILE = 128 << 20, USUAL_LIMIT = 32 };

struct options {
    struct connect_options connect;
    struct number_option table_offset, limit, size;
    const char *partition, *nvs_key, *output, *version;
    bool all, show_secrets, pages;
};

static const struct option_spec option_table[] = {
    { "partition", 0, OPTION_TEXT, offsetof(struct options, partition), "NAME",
      "the NVS partition (nvs, or the only one)" },
    { "all", 'a', OPTION_FLAG, offsetof(struct options, all), NULL,
      "show what is erased or superseded, too" },
    { "show-secrets", 0, OPTION_FLAG, offsetof(struct options, show_secrets), NULL,
      "show passwords, keys and tokens as they are" },
    { "limit", 0, OPTION_NUMBER, offsetof(struct options, limit), "BYTES",
      "show as much of a string or blob; 0: all (32)" },
    { "pages", 0, OPTION_FLAG, offsetof(struct options, pages), NULL, "show the pages, too" },
    { "nvs-key", 0, OPTION_TEXT, offsetof(struct options, nvs_key), "FILE",
      "the nvs_keys partition to decrypt or encrypt with" },
    { "output", 'o', OPTION_TEXT, offsetof(struct options, output), "FILE", "make: the file to write" },
    { "size", 0, OPTION_SIZE, offsetof(struct options, size), "SIZE", "make: size of the partition" },
    { "nvs-version", 0, OPTION_TEXT, offsetof(struct options, version), "N",
      "make: format of blobs, 1 (one page at most) or 2 (2)" },
    OPTION_END,
};

/* NVS, and where it comes from. */
struct source {
    uint8_t *data;
    size_t size;
    char device[sizeof((struct espota_device *)0)->name];
    struct espota_partition partition;
    bool of_device;
};

/* ---- where it comes from --------------------------------------------------------------------------------
 */

static int read_partition(const struct options *o, struct espota_device *device, struct source *source,
                          struct espota_error *error)
{
    static const uint8_t subtypes[] = { ESPOTA_DATA_NVS };
    static const struct partition_kind kind = { "NVS", "nvs", subtypes, 1 };
    struct espota_smart_read counts = { 0 };
    int result =
        partition_choose(device, o->table_offset.value, o->partition, &kind, &source->partition, error);
    if (result != 0)
        return result;
    source->of_device = true;
    source->size = source->partition.size / ESPOTA_NVS_PAGE * ESPOTA_NVS_PAGE;
    memcpy(source->device, device->name, sizeof source->device);
    source->data = calloc(1, source->size + 1);
    if (!source->data)
        return espota_fail_memory(error, "reading NVS");
    return espota_smart_read(device, source->partition.offset, source->data, (uint32_t)source->size, &counts,
                             error);
}

static int read_device(struct cli *cli, const struct options *o, struct source *source,
                       struct espota_error *error)
{
    struct espota_device *device = NULL;
    int result = connect_device(cli, &o->connect, VIA_ROM, &device, error);
    if (result == 0)
        result = read_partition(o, device, source, error);
    return disconnect_device(device, result, error);
}

static int read_dump(const char *path, const struct options *o, struct source *source,
                     struct espota_error *error)
{
    struct espota_device *device = NULL;
    int result = espota_file_device_open(&device, path, NULL, error);
    if (result == 0)
        result = read_partition(o, device, source, error);
    espota_device_close(device);
    return result;
}

/* A file is NVS, or a dump of flash that has a table. */
static int read_file(const char *path, const struct options *o, struct source *source,
                     struct espota_error *error)
{
    struct espota_bytes bytes = { 0 };
    struct espota_file about;
    int result = espota_file_read(path, LARGEST_FILE, &bytes, error);
    if (result != 0)
        return result;
    espota_file_examine(&about, bytes.data, bytes.size);
    if (about.kind == ESPOTA_FILE_MERGED && strcmp(path, "-") != 0) {
        espota_bytes_free(&bytes);
        return read_dump(path, o, source, error);
    }
    source->data = bytes.data;
    source->size = bytes.size;
    if (bytes.size == 0 || bytes.size % ESPOTA_NVS_PAGE)
        return espota_fail(error, ESPOTA_ERR_VERIFY,
                           "%s is no NVS: that is whole pages of 4096 bytes, and this is %zu", path,
                           bytes.size);
    return 0;
}

/* ---- show -----------------------------------------------------------------------------------------------
 */

typedef int crypt_fn(uint8_t *image, size_t size, const uint8_t key[ESPOTA_NVS_KEYS],
                     struct espota_error *error);

/* With the keys in the file that was named, if any. */
static int with_keys(struct cli *cli, const struct options *o, crypt_fn *crypt_pages, uint8_t *image,
                     size_t size, struct espota_error *error)
{
    uint8_t key[ESPOTA_NVS_KEYS];
    struct espota_bytes bytes = { 0 };
    if (!o->nvs_key)
        return 0;
    warn_about_readers(cli, o->nvs_key);
    int result = espota_file_read(o->nvs_key, 1 << 20, &bytes, error);
    if (result == 0 && espota_nvs_keys_read(key, bytes.data, bytes.size, error) != 0)
        result = espota_fail_while(error, "%s cannot be used", o->nvs_key);
    if (result == 0)
        result = crypt_pages(image, size, key, error);
    espota_wipe(key, sizeof key);
    if (bytes.data)
        espota_wipe(bytes.data, bytes.size);
    espota_bytes_free(&bytes);
    return result;
}

static struct nvs_view view_of(const struct options *o, const struct source *source)
{
    return (struct nvs_view){
        .device = source->of_device ? source->device : NULL,
        .partition = source->of_device ? source->partition.label : NULL,
        .offset = source->partition.offset,
        .size = source->size,
        .all = o->all,
        .show_secrets = o->show_secrets,
        .pages = o->pages,
        .limit = o->limit.given ? o->limit.value : USUAL_LIMIT,
    };
}

static void warn_of_damage(struct cli *cli, const struct options *o, const struct espota_nvs_values *values)
{
    char text[120];
    if (values->encrypted) {
        warn_about_device(cli, o->nvs_key ? "the values are encrypted with another key"
                                          : "the values are encrypted: --nvs-key FILE gives the keys");
        return;
    }
    if (values->damaged == 0)
        return;
    snprintf(text, sizeof text, "%u of its values or pages are damaged: apps may take no notice of them",
             values->damaged);
    warn_about_device(cli, text);
}

static int show(struct cli *cli, const struct options *o, const struct source *source,
                const struct espota_nvs_values *values, struct espota_error *error)
{
    const struct nvs_view view = view_of(o, source);
    warn_of_damage(cli, o, values);
    return cli->json ? set_device_result(cli, nvs_document(&view, values), error)
                     : print_nvs(&view, values, error);
}

static int run_show(struct cli *cli, const struct options *o, struct espota_error *error)
{
    const char *file = cli->argument_count > 1 ? cli->arguments[1] : NULL;
    struct source source = { 0 };
    struct espota_nvs_values values = { 0 };
    if (file && (o->connect.port || o->connect.host))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "a FILE and --port or --host both name what to read: give one");
    int result = file ? read_file(file, o, &source, error) : read_device(cli, o, &source, error);
    if (result == 0)
        result = with_keys(cli, o, espota_nvs_decrypt, source.data, source.size, error);
    if (result == 0 && espota_nvs_values_read(&values, source.data, source.size, error) != 0)
        result = espota_fail_while(error, "cannot read NVS in %s", file ? file : source.partition.label);
    if (result == 0)
        result = show(cli, o, &source, &values, error);
    espota_nvs_values_free(&values);
    free(source.data);
    return result;
}

/* ---- make -----------------------------------------------------------------------------------------------
 */

static int check_make(const struct cli *cli, const struct options *o, struct espota_error *error)
{
    if (cli->argument_count < 2)
        return espota_fail(error, ESPOTA_ERR_USAGE, "make wants a CSV file, or several");
    if (!o->output || !o->size.given)
        return espota_fail(error, ESPOTA_ERR_USAGE, "make wants --output FILE and --size SIZE");
    if (o->version && strcmp(o->version, "1") != 0 && strcmp(o->version, "2") != 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--nvs-version '%s': use 1 or 2", o->version);
    if (o->size.value == 0 || o->size.value % ESPOTA_NVS_PAGE || o->size.value > LARGEST_FILE)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--size must be a multiple of 4K, up to 128M");
    if (to_stdout(o->output) && cli->json)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--json and the data cannot both go to standard output");
    return 0;
}

static int read_csv(const char *path, struct espota_nvs_builder *builder, struct espota_error *error)
{
    struct espota_bytes bytes = { 0 };
    int result = espota_file_read(path, LARGEST_FILE, &bytes, error);
    if (result == 0)
        result = espota_nvs_csv_read(builder, to_stdout(path) ? "standard input" : path, bytes.data,
                                     bytes.size, error);
    espota_bytes_free(&bytes);
    return result;
}

/* What is twice in it is a slip that nothing else tells of. @return how many values there are. */
static unsigned look_at(struct cli *cli, const struct espota_nvs_values *values)
{
    unsigned count = 0;
    for (size_t i = 0; i < values->count; i++) {
        const struct espota_nvs_value *value = &values->value[i];
        count += value->standing == ESPOTA_NVS_CURRENT;
        if (value->standing == ESPOTA_NVS_SUPERSEDED)
            espota_ui_warn(&cli->ui,
                           "'%s' is there more than once in namespace '%s': an app reads one of them",
                           value->key, value->name_space_name);
    }
    return count;
}

static int report_made(struct cli *cli, const struct options *o, const struct espota_nvs_builder *builder,
                       struct espota_error *error)
{
    struct espota_nvs_values values;
    uint32_t size = espota_nvs_build_end(builder);
    int result = espota_nvs_values_read(&values, builder->image, size, error);
    unsigned count = result == 0 ? look_at(cli, &values) : 0;
    if (result == 0 && espota_nvs_build_read_only(builder))
        espota_ui_warn(&cli->ui, "with fewer than 3 pages (12K) nothing in it can be changed: flag the "
                                 "partition readonly");
    espota_nvs_values_free(&values);
    if (result == 0 && cli->json) {
        struct fields document = document_begin();
        field_text(&document, "output", o->output);
        field_number(&document, "size", size);
        field_number(&document, "values", count);
        field_number(&document, "namespaces", builder->name_space_count);
        field_number(&document, "pages_used", builder->page + 1);
        field_flag(&document, "encrypted", o->nvs_key != NULL);
        result = set_result(cli, document, error);
    } else if (result == 0 && !to_stdout(o->output)) {
        espota_ui_say(&cli->ui, "Made %s: %u value%s in %u namespace%s, %u of %u pages used", o->output,
                      count, ESPOTA_PLURAL(count), builder->name_space_count,
                      ESPOTA_PLURAL(builder->name_space_count), (unsigned)builder->page + 1,
                      (unsigned)(builder->size / ESPOTA_NVS_PAGE));
    }
    return result;
}

/* Secrets are what NVS is for: the file is for its owner alone. */
static int run_make(struct cli *cli, const struct options *o, struct espota_error *error)
{
    struct espota_nvs_builder builder;
    int result = check_make(cli, o, error);
    uint8_t *image = result == 0 ? malloc(o->size.value) : NULL;
    if (result == 0 && !image)
        result = espota_fail_memory(error, "making NVS");
    if (result == 0)
        (void)espota_nvs_build_begin(&builder, image, o->size.value,
                                     o->version ? (unsigned)(o->version[0] - '0') : 2);
    for (int i = 1; result == 0 && i < cli->argument_count; i++)
        result = read_csv(cli->arguments[i], &builder, error);
    if (result == 0)
        result = report_made(cli, o, &builder, error);
    if (result == 0)
        result = with_keys(cli, o, espota_nvs_encrypt, image, builder.size, error);
    if (result == 0)
        result = espota_file_write_secret(o->output, image, espota_nvs_build_end(&builder), error);
    if (image)
        espota_wipe(image, o->size.value);
    free(image);
    return result;
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    const char *verb = cli->arguments[0];
    bool make = strcmp(verb, "make") == 0;
    if (!make && strcmp(verb, "show") != 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "'nvs %s' is not there: use show or make", verb);
    if (!make && cli->argument_count > 2)
        return espota_fail(error, ESPOTA_ERR_USAGE, "show takes one FILE");
    if (!make && (o->output || o->size.given || o->version))
        return espota_fail(error, ESPOTA_ERR_USAGE, "--output, --size and --nvs-version go with make");
    return make ? run_make(cli, o, error) : run_show(cli, o, error);
}

const struct command command_nvs = {
    .name = "nvs",
    .summary = "show what NVS holds, and make it from CSV",
    .usage = "show [FILE] | make CSV... -o FILE --size SIZE",
    .description =
        "NVS is the key-value store of ESP-IDF: WiFi settings, calibration, an app's own.\n"
        "show reads it from a device, from FILE (the partition alone, or a dump of flash), or from\n"
        "--port file:FLASH. Passwords, keys and tokens are hidden.\n"
        "make writes the partition that ESP-IDF's nvs_partition_gen makes of the same CSV, byte for byte.",
    .options = option_table,
    .groups = { CONNECT_GROUPS(via_rom_option),
                { table_offset_option, offsetof(struct options, table_offset) } },
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = 64,
    .run = run,
};
