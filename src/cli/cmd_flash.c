#include "cached.h"
#include "connect.h"
#include "flash_report.h"
#include "fleet.h"
#include "plan_options.h"
#include "watch.h"

#include "espota/clock.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/hex.h"
#include "espota/size.h"
#include "espota/symbols.h"
#include "espota/table.h"

#include <stdio.h>
#include <stdlib.h>

struct options {
    struct connect_options connect;
    struct plan_options plan;
    struct watch_options watch;
    struct fleet_options fleet;
    const char *bootloader, *table, *fs_image, *fs_folder, *fs_type, *nvs, *slot, *env;
    struct number_option fs_sector;
    struct espota_flash_header header;
    struct list_option subtypes;
    bool erase, migrate, force, no_cache;
};

static const struct option_spec option_table[] = {
    { "bootloader", 0, OPTION_TEXT, offsetof(struct options, bootloader), "FILE", "second-stage bootloader" },
    { "table", 't', OPTION_TEXT, offsetof(struct options, table), "FILE", "partition table, CSV or binary" },
    { "app", 'a', OPTION_TEXT, PLAN_OPTION(app), "FILE", "app image" },
    { "fs-image", 0, OPTION_TEXT, offsetof(struct options, fs_image), "FILE",
      "image for the file system partition" },
    { "nvs", 0, OPTION_TEXT, offsetof(struct options, nvs), "FILE",
      "NVS, or CSV that it is made of for its partition: what is in it is lost" },
    { "fs-dir", 0, OPTION_TEXT, offsetof(struct options, fs_folder), "DIR",
      "make the file system of this folder, in its partition" },
    { "fs-type", 0, OPTION_TEXT, offsetof(struct options, fs_type), "TYPE",
      "littlefs, fat, or fat-plain: without wear levelling (by the partition)" },
    { "fs-sector", 0, OPTION_SIZE, offsetof(struct options, fs_sector), "SIZE",
      "sectors of FAT, CONFIG_WL_SECTOR_SIZE of the app: 512 to 4K (4K)" },
    { "env", 0, OPTION_TEXT, offsetof(struct options, env), "NAME",
      "which build of several: a PlatformIO environment, a board, a device, a folder, a program" },
    { "slot", 's', OPTION_TEXT, offsetof(struct options, slot), "NAME",
      "partition for the app (the one that boots next); it boots" },
    { "erase", 'e', OPTION_FLAG, offsetof(struct options, erase), NULL,
      "erase all of the flash first: all data on the device is lost" },
    { "migrate", 'm', OPTION_FLAG, offsetof(struct options, migrate), NULL,
      "change the layout of a device with data: erase only what has to go, keep what stays" },
    { "force", 0, OPTION_FLAG, offsetof(struct options, force), NULL,
      "write to a chip with secure boot or flash encryption, or over data that no table explains" },
    { "flash", 0, OPTION_SIZE, PLAN_OPTION(flash), "SIZE",
      "plan for this flash size (what the chip has); makes a file: that is not there" },
    { "flash-size", 0, OPTION_TEXT, offsetof(struct options, header.size), "SIZE",
      "in the bootloader's header: keep, 4M ..., or what the chip has: detect (detect)" },
    { "flash-mode", 0, OPTION_TEXT, offsetof(struct options, header.mode), "MODE",
      "in the bootloader's header: qio, qout, dio, dout or keep (keep)" },
    { "flash-freq", 0, OPTION_TEXT, offsetof(struct options, header.frequency), "FREQ",
      "in the bootloader's header: 80m, 40m ... or keep (keep)" },
    OPTION_END,
};

/* The files named by options, then those of the build folder, or the one file. */
static int collect(struct espota_flash_files *files, const struct cli *cli, const struct options *o,
                   struct espota_error *error)
{
    const struct {
        const char *path;
        enum espota_flash_role role;
    } named[] = { { o->bootloader, ESPOTA_FLASH_BOOTLOADER },
                  { o->table, ESPOTA_FLASH_TABLE },
                  { o->plan.app, ESPOTA_FLASH_APP },
                  { o->fs_image, ESPOTA_FLASH_FS } };
    int result = 0;
    files->build = o->env;
    for (size_t i = 0; result == 0 && i < sizeof named / sizeof named[0]; i++)
        if (named[i].path)
            result = espota_flash_files_add(files, named[i].role, named[i].path, error);
    if (result == 0 && cli->argument_count > 0)
        result = espota_flash_files_find(files, cli->arguments[0], error);
    if (result == 0 && files->count == 0 && !o->fs_folder && !o->nvs && !plan_options_given(&o->plan))
        result =
            espota_fail(error, ESPOTA_ERR_USAGE,
                        "nothing to flash: name a build folder or an image, or --bootloader, --table, --app, "
                        "--fs-image, --fs-dir, --nvs");
    return result;
}

