/* read, write, verify, erase: parts of flash, by partition name or range. */
#include "connect.h"
#include "target.h"

#include "espota/update.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_FILE = 128 << 20 };

struct options {
    struct connect_options connect;
    struct size_option table_offset;
    bool force;
};

#define COMMON_ROWS                                                                                          \
    CONNECT_PORT_ROWS(struct options, connect), CONNECT_AGENT_ROWS(struct options, connect),                 \
        CONNECT_VIA_ROW(struct options, connect, "rom"), CONNECT_ROM_ROWS(struct options, connect),          \
    {                                                                                                        \
        "table-offset", 0, OPTION_SIZE, offsetof(struct options, table_offset), "OFFSET",                    \
            "where the partition table lies (0x8000)"                                                        \
    }

static const struct option_spec reading_options[] = { COMMON_ROWS, OPTION_END };

static const struct option_spec writing_options[] = {
    COMMON_ROWS,
    { "force", 0, OPTION_FLAG, offsetof(struct options, force), NULL,
      "write to a chip with secure boot or flash encryption" },
    OPTION_END,
};

/* `what` was done: "read", "written" or "verified", and `bytes` of the range travelled or were compared. */
static int print_range(struct cli *cli, const struct espota_device *device, const struct target *t,
                       const char *what, uint32_t length, uint32_t bytes, struct espota_error *error)
{
    if (!cli->json)
        return 0;
    return print_device_json(cli,
                             json_pack("{s:s, s:s, s:I, s:I, s:I}", "device", device->name, "target", t->name,
                                       "offset", (json_int_t)t->offset, "length", (json_int_t)length, what,
                                       (json_int_t)bytes),
                             error);
}

/* ---- read -----------------------------------------------------------------------------------------------
 */

static int read_target(struct cli *cli, const void *options, struct espota_device *device,
                       struct espota_error *error)
{
    const struct options *o = options;
    struct target t;
    struct espota_smart_read result = { 0 };
    const char *path = cli->arguments[1];
    if (to_stdout(path) && cli->json)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--json and the data cannot both go to standard output");
    int outcome = target_parse(&t, cli->arguments[0], device, o->table_offset.value, false, error);
    if (outcome != 0)
        return outcome;
    uint8_t *data = calloc(1, t.length);
    if (!data)
        return espota_fail_memory(error, "reading flash");
    start_progress(cli, "Reading", t.length);
    outcome = espota_smart_read(device, t.offset, data, t.length, &result, error);
    espota_ui_progress_end(&cli->ui);
    if (outcome == 0)
        outcome = espota_file_write_secret(path, data, t.length, error);
    free(data);
    if (outcome == 0)
        espota_ui_say(&cli->ui, "Read %" PRIu32 " bytes from %s into %s, verified", t.length, t.text, path);
    return outcome ? outcome : print_range(cli, device, &t, "read", t.length, result.read, error);
}

/* ---- write ----------------------------------------------------------------------------------------------
 */

static int load(const char *path, const struct target *t, struct espota_bytes *bytes,
                struct espota_error *error)
{
    int result = espota_file_read(path, LARGEST_FILE, bytes, error);
    if (result != 0)
        return result;
    if (bytes->size == 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "%s is empty",
                           strcmp(path, "-") == 0 ? "standard input" : path);
    if (bytes->size > t->length)
        return espota_fail(error, ESPOTA_ERR_TOO_BIG, "%s is %zu bytes, but %s has room for %" PRIu32, path,
                           bytes->size, t->text, t->length);
    return 0;
}

static int write_target(struct cli *cli, const void *options, struct espota_device *device,
                        struct espota_error *error)
{
    const struct options *o = options;
    struct target t;
    struct espota_bytes bytes = { 0 };
    struct espota_smart_write result = { 0 };
    int outcome = check_security(cli, device, o->force, error);
    if (outcome == 0)
        outcome = target_parse(&t, cli->arguments[0], device, o->table_offset.value, true, error);
    if (outcome == 0)
        outcome = target_check_alone(&t, error);
    if (outcome == 0 && !t.named && t.offset % ESPOTA_SECTOR_SIZE)
        outcome = espota_fail(error, ESPOTA_ERR_USAGE,
                              "0x%" PRIx32 " is no multiple of 4K: flash is erased in sectors", t.offset);
    if (outcome == 0)
        outcome = load(cli->arguments[1], &t, &bytes, error);
    if (outcome == 0) {
        start_progress(cli, "Writing", espota_smart_write_total(bytes.size));
        outcome = t.named ? espota_smart_write_within(device, t.offset, bytes.data, bytes.size, t.length,
                                                      &result, error)
                          : espota_smart_write(device, t.offset, bytes.data, bytes.size, &result, error);
        espota_ui_progress_end(&cli->ui);
    }
    if (outcome == 0)
        espota_ui_say(&cli->ui, "Wrote %zu bytes to %s: %" PRIu32 "K written, verified", bytes.size, t.text,
                      result.written / 1024);
    if (outcome == 0)
        outcome = print_range(cli, device, &t, "written", (uint32_t)bytes.size, result.written, error);
    espota_bytes_free(&bytes);
    return outcome;
}

/* ---- verify ---------------------------------------------------------------------------------------------
 */

