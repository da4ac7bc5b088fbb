#include "connect.h"
#include "flash_files.h"
#include "flash_job.h"
#include "plan_options.h"

#include "espota/layout_change.h"
#include "espota/update.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    struct connect_options connect;
    struct plan_options plan;
    const char *bootloader, *table, *fs_image, *slot, *flash_size;
    bool erase, force;
};

static const struct option_spec option_table[] = {
    CONNECT_PORT_ROWS(struct options, connect),
    CONNECT_ROM_ROWS(struct options, connect),
    { "bootloader", 0, OPTION_TEXT, offsetof(struct options, bootloader), "FILE", "second-stage bootloader" },
    { "table", 't', OPTION_TEXT, offsetof(struct options, table), "FILE", "partition table, CSV or binary" },
    { "app", 'a', OPTION_TEXT, PLAN_OPTION(struct options, plan, app), "FILE", "app image" },
    { "fs-image", 0, OPTION_TEXT, offsetof(struct options, fs_image), "FILE",
      "image for the file system partition" },
    { "slot", 's', OPTION_TEXT, offsetof(struct options, slot), "NAME",
      "partition for the app (factory, or else ota_0); it boots" },
    { "erase", 'e', OPTION_FLAG, offsetof(struct options, erase), NULL,
      "erase all of the flash first: all data on the device is lost" },
    { "flash", 0, OPTION_SIZE, PLAN_OPTION(struct options, plan, flash), "SIZE",
      "plan for this flash size (what the chip has)" },
    PLAN_OPTION_ROWS(struct options, plan),
    { "table-offset", 0, OPTION_SIZE, PLAN_OPTION(struct options, plan, table_offset), "OFFSET",
      "where the partition table lies (0x8000)" },
    { "flash-size", 0, OPTION_TEXT, offsetof(struct options, flash_size), "MODE",
      "in the bootloader's header: detect (default) or keep" },
    OPTION_END,
};

/* ---- what is on the device ------------------------------------------------------------------------------
 */

/* @return true when there is a valid table to lose. */
static bool load_old_table(struct espota_device *device, uint32_t offset, struct espota_table *table,
                           int *result, struct espota_error *error)
{
    uint8_t data[ESPOTA_TABLE_BINARY_SIZE];
    struct espota_table_problem problem;
    *result = espota_device_read(device, offset, data, sizeof data, error);
    return *result == 0 &&
           espota_table_parse_binary(table, data, sizeof data, offset, espota_md5, &problem) == 0 &&
           table->count > 0;
}

/* Refuse to lose data, and say whose. */
static int check_layout(struct cli *cli, struct espota_device *device, const struct job *job, uint32_t offset,
                        struct espota_error *error)
{
    struct espota_table old;
    struct espota_layout_change change[ESPOTA_TABLE_MAX_ENTRIES];
    char text[ESPOTA_LAYOUT_TEXT];
    int result = 0;
    if (!job->has_table || !load_old_table(device, offset, &old, &result, error) ||
        espota_layout_same(&old, &job->table))
        return result;
    unsigned changed = espota_layout_compare(&old, &job->table, change);
    espota_ui_say(&cli->ui, "%s holds another partition table. With this one:", device->name);
    char losses[512] = "";
    for (unsigned i = 0; i < old.count; i++) {
        size_t used = strlen(losses);
        espota_ui_say(&cli->ui, "  %s", espota_layout_change_text(&change[i], text));
        if (change[i].fate != ESPOTA_FATE_STAYS && used + 24 < sizeof losses)
            snprintf(losses + used, sizeof losses - used, "%s'%s'", used ? ", " : "", old.entry[i].label);
    }
    return espota_fail(
        error, ESPOTA_ERR_REFUSED,
        "refused to change the partition table of %s: %s%s; back up what matters, then give --erase",
        device->name, changed ? "the content would be lost of " : "partitions are added", losses);
}