static int check_options(const struct options *o, bool path, struct espota_error *error)
{
    enum espota_fs_type type;
    if (o->table && plan_options_given(&o->plan))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--table and options that plan a layout contradict each other");
    if (o->env && !path)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--env names a build of a folder: name the folder too");
    if (o->fs_image && o->fs_folder)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--fs-image and --fs-dir are for the same partition: give one");
    if ((o->fs_type || o->fs_sector.given) && !o->fs_folder)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--fs-type and --fs-sector go with --fs-dir");
    if (o->fs_type && !espota_fs_type_from_name(o->fs_type, &type))
        return espota_fail(error, ESPOTA_ERR_USAGE, "--fs-type '%s': use littlefs, fat or fat-plain",
                           o->fs_type);
    if (o->erase && o->migrate)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--erase and --migrate contradict each other");
    if (o->plan.table_offset.given && o->plan.table_offset.value % ESPOTA_SECTOR_SIZE)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--table-offset must be a multiple of 4K");
    int result = check_plan_options(&o->plan, error);
    return result ? result : espota_flash_header_check(&o->header, error);
}

static void greet(struct cli *cli, const struct espota_device *device)
{
    const struct espota_device_info *info = &device->info;
    char mac[ESPOTA_MAC_TEXT], size[ESPOTA_SIZE_TEXT];
    if (info->dump) {
        espota_ui_say(&cli->ui, "Flash file %s: %s%s%s", device->name,
                      espota_size_text(info->flash_size, size), info->chip ? " for an " : "",
                      info->chip ? info->chip->name : "");
        return;
    }
    espota_ui_say(&cli->ui, "Connected to %s on %s: %s of flash%s%s",
                  info->chip ? info->chip->name : "a chip", device->name,
                  espota_size_text(info->flash_size, size), info->has_mac ? ", MAC " : "",
                  info->has_mac ? espota_mac_text(info->mac, mac) : "");
}

static struct espota_flash_request request_of(const struct options *o, const struct espota_flash_files *files,
                                              const struct espota_table_csv_options *csv)
{
    enum espota_fs_type type = ESPOTA_FS_TYPE_LITTLEFS;
    bool has_type = o->fs_type && espota_fs_type_from_name(o->fs_type, &type);
    return (struct espota_flash_request){
        .files = files,
        .nvs = o->nvs,
        .fs_folder = o->fs_folder,
        .has_fs_type = has_type,
        .fs_type = type,
        .fs_sector = o->fs_sector.value,
        .layout = plan_request(&o->plan, o->plan.flash.value, 0),
        .plan_layout = plan_options_given(&o->plan),
        .slot = o->slot,
        .table_offset = o->plan.table_offset.value,
        .header = o->header,
        .csv = csv,
        .policy = o->erase     ? ESPOTA_FLASH_ERASE
                  : o->migrate ? ESPOTA_FLASH_MIGRATE
                               : ESPOTA_FLASH_KEEP,
        .force = o->force,
    };
}

/* ELF files that do not say their chip are made into images for the one that is there. */
static int settle(struct cli *cli, struct espota_flash_files *files, const struct espota_device *device,
                  struct espota_error *error)
{
    unsigned told = files->notes.count;
    int result = espota_flash_files_settle(files, device->info.chip, error);
    for (unsigned i = told; i < files->notes.count; i++)
        espota_ui_say(&cli->ui, "note: %s", files->notes.note[i].text);
    return result;
}

/* Apps as they are in flash now. */
static void keep_apps(struct cli *cli, struct espota_image_cache *cache, const struct espota_flash_plan *plan)
{
    for (unsigned i = 0; i < plan->piece_count; i++) {
        const struct espota_flash_piece *piece = &plan->piece[i];
        if (piece->kind == ESPOTA_PIECE_APP)
            cache_keep(cli, cache, piece->file ? piece->file : piece->name, piece->data, piece->size);
    }
}