static int find_difference(struct cli *cli, struct espota_device *device, const struct target *t,
                           const struct espota_bytes *bytes, struct espota_error *error)
{
    enum { SECTOR = ESPOTA_SECTOR_SIZE };
    for (uint32_t at = 0; at < bytes->size; at += SECTOR) {
        uint32_t part = bytes->size - at < SECTOR ? (uint32_t)bytes->size - at : SECTOR;
        bool holds = false;
        int result = espota_device_check_cancelled(device, error);
        if (result == 0)
            result = espota_flash_holds(device, t->offset + at, bytes->data + at, part, &holds, error);
        if (result != 0)
            return result;
        if (!holds)
            return espota_fail(error, ESPOTA_ERR_VERIFY,
                               "%s does not hold %s: the first difference is in the 4K at 0x%" PRIx32,
                               t->text, cli->arguments[1], t->offset + at);
    }
    return espota_fail(error, ESPOTA_ERR_VERIFY,
                       "%s does not hold %s, but each of its sectors does: is something writing to it?",
                       t->text, cli->arguments[1]);
}

static int verify_target(struct cli *cli, const void *options, struct espota_device *device,
                         struct espota_error *error)
{
    const struct options *o = options;
    struct target t;
    struct espota_bytes bytes = { 0 };
    bool holds = false;
    int outcome = target_parse(&t, cli->arguments[0], device, o->table_offset.value, true, error);
    if (outcome == 0)
        outcome = load(cli->arguments[1], &t, &bytes, error);
    if (outcome == 0)
        outcome = espota_flash_holds(device, t.offset, bytes.data, (uint32_t)bytes.size, &holds, error);
    if (outcome == 0 && !holds)
        outcome = find_difference(cli, device, &t, &bytes, error);
    if (outcome == 0)
        espota_ui_say(&cli->ui, "%s holds %s: %zu bytes are the same", t.text, cli->arguments[1], bytes.size);
    if (outcome == 0)
        outcome = print_range(cli, device, &t, "verified", (uint32_t)bytes.size, (uint32_t)bytes.size, error);
    espota_bytes_free(&bytes);
    return outcome;
}

/* ---- erase ----------------------------------------------------------------------------------------------
 */

static int erase_one(struct cli *cli, const struct options *o, const char *text, struct espota_device *device,
                     json_t *list, struct espota_error *error)
{
    struct target t;
    int outcome = target_parse(&t, text, device, o->table_offset.value, false, error);
    if (outcome == 0)
        outcome = target_check_alone(&t, error);
    if (outcome == 0 && (t.offset % ESPOTA_SECTOR_SIZE || t.length % ESPOTA_SECTOR_SIZE))
        outcome = espota_fail(error, ESPOTA_ERR_USAGE,
                              "%s: flash is erased in sectors, so both must be multiples of 4K", t.text);
    if (outcome != 0)
        return outcome;
    start_progress(cli, "Erasing", t.length);
    outcome = espota_device_erase(device, t.offset, t.length, error);
    espota_ui_progress_end(&cli->ui);
    if (outcome != 0)
        return outcome;
    espota_ui_say(&cli->ui, "Erased %" PRIu32 "K: %s", t.length / 1024, t.text);
    json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "target", t.name, "offset", (json_int_t)t.offset,
                                          "length", (json_int_t)t.length));
    return 0;
}

static int erase_targets(struct cli *cli, const void *options, struct espota_device *device,
                         struct espota_error *error)
{
    const struct options *o = options;
    json_t *list = json_array();
    int outcome = check_security(cli, device, o->force, error);
    for (int i = 0; outcome == 0 && i < cli->argument_count; i++) {
        struct target ignored; /* all of them must be right before the first is erased */
        outcome = target_parse(&ignored, cli->arguments[i], device, o->table_offset.value, false, error);
    }
    for (int i = 0; outcome == 0 && i < cli->argument_count; i++)
        outcome = erase_one(cli, o, cli->arguments[i], device, list, error);
    if (outcome != 0 || !cli->json) {
        json_decref(list);
        return outcome;
    }
    return print_device_json(cli, json_pack("{s:s, s:o}", "device", device->name, "erased", list), error);
}

/* ---- the commands ---------------------------------------------------------------------------------------
 */

static int run_read(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    return work_on_device(cli, &o->connect, VIA_ROM, read_target, options, error);
}

static int run_write(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    return work_on_device(cli, &o->connect, VIA_ROM, write_target, options, error);
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
    .story = "TARGET is " TARGET_HELP ". FILE may be -, standard output.\n"
             "Blank parts do not travel, and digests make sure that all arrived as it is.",
    .options = reading_options,
    .options_size = sizeof(struct options),
    .min_arguments = 2,
    .max_arguments = 2,
    .run = run_read,
};

const struct command command_write = {
    .name = "write",
    .summary = "write a file into flash",
    .usage = "TARGET FILE",
    .story = "TARGET is a partition's name, OFFSET, or OFFSET+LENGTH; offsets are multiples of 4K. FILE may "
             "be -.\n"
             "Only sectors that differ are written; the rest of the last one becomes FF.",
    .options = writing_options,
    .options_size = sizeof(struct options),
    .min_arguments = 2,
    .max_arguments = 2,
    .run = run_write,
};

const struct command command_verify = {
    .name = "verify",
    .summary = "compare a part of flash with a file",
    .usage = "TARGET FILE",
    .story =
        "TARGET is a partition's name, OFFSET, or OFFSET+LENGTH. Exit status 4 when it holds something else.",
    .options = reading_options,
    .options_size = sizeof(struct options),
    .min_arguments = 2,
    .max_arguments = 2,
    .run = run_verify,
};

const struct command command_erase = {
    .name = "erase",
    .summary = "erase parts of flash",
    .usage = "TARGET...",
    .story = "Each TARGET is " TARGET_HELP ".",
    .options = writing_options,
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = 95,
    .run = run_erase,
};
