/* write, verify: files and parts of flash, in pairs. */
#include "connect.h"
#include "watch.h"

#include "espota/device.h"
#include "espota/error.h"
#include "espota/range_file.h"
#include "espota/size.h"
#include "espota/smart_write.h"
#include "espota/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ARGUMENTS = 128 };

struct options {
    struct connect_options connect;
    struct watch_options watch; /* of write */
    struct number_option table_offset;
    bool force, raw;
};

#define COMMON_GROUPS                                                                                        \
    CONNECT_GROUPS(via_rom_option),                                                                          \
    {                                                                                                        \
        table_offset_option, offsetof(struct options, table_offset)                                          \
    }

static const struct option_spec verify_options[] = {
    { "raw", 0, OPTION_FLAG, offsetof(struct options, raw), NULL,
      "compare Intel HEX, UF2 and ELF files as they are, not as what they mean" },
    OPTION_END,
};

static const struct option_spec write_options[] = {
    { "raw", 0, OPTION_FLAG, offsetof(struct options, raw), NULL,
      "write FILE as it is, whatever it is and wherever its addresses say" },
    OPTION_END,
};

/* The pairs of TARGET and FILE. */
struct job {
    struct cli *cli;
    const struct options *options;
    struct espota_device *device;
    struct espota_range_write *pair;
    unsigned count;
    struct espota_error *error;
};

/* ---- getting ready --------------------------------------------------------------------------------------
 */

static int load(struct job *j, struct espota_range_write *w, const char *target, const char *path)
{
    w->path = path;
    int outcome = espota_flash_range_parse(&w->range, target, j->device, j->options->table_offset.value, true,
                                           j->error);
    if (outcome == 0)
        outcome = espota_range_file_load(&w->file, path, &w->range, j->device, j->options->raw, j->error);
    if (outcome == 0 && w->file.converted)
        espota_ui_say(&j->cli->ui, "%s is an ELF file: its image is for the %s, %zu bytes", path,
                      w->file.about.chip.name, w->file.bytes.size);
    return outcome;
}

/* May it be written there? */
static int check(struct job *j, const struct espota_range_write *w)
{
    const struct espota_flash_range *t = &w->range;
    int outcome = espota_flash_range_check_alone(t, j->error);
    if (outcome == 0 && !t->named && t->offset % ESPOTA_SECTOR_SIZE)
        outcome = espota_fail(j->error, ESPOTA_ERR_USAGE,
                              "0x%" PRIx32 " is no multiple of 4K: flash is erased in sectors", t->offset);
    if (outcome == 0 && !j->options->raw)
        outcome = espota_range_file_check_place(&w->file, w->path, t, j->device, j->error);
    for (unsigned i = 0; outcome == 0 && i < w->file.count; i++)
        outcome = espota_device_check_range(j->device, "write", w->file.stretch[i].offset,
                                            w->file.stretch[i].length, j->error);
    return outcome;
}

/* All of them, before the first is written. */
static int load_all(struct job *j)
{
    struct cli *cli = j->cli;
    int outcome = 0;
    j->pair = calloc((size_t)cli->argument_count / 2, sizeof *j->pair);
    if (!j->pair)
        return espota_fail_memory(j->error, "reading files");
    for (int i = 0; outcome == 0 && i < cli->argument_count; i += 2)
        outcome = load(j, &j->pair[j->count++], cli->arguments[i], cli->arguments[i + 1]);
    return outcome;
}

static void free_job(struct job *j)
{
    for (unsigned i = 0; i < j->count; i++)
        espota_range_file_free(&j->pair[i].file);
    free(j->pair);
}

static int check_pairs(const struct cli *cli, struct espota_error *error)
{
    int inputs = 0;
    if (cli->argument_count % 2 != 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "'%s' has no file: give pairs of TARGET and FILE",
                           cli->arguments[cli->argument_count - 1]);
    for (int i = 1; i < cli->argument_count; i += 2)
        inputs += strcmp(cli->arguments[i], "-") == 0;
    return inputs < 2 ? 0 : espota_fail(error, ESPOTA_ERR_USAGE, "standard input can be read once");
}

/* ---- the result -----------------------------------------------------------------------------------------
 */

static int64_t bytes_of(const struct espota_range_write *w, bool written)
{
    return written ? w->result.written : w->file.total;
}

/* `what` was done: "written" or "verified". Of one pair alone, target and offset stand for it. */
static int set_pairs_result(struct job *j, const char *what, bool written)
{
    int64_t length = 0, done = 0;
    struct items files = items_begin();
    if (!j->cli->json) {
        items_free(&files);
        return 0;
    }
    for (unsigned i = 0; i < j->count; i++) {
        const struct espota_range_write *w = &j->pair[i];
        struct fields fields = fields_begin();
        field_text(&fields, "file", w->path);
        field_text(&fields, "target", w->range.name);
        field_number(&fields, "offset", w->range.offset);
        field_number(&fields, "length", w->file.total);
        field_number(&fields, what, bytes_of(w, written));
        item_object(&files, fields);
        length += w->file.total;
        done += bytes_of(w, written);
    }
    struct fields document = device_document_begin(j->device->name);
    field_text(&document, "target", j->count == 1 ? j->pair[0].range.name : NULL);
    field_number_if(&document, "offset", j->count == 1, j->pair[0].range.offset);
    field_number(&document, "length", length);
    field_number(&document, what, done);
    field_list(&document, "files", files);
    return set_device_result(j->cli, document, j->error);
}

