/* read, write, verify, erase: parts of flash, by partition name or range. */
#include "connect.h"
#include "watch.h"

#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/range_file.h"
#include "espota/size.h"
#include "espota/smart_read.h"
#include "espota/smart_write.h"
#include "espota/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TARGET_HELP "a partition's name, OFFSET+LENGTH, or all"

struct options {
    struct connect_options connect;
    struct watch_options watch; /* of write */
    struct number_option table_offset;
    bool force, raw;
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

static const struct option_spec verify_options[] = {
    { "raw", 0, OPTION_FLAG, offsetof(struct options, raw), NULL,
      "compare Intel HEX and UF2 as they are, not where their addresses say" },
    OPTION_END,
};

static const struct option_spec write_options[] = {
    { "raw", 0, OPTION_FLAG, offsetof(struct options, raw), NULL,
      "write FILE as it is, whatever it is and wherever its addresses say" },
    OPTION_END,
};

/* `what` was done: "read", "written" or "verified", and `bytes` of the range travelled or were compared. */
static int set_range_result(struct cli *cli, const struct espota_device *device,
                            const struct espota_flash_range *t, const char *what, uint32_t length,
                            uint32_t bytes, struct espota_error *error)
{
    if (!cli->json)
        return 0;
    struct fields document = device_document_begin(device->name);
    field_text(&document, "target", t->name);
    field_number(&document, "offset", t->offset);
    field_number(&document, "length", length);
    field_number(&document, what, bytes);
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
    return outcome ? outcome : set_range_result(cli, device, &t, "read", t.length, result.read, error);
}

/* ---- write ----------------------------------------------------------------------------------------------
 */

static void say_converted(struct cli *cli, const struct espota_range_file *file, const char *path)
{
    if (file->converted)
        espota_ui_say(&cli->ui, "%s is an ELF file: its image is for the %s, %zu bytes", path,
                      file->about.chip.name, file->bytes.size);
}

static int prepare(struct espota_range_file *file, struct cli *cli, const struct options *o,
                   struct espota_flash_range *t, struct espota_device *device, struct espota_error *error)
{
    const char *path = cli->arguments[1];
    int outcome = espota_flash_range_parse(t, cli->arguments[0], device, o->table_offset.value, true, error);
    if (outcome == 0)
        outcome = espota_flash_range_check_alone(t, error);
    if (outcome == 0 && !t->named && t->offset % ESPOTA_SECTOR_SIZE)
        outcome = espota_fail(error, ESPOTA_ERR_USAGE,
                              "0x%" PRIx32 " is no multiple of 4K: flash is erased in sectors", t->offset);
    if (outcome == 0)
        outcome = espota_range_file_load(file, path, t, device, o->raw, error);
    if (outcome == 0)
        say_converted(cli, file, path);
    if (outcome == 0 && !o->raw)
        outcome = espota_range_file_check_place(file, path, t, device, error);
    for (unsigned i = 0; outcome == 0 && i < file->count; i++)
        outcome = espota_device_check_range(device, "write", file->stretch[i].offset, file->stretch[i].length,
                                            error);
    return outcome;
}

static int write_target(struct cli *cli, const void *options, struct espota_device *device,
                        struct espota_error *error)
{
    const struct options *o = options;
    struct espota_flash_range t;
    struct espota_range_file file = { 0 };
    struct espota_smart_write result = { 0 };
    int outcome = check_security(cli, device, o->force, error);
    if (outcome == 0)
        outcome = prepare(&file, cli, o, &t, device, error);
    if (outcome == 0) {
        outcome = espota_range_file_write(&file, device, &t, &result, error);
        espota_ui_progress_end(&cli->ui);
    }
    if (outcome == 0 && file.placed)
        espota_ui_say(&cli->ui,
                      "Wrote %s where it says, from 0x%" PRIx32 " on: %" PRIu32 "K written, verified",
                      cli->arguments[1], file.stretch[0].offset, result.written / 1024);
    else if (outcome == 0)
        espota_ui_say(&cli->ui, "Wrote %" PRIu32 " byte%s to %s: %" PRIu32 "K written, verified", file.total,
                      ESPOTA_PLURAL(file.total), t.text, result.written / 1024);
    if (outcome == 0)
        outcome = set_range_result(cli, device, &t, "written", file.total, result.written, error);
    espota_range_file_free(&file);
    return outcome;
}

/* ---- verify ---------------------------------------------------------------------------------------------
 */

static int verify_target(struct cli *cli, const void *options, struct espota_device *device,
                         struct espota_error *error)
{
    const struct options *o = options;
    struct espota_flash_range t;
    struct espota_range_file file = { 0 };
    int outcome = espota_flash_range_parse(&t, cli->arguments[0], device, o->table_offset.value, true, error);
    if (outcome == 0)
        outcome = espota_range_file_load(&file, cli->arguments[1], &t, device, o->raw, error);
    if (outcome == 0)
        say_converted(cli, &file, cli->arguments[1]);
    if (outcome == 0)
        outcome = espota_range_file_verify(&file, cli->arguments[1], device, &t, error);
    if (outcome == 0)
        espota_ui_say(&cli->ui, "%s holds %s: %" PRIu32 " byte%s the same", t.text, cli->arguments[1],
                      file.total, file.total == 1 ? " is" : "s are");
    if (outcome == 0)
        outcome = set_range_result(cli, device, &t, "verified", file.total, file.total, error);
    espota_range_file_free(&file);
    return outcome;
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

static int run_write(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    struct watch_after after = { 0 };
    struct connect_options connect = o->connect;
    int result = watch_after_begin(&after, cli, &o->watch, NULL, &connect, error);
    if (result == 0)
        result = work_on_device(cli, &connect, VIA_ROM, write_target, options, error);
    return watch_after_end(&after, result, error);
}

static int run_verify(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    return work_on_device(cli, &o->connect, VIA_ROM, verify_target, options, error);
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

const struct command command_write = {
    .name = "write",
    .summary = "write a file into flash",
    .usage = "TARGET FILE",
    .description =
        "TARGET is a partition's name, OFFSET, or OFFSET+LENGTH; offsets are multiples of 4K. FILE may "
        "be -.\n"
        "Only sectors that differ are written; the rest of the last one becomes FF. Intel HEX and UF2 go "
        "where\n"
        "their addresses say, within TARGET; an ELF file is written as its image. What does not belong "
        "there\n"
        "is refused (exit status 5): a bootloader or merged image in an app partition, an image for another\n"
        "chip.",
    .options = write_options,
    .groups = { FORCE_GROUP, COMMON_GROUPS, WATCH_GROUPS },
    .options_size = sizeof(struct options),
    .min_arguments = 2,
    .max_arguments = 2,
    .run = run_write,
};

const struct command command_verify = {
    .name = "verify",
    .summary = "compare a part of flash with a file",
    .usage = "TARGET FILE",
    .description =
        "TARGET is a partition's name, OFFSET, or OFFSET+LENGTH. Exit status 4 when it holds something else.",
    .options = verify_options,
    .groups = { COMMON_GROUPS },
    .options_size = sizeof(struct options),
    .min_arguments = 2,
    .max_arguments = 2,
    .run = run_verify,
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