static int erase_all(struct cli *cli, struct espota_device *device, struct espota_error *error)
{
    uint32_t size = device->info.flash_size;
    espota_ui_say(&cli->ui, "Erasing all %uM of flash", size >> 20);
    start_progress(cli, "Erasing", size);
    int result = espota_device_erase(device, 0, size, error);
    espota_ui_progress_end(&cli->ui);
    return result;
}

/* ---- writing --------------------------------------------------------------------------------------------
 */

static int write_piece(struct cli *cli, struct espota_device *device, struct piece *p,
                       struct espota_error *error)
{
    char label[64];
    snprintf(label, sizeof label, "Writing %s", p->what);
    start_progress(cli, label, espota_smart_write_total(p->data.size));
    int result = espota_smart_write(device, p->offset, p->data.data, p->data.size, &p->result, error);
    espota_ui_progress_end(&cli->ui);
    cli->progress.what = NULL;
    if (result != 0)
        return espota_fail_while(error, "%s at 0x%" PRIx32, p->what, p->offset);
    if (p->result.written == 0)
        espota_ui_say(&cli->ui, "0x%06" PRIx32 " %s: %zu bytes, there already", p->offset, p->what,
                      p->data.size);
    else
        espota_ui_say(&cli->ui, "0x%06" PRIx32 " %s: %zu bytes, %" PRIu32 "K written, verified", p->offset,
                      p->what, p->data.size, p->result.written / 1024);
    return 0;
}

static int write_all(struct cli *cli, struct espota_device *device, struct job *job,
                     struct espota_error *error)
{
    int result = 0;
    for (unsigned i = 0; result == 0 && i < job->count; i++)
        result = write_piece(cli, device, &job->piece[i], error);
    return result;
}

/* ---- the report -----------------------------------------------------------------------------------------
 */

static json_t *pieces_json(const struct job *job)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < job->count; i++) {
        const struct piece *p = &job->piece[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:o, s:I, s:I, s:I, s:I}", "what", p->what, "file",
                                        p->file ? json_string(p->file) : json_null(), "offset",
                                        (json_int_t)p->offset, "size", (json_int_t)p->data.size, "written",
                                        (json_int_t)p->result.written, "kept", (json_int_t)p->result.kept));
    }
    return list;
}

static int report(struct cli *cli, const struct espota_device *device, const struct job *job, uint64_t ms,
                  struct espota_error *error)
{
    uint64_t total = 0, written = 0;
    for (unsigned i = 0; i < job->count; i++) {
        total += job->piece[i].data.size;
        written += job->piece[i].result.written;
    }
    double seconds = (double)ms / 1000.0;
    double rate = ms > 0 ? (double)total / 1024.0 / seconds : 0;
    espota_ui_say(&cli->ui, "%" PRIu64 " bytes in %.1f s, %.1f KiB/s effective, %" PRIu64 "K written", total,
                  seconds, rate, written / 1024);
    if (job->app)
        espota_ui_say(&cli->ui, "'%s' boots next", job->app->label);
    if (!cli->json)
        return 0;
    return print_json(json_pack("{s:s, s:o, s:I, s:o, s:o, s:f, s:f}", "device", device->name, "chip",
                                device->info.chip ? json_string(device->info.chip->id) : json_null(),
                                "flash_size", (json_int_t)device->info.flash_size, "boots",
                                job->app ? json_string(job->app->label) : json_null(), "pieces",
                                pieces_json(job), "seconds", seconds, "kib_per_second", rate),
                      error);
}

/* ---- the command ----------------------------------------------------------------------------------------
 */

static int replace(char **path, const char *given, struct espota_error *error)
{
    if (!given)
        return 0;
    free(*path);
    *path = strdup(given);
    return *path ? 0 : espota_fail_memory(error, "looking for files");
}