static void say_written(struct job *j)
{
    uint64_t written = 0;
    for (unsigned i = 0; i < j->count; i++) {
        const struct espota_range_write *w = &j->pair[i];
        written += w->result.written;
        if (w->file.placed)
            espota_ui_say(&j->cli->ui,
                          "Wrote %s where it says, from 0x%" PRIx32 " on: %" PRIu32 "K written, verified",
                          w->path, w->file.stretch[0].offset, w->result.written / 1024);
        else if (j->count == 1)
            espota_ui_say(&j->cli->ui, "Wrote %" PRIu32 " byte%s to %s: %" PRIu32 "K written, verified",
                          w->file.total, ESPOTA_PLURAL(w->file.total), w->range.text,
                          w->result.written / 1024);
        else
            espota_ui_say(&j->cli->ui, "Wrote %s, %" PRIu32 " byte%s, to %s: %" PRIu32 "K written, verified",
                          w->path, w->file.total, ESPOTA_PLURAL(w->file.total), w->range.text,
                          w->result.written / 1024);
    }
    if (j->count > 1)
        espota_ui_say(&j->cli->ui, "%u files: %" PRIu64 "K written", j->count, written / 1024);
}

/* ---- the commands ---------------------------------------------------------------------------------------
 */

static int write_pairs(struct job *j)
{
    int outcome = check_security(j->cli, j->device, j->options->force, j->error);
    if (outcome == 0)
        outcome = load_all(j);
    for (unsigned i = 0; outcome == 0 && i < j->count; i++)
        outcome = check(j, &j->pair[i]);
    if (outcome == 0)
        outcome = espota_range_files_check_apart(j->pair, j->count, j->error);
    if (outcome != 0)
        return outcome;
    outcome = espota_range_files_write(j->pair, j->count, j->device, j->error);
    espota_ui_progress_end(&j->cli->ui);
    if (outcome != 0)
        return outcome;
    say_written(j);
    return set_pairs_result(j, "written", true);
}

static int verify_pairs(struct job *j)
{
    int outcome = load_all(j);
    for (unsigned i = 0; outcome == 0 && i < j->count; i++) {
        const struct espota_range_write *w = &j->pair[i];
        outcome = espota_range_file_verify(&w->file, w->path, j->device, &w->range, j->error);
        if (outcome == 0)
            espota_ui_say(&j->cli->ui, "%s holds %s: %" PRIu32 " byte%s the same", w->range.text, w->path,
                          w->file.total, w->file.total == 1 ? " is" : "s are");
    }
    return outcome ? outcome : set_pairs_result(j, "verified", false);
}

static int write_targets(struct cli *cli, const void *options, struct espota_device *device,
                         struct espota_error *error)
{
    struct job j = { .cli = cli, .options = options, .device = device, .error = error };
    int outcome = write_pairs(&j);
    free_job(&j);
    return outcome;
}

static int verify_targets(struct cli *cli, const void *options, struct espota_device *device,
                          struct espota_error *error)
{
    struct job j = { .cli = cli, .options = options, .device = device, .error = error };
    int outcome = verify_pairs(&j);
    free_job(&j);
    return outcome;
}

static int run_write(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    struct watch_after after = { 0 };
    struct connect_options connect = o->connect;
    int result = check_pairs(cli, error);
    if (result != 0)
        return result;
    result = watch_after_begin(&after, cli, &o->watch, NULL, &connect, error);
    if (result == 0)
        result = work_on_device(cli, &connect, VIA_ROM, write_targets, options, error);
    return watch_after_end(&after, result, error);
}

static int run_verify(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    int result = check_pairs(cli, error);
    return result ? result : work_on_device(cli, &o->connect, VIA_ROM, verify_targets, options, error);
}

const struct command command_write = {
    .name = "write",
    .summary = "write files into flash",
    .usage = "TARGET FILE...",
    .description =
        "Each TARGET is a partition's name, OFFSET, or OFFSET+LENGTH; offsets are multiples of 4K. FILE may "
        "be -.\n"
        "Only sectors that differ are written; the rest of the last one becomes FF. Intel HEX and UF2 go "
        "where\n"
        "their addresses say, within TARGET; an ELF file is written as its image. What does not belong "
        "there\n"
        "is refused (exit status 5): a bootloader or merged image in an app partition, an image for another\n"
        "chip. Several pairs are checked before the first is written, and may not overlap.",
    .options = write_options,
    .groups = { { force_option, offsetof(struct options, force) }, COMMON_GROUPS, WATCH_GROUPS },
    .options_size = sizeof(struct options),
    .min_arguments = 2,
    .max_arguments = MAX_ARGUMENTS,
    .run = run_write,
};

const struct command command_verify = {
    .name = "verify",
    .summary = "compare parts of flash with files",
    .usage = "TARGET FILE...",
    .description =
        "Each TARGET is a partition's name, OFFSET, or OFFSET+LENGTH. Exit status 4 when one holds something "
        "else.",
    .options = verify_options,
    .groups = { COMMON_GROUPS },
    .options_size = sizeof(struct options),
    .min_arguments = 2,
    .max_arguments = MAX_ARGUMENTS,
    .run = run_verify,
};
