/* read, erase: parts of flash, by partition name or range. */
#include "connect.h"

#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/flash_range.h"
#include "espota/size.h"
#include "espota/smart_read.h"
#include "espota/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TARGET_HELP "a partition's name, OFFSET+LENGTH, or all"

struct options {
    struct connect_options connect;
    struct number_option table_offset;
    bool force;
    const char *known;
};

#define COMMON_GROUPS                                                                                        \
    CONNECT_GROUPS(via_rom_option),                                                                          \
    {                                                                                                        \
        table_offset_option, offsetof(struct options, table_offset)                                          \
    }
#define FORCE_GROUP                                                                                          \
    {                                                                                                        \
        force_option, offsetof(struct options, force)                                                        \
    }

static const struct option_spec read_options[] = {
    { "known", 0, OPTION_TEXT, offsetof(struct options, known), "FILE",
      "what flash may hold too: sectors that FILE has do not travel" },
    OPTION_END,
};

/* `bytes` of the range travelled. */
static int set_read_result(struct cli *cli, const struct espota_device *device,
                           const struct espota_flash_range *t, uint32_t bytes, struct espota_error *error)
{
    if (!cli->json)
        return 0;
    struct fields document = device_document_begin(device->name);
    field_text(&document, "target", t->name);
    field_number(&document, "offset", t->offset);
    field_number(&document, "length", t->length);
    field_number(&document, "read", bytes);
    return set_device_result(cli, document, error);
}

/* ---- read -----------------------------------------------------------------------------------------------
 */

enum { LARGEST_KNOWN = 256 << 20 };

/* What an earlier run left in the file is where this one begins. */
static void take_up(const char *path, uint8_t *data, size_t length)
{
    struct espota_bytes earlier = { 0 };
    struct espota_error ignored;
    if (!to_stdout(path) && espota_file_exists(path) &&
        espota_file_read(path, length, &earlier, &ignored) == 0 && earlier.size > 0)
        memcpy(data, earlier.data, earlier.size);
    espota_bytes_free(&earlier);
}

struct read_work {
    const struct options *options;
    struct espota_bytes known;
};

static int read_target(struct cli *cli, const void *context, struct espota_device *device,
                       struct espota_error *error)
{
    const struct read_work *work = context;
    const struct espota_known known = { work->known.data, work->known.size };
    struct espota_flash_range t;
    struct espota_smart_read result = { 0 };
    const char *path = cli->arguments[1];
    int outcome = espota_flash_range_parse(&t, cli->arguments[0], device, work->options->table_offset.value,
                                           false, error);
    if (outcome != 0)
        return outcome;
    uint8_t *data = calloc(1, t.length);
    if (!data)
        return espota_fail_memory(error, "reading flash");
    take_up(path, data, t.length);
    outcome = espota_smart_read_knowing(device, t.offset, data, t.length, &known,
                                        work->options->known ? 1 : 0, &result, error);
    espota_ui_progress_end(&cli->ui);
    if (outcome == 0)
        outcome = espota_file_write_secret(path, data, t.length, error);
    free(data);
    if (outcome == 0)
        espota_ui_say(&cli->ui, "Read %" PRIu32 " byte%s from %s into %s, verified", t.length,
                      ESPOTA_PLURAL(t.length), t.text, path);
    return outcome ? outcome : set_read_result(cli, device, &t, result.read, error);
}

/* ---- erase ----------------------------------------------------------------------------------------------
 */

static int parse_erasable(struct espota_flash_range *t, const struct options *o, const char *text,
                          struct espota_device *device, struct espota_error *error)
{
    int outcome = espota_flash_range_parse(t, text, device, o->table_offset.value, false, error);
    if (outcome == 0)
        outcome = espota_flash_range_check_alone(t, error);
    if (outcome == 0 && (t->offset % ESPOTA_SECTOR_SIZE || t->length % ESPOTA_SECTOR_SIZE))
        outcome = espota_fail(error, ESPOTA_ERR_USAGE,
                              "%s: flash is erased in sectors, so both must be multiples of 4K", t->text);
    return outcome ? outcome : espota_device_check_range(device, "erase", t->offset, t->length, error);
}

static int erase_one(struct cli *cli, const struct options *o, const char *text, struct espota_device *device,
                     struct items *erased, struct espota_error *error)
{
    struct espota_flash_range t;
    int outcome = parse_erasable(&t, o, text, device, error);
    if (outcome != 0)
        return outcome;
    outcome = espota_device_erase(device, t.offset, t.length, error);
    espota_ui_progress_end(&cli->ui);
    if (outcome != 0)
        return outcome;
    espota_ui_say(&cli->ui, "Erased %" PRIu32 "K: %s", t.length / 1024, t.text);
    struct fields fields = fields_begin();
    field_text(&fields, "target", t.name);
    field_number(&fields, "offset", t.offset);
    field_number(&fields, "length", t.length);
    item_object(erased, fields);
    return 0;
}

static int erase_targets(struct cli *cli, const void *options, struct espota_device *device,
                         struct espota_error *error)
{
    const struct options *o = options;
    struct items erased = items_begin();
    int outcome = check_security(cli, device, o->force, error);
    for (int i = 0; outcome == 0 && i < cli->argument_count; i++) {
        struct espota_flash_range ignored; /* all of them must be right before the first is erased */
        outcome = parse_erasable(&ignored, o, cli->arguments[i], device, error);
    }
    for (int i = 0; outcome == 0 && i < cli->argument_count; i++)
        outcome = erase_one(cli, o, cli->arguments[i], device, &erased, error);
    if (outcome != 0 || !cli->json) {
        items_free(&erased);
        return outcome;
    }
    struct fields document = device_document_begin(device->name);
    field_list(&document, "erased", erased);
    return set_device_result(cli, document, error);
}

/* ---- the commands ---------------------------------------------------------------------------------------
 */

static int run_read(struct cli *cli, const void *options, struct espota_error *error)
{
    struct read_work work = { .options = options };
    const struct options *o = options;
    int result = 0;
    if (to_stdout(cli->arguments[1]) && cli->json)
        result =
            espota_fail(error, ESPOTA_ERR_USAGE, "--json and the data cannot both go to standard output");
    if (result == 0 && o->known)
        result = espota_file_read(o->known, LARGEST_KNOWN, &work.known, error);
    if (result == 0)
        result = work_on_device(cli, &o->connect, VIA_ROM, read_target, &work, error);
    espota_bytes_free(&work.known);
    return result;
}

static int run_erase(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    return work_on_device(cli, &o->connect, VIA_ROM, erase_targets, options, error);
}

const struct command command_read = {
    .name = "read",
    .summary = "read a part of flash into a file",
    .usage = "TARGET FILE",
    .description =
        "TARGET is " TARGET_HELP ". FILE may be -, standard output.\n"
        "Blank parts do not travel, nor what FILE has already or --known knows; digests make sure\n"
        "that all is as it is in flash.",
    .options = read_options,
    .groups = { COMMON_GROUPS },
    .options_size = sizeof(struct options),
    .min_arguments = 2,
    .max_arguments = 2,
    .run = run_read,
};

const struct command command_erase = {
    .name = "erase",
    .summary = "erase parts of flash",
    .usage = "TARGET...",
    .description = "Each TARGET is " TARGET_HELP ".",
    .groups = { FORCE_GROUP, COMMON_GROUPS },
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = 95,
    .run = run_erase,
};