/* The folder's files; options win over them. */
static int collect(struct flash_files *files, const struct cli *cli, const struct options *o,
                   struct espota_error *error)
{
    int result = cli->argument_count > 0 ? flash_files_find(files, cli->arguments[0], error) : 0;
    if (result == 0)
        result = replace(&files->bootloader, o->bootloader, error);
    if (result == 0)
        result = replace(&files->table, o->table, error);
    if (result == 0)
        result = replace(&files->app, o->plan.app, error);
    if (result == 0)
        result = replace(&files->fs_image, o->fs_image, error);
    if (result == 0 && !files->bootloader && !files->table && !files->app && !files->fs_image &&
        files->extra_count == 0 && !plan_options_given(&o->plan))
        result =
            espota_fail(error, ESPOTA_ERR_USAGE,
                        "nothing to flash: name a build folder, or --bootloader, --table, --app, --fs-image");
    return result;
}

static int check_options(const struct options *o, struct espota_error *error)
{
    if (o->table && plan_options_given(&o->plan))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--table and options that plan a layout contradict each other");
    if (o->flash_size && strcmp(o->flash_size, "keep") != 0 && strcmp(o->flash_size, "detect") != 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--flash-size '%s': use detect or keep", o->flash_size);
    if (o->plan.table_offset.given && o->plan.table_offset.value % ESPOTA_SECTOR_SIZE)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--table-offset must be a multiple of 4K");
    return 0;
}

static void greet(struct cli *cli, const struct espota_device *device)
{
    const struct espota_device_info *info = &device->info;
    char mac[MAC_TEXT], size[ESPOTA_SIZE_TEXT];
    espota_ui_say(&cli->ui, "Connected to %s on %s: %s of flash%s%s",
                  info->chip ? info->chip->name : "a flash file", device->name,
                  espota_size_text(info->flash_size, size), info->has_mac ? ", MAC " : "",
                  info->has_mac ? mac_text(info->mac, mac) : "");
}

static int flash(struct cli *cli, const struct options *o, const struct flash_files *files,
                 struct espota_device *device, struct espota_error *error)
{
    struct job job = { 0 };
    struct job_request request = {
        .plan = &o->plan,
        .slot = o->slot,
        .flash_size_mode = o->flash_size ? o->flash_size : "detect",
        .table_offset = o->plan.table_offset.given ? o->plan.table_offset.value : ESPOTA_TABLE_DEFAULT_OFFSET,
    };
    uint64_t started = espota_now_ms();
    greet(cli, device);
    int result = job_prepare(&job, cli, &request, files, &device->info, error);
    if (result == 0)
        result = o->erase ? erase_all(cli, device, error)
                          : check_layout(cli, device, &job, request.table_offset, error);
    if (result == 0)
        result = write_all(cli, device, &job, error);
    uint64_t ms = espota_now_ms() - started;
    if (result == 0)
        result = espota_device_restart(device, error);
    if (result == 0)
        result = report(cli, device, &job, ms, error);
    job_free(&job);
    return result;
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    struct flash_files files = { 0 };
    struct espota_device *device = NULL;
    int result = check_options(o, error);
    if (result == 0)
        result = collect(&files, cli, o, error);
    if (result == 0)
        result = connect_device(cli, &o->connect, VIA_ROM, &device, error);
    if (result == 0)
        result = flash(cli, o, &files, device, error);
    espota_device_close(device);
    flash_files_free(&files);
    return result;
}

const struct command command_flash = {
    .name = "flash",
    .summary = "write bootloader, table and app through the ROM bootloader",
    .usage = "[DIR]",
    .story = "DIR is a build folder: with flasher_args.json, or with files of the usual names. Only what "
             "differs from\n"
             "the device's flash is written. Without a table, a layout is planned for the chip's flash. A "
             "device that\n"
             "holds another partition table is left alone (exit status 5) unless --erase is given.",
    .options = option_table,
    .options_size = sizeof(struct options),
    .max_arguments = 1,
    .run = run,
};