static int flash(struct cli *cli, const struct options *o, struct espota_flash_files *files,
                 struct espota_device *device, struct espota_flash_plan *plan, struct espota_error *error)
{
    struct espota_subtype_name names[LIST_MAX];
    struct espota_table_csv_options csv = { 0 };
    struct espota_flash_request request = request_of(o, files, &csv);
    char size[ESPOTA_SIZE_TEXT];
    uint64_t started = espota_now_ms();
    greet(cli, device);
    int result = check_security(cli, device, o->force, error);
    if (result == 0)
        result = read_subtype_names(&o->subtypes, names, &csv, error);
    if (result != 0)
        return result;
    result = settle(cli, files, device, error);
    if (result != 0)
        return result;
    result = espota_flash_plan(plan, device, &request, error);
    say_plan(cli, device, files, plan);
    if (result == 0 && plan->erase_all)
        espota_ui_say(&cli->ui, "Erasing all %s of flash", espota_size_text(device->info.flash_size, size));
    if (result == 0)
        result = espota_flash_run(plan, device, error);
    uint64_t ms = espota_now_ms() - started;
    if (result == 0)
        result = espota_device_restart(device, error);
    return result ? result : report_flash(cli, device, files, plan, ms, error);
}

/* Where the ELF file of the app may be: beside it, or in the folder that was named. */
static const char *build_of(const struct cli *cli, const struct espota_flash_files *files)
{
    const char *build = cli->argument_count > 0 ? cli->arguments[0] : NULL;
    for (unsigned i = 0; i < files->count; i++) {
        struct espota_error ignored;
        char *elf = NULL;
        if (files->list[i].role != ESPOTA_FLASH_APP ||
            espota_symbols_locate(files->list[i].path, &elf, &ignored) != 0)
            continue;
        free(elf);
        return files->list[i].path;
    }
    return build;
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    struct espota_flash_files *files = calloc(1, sizeof *files);
    struct espota_flash_plan *plan = calloc(1, sizeof *plan);
    struct espota_device *device = NULL;
    struct watch_after after = { 0 };
    struct connect_options connect = o->connect;
    connect.create_size = o->plan.flash.value;
    connect.starts = true;
    struct espota_image_cache *cache = NULL;
    int result = files && plan ? check_options(o, cli->argument_count > 0, error)
                               : espota_fail_memory(error, "preparing to flash");
    if (result == 0)
        result = cache_open(cli, o->no_cache, &cache, error);
    if (result == 0) {
        result = collect(files, cli, o, error);
        if (files->what[0])
            espota_ui_say(&cli->ui, "Found %s", files->what);
        say_notes(cli, &files->notes);
    }
    if (result == 0)
        result = watch_after_begin(&after, cli, &o->watch, build_of(cli, files), &connect, error);
    if (result == 0)
        result = connect_device(cli, &connect, VIA_ROM, &device, error);
    if (result == 0)
        result = flash(cli, o, files, device, plan, error);
    if (result == 0)
        keep_apps(cli, cache, plan);
    result = disconnect_device(device, result, error);
    result = watch_after_end(&after, result, error);
    espota_image_cache_free(cache);
    if (plan)
        espota_flash_plan_free(plan);
    if (files)
        espota_flash_files_free(files);
    free(plan);
    free(files);
    return result;
}

static void sum_up(const struct fields *result, char words[FLEET_WORDS])
{
    const char *boots = field_text_of(result, "boots_next");
    snprintf(words, FLEET_WORDS, "flashed, '%.40s' boots next", boots ? boots : "nothing");
}

static const struct fleet_part fleet = { .sum_up = sum_up };

const struct command command_flash = {
    .name = "flash",
    .summary = "write bootloader, table and app through the ROM bootloader",
    .usage = "[DIR | FILE]",
    .description =
        "DIR is a project or build folder of ESP-IDF, Arduino, PlatformIO, ESPHome, Zephyr or Rust, or has\n"
        "images in it; FILE is an app or a merged image, also as Intel HEX or UF2. The first line says what\n"
        "was found. Only what differs from the device's flash is written. An app alone goes into the "
        "device's own table; a blank "
        "device gets "
        "a planned\n"
        "layout. What would lose data is refused (exit status 5) unless --migrate, --erase or --force "
        "is given.\n"
        "--port file:FLASH makes a merged image.",
    .options = option_table,
    .groups = { { layout_options, offsetof(struct options, plan) },
                { cache_option, offsetof(struct options, no_cache) },
                { subtypes_option, offsetof(struct options, subtypes) },
                CONNECT_GROUP(port_options),
                CONNECT_GROUP(rom_options),
                WATCH_GROUPS,
                { fleet_options, offsetof(struct options, fleet) } },
    .options_size = sizeof(struct options),
    .max_arguments = 1,
    .run = run,
    .fleet = &fleet,
};
