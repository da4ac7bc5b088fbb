#include "connect.h"
#include "flash_files.h"
#include "flash_job.h"
#include "flash_layout.h"
#include "plan_options.h"

#include "espota/update.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    struct connect_options connect;
    struct plan_options plan;
    const char *bootloader, *table, *fs_image, *slot;
    struct flash_header header;
    struct list_option subtypes;
    bool erase, migrate, force;
};

static const struct option_spec option_table[] = {
    CONNECT_PORT_ROWS(struct options, connect),
    CONNECT_ROM_ROWS(struct options, connect),
    { "bootloader", 0, OPTION_TEXT, offsetof(struct options, bootloader), "FILE", "second-stage bootloader" },
    { "table", 't', OPTION_TEXT, offsetof(struct options, table), "FILE", "partition table, CSV or binary" },
    { "extra-partition-subtypes", 0, OPTION_LIST, offsetof(struct options, subtypes), "SUBTYPE",
      "one more subtype that CSV may name: 'type, name, value'; can be repeated" },
    { "app", 'a', OPTION_TEXT, PLAN_OPTION(struct options, plan, app), "FILE", "app image" },
    { "fs-image", 0, OPTION_TEXT, offsetof(struct options, fs_image), "FILE",
      "image for the file system partition" },
    { "slot", 's', OPTION_TEXT, offsetof(struct options, slot), "NAME",
      "partition for the app (factory, or else ota_0); it boots" },
    { "erase", 'e', OPTION_FLAG, offsetof(struct options, erase), NULL,
      "erase all of the flash first: all data on the device is lost" },
    { "migrate", 'm', OPTION_FLAG, offsetof(struct options, migrate), NULL,
      "change the layout of a device with data: erase only what has to go, keep what stays" },
    { "force", 0, OPTION_FLAG, offsetof(struct options, force), NULL,
      "write to a chip with secure boot or flash encryption" },
    { "flash", 0, OPTION_SIZE, PLAN_OPTION(struct options, plan, flash), "SIZE",
      "plan for this flash size (what the chip has); makes a file: that is not there" },
    PLAN_OPTION_ROWS(struct options, plan),
    { "table-offset", 0, OPTION_SIZE, PLAN_OPTION(struct options, plan, table_offset), "OFFSET",
      "where the partition table lies (0x8000)" },
    { "flash-size", 0, OPTION_TEXT, offsetof(struct options, header.size), "SIZE",
      "in the bootloader's header: keep, 4M ..., or what the chip has: detect (detect)" },
    { "flash-mode", 0, OPTION_TEXT, offsetof(struct options, header.mode), "MODE",
      "in the bootloader's header: qio, qout, dio, dout or keep (keep)" },
    { "flash-freq", 0, OPTION_TEXT, offsetof(struct options, header.frequency), "FREQ",
      "in the bootloader's header: 80m, 40m ... or keep (keep)" },
    OPTION_END,
};

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
                  json_t *story, struct espota_error *error)
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
    return print_json(json_pack("{s:s, s:o, s:I, s:o, s:O?, s:o, s:f, s:f}", "device", device->name, "chip",
                                device->info.chip ? json_string(device->info.chip->id) : json_null(),
                                "flash_size", (json_int_t)device->info.flash_size, "boots",
                                job->app ? json_string(job->app->label) : json_null(), "migration", story,
                                "pieces", pieces_json(job), "seconds", seconds, "kib_per_second", rate),
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
    if (plan_options_check(&o->plan, error) != 0)
        return (int)error->status;
    if (o->erase && o->migrate)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--erase and --migrate contradict each other");
    if (o->plan.table_offset.given && o->plan.table_offset.value % ESPOTA_SECTOR_SIZE)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--table-offset must be a multiple of 4K");
    return flash_header_check(&o->header, error);
}

static void greet(struct cli *cli, const struct espota_device *device)
{
    const struct espota_device_info *info = &device->info;
    char mac[MAC_TEXT], size[ESPOTA_SIZE_TEXT];
    if (!info->has_mac) {
        espota_ui_say(&cli->ui, "Flash file %s: %s%s%s", device->name,
                      espota_size_text(info->flash_size, size), info->chip ? " for an " : "",
                      info->chip ? info->chip->name : "");
        return;
    }
    espota_ui_say(&cli->ui, "Connected to %s on %s: %s of flash%s%s",
                  info->chip ? info->chip->name : "a chip", device->name,
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
        .header = o->header,
        .subtypes = &o->subtypes,
        .table_offset = o->plan.table_offset.given ? o->plan.table_offset.value : ESPOTA_TABLE_DEFAULT_OFFSET,
    };
    uint64_t started = espota_now_ms();
    greet(cli, device);
    enum layout_policy policy = o->erase ? LAYOUT_ERASE : o->migrate ? LAYOUT_MIGRATE : LAYOUT_REFUSE;
    json_t *story = NULL;
    int result = check_security(cli, device, o->force, error);
    if (result == 0)
        result = job_prepare(&job, cli, &request, files, &device->info, error);
    if (result == 0)
        result = prepare_layout(cli, device, &job, request.table_offset, policy, &story, error);
    if (result == 0)
        result = write_all(cli, device, &job, error);
    uint64_t ms = espota_now_ms() - started;
    if (result == 0)
        result = espota_device_restart(device, error);
    if (result == 0)
        result = report(cli, device, &job, ms, story, error);
    json_decref(story);
    job_free(&job);
    return result;
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    struct flash_files files = { 0 };
    struct espota_device *device = NULL;
    struct connect_options connect = o->connect;
    connect.create_size = o->plan.flash.value;
    int result = check_options(o, error);
    if (result == 0)
        result = collect(&files, cli, o, error);
    if (result == 0)
        result = connect_device(cli, &connect, VIA_ROM, &device, error);
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
             "holds another partition table is left alone (exit status 5) unless --migrate or --erase is "
             "given. --port file:FLASH makes a merged image.",
    .options = option_table,
    .options_size = sizeof(struct options),
    .max_arguments = 1,
    .run = run,
};
