/* backup, restore: all of a device's flash, with a manifest that says whose it is and what is in it. */
#include "connect.h"

#include "espota/backup.h"
#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/hex.h"
#include "espota/smart_read.h"
#include "espota/smart_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_FLASH = 128 << 20, LARGEST_MANIFEST = 1 << 20, MANIFEST_VERSION = 1 };

struct options {
    struct connect_options connect;
    struct number_option table_offset;
    bool force;
};

static const struct option_spec backup_options[] = {
    { "force", 0, OPTION_FLAG, offsetof(struct options, force), NULL, "replace an earlier backup" },
    OPTION_END,
};

static const struct option_spec restore_options[] = {
    { "force", 0, OPTION_FLAG, offsetof(struct options, force), NULL,
      "also to another device than the one backed up, or one with secure boot or flash encryption" },
    OPTION_END,
};

/* ---- manifest -------------------------------------------------------------------------------------------
 */

static void add_part(struct items *list, const struct espota_backup_part *part)
{
    struct fields fields = fields_begin();
    field_label(&fields, "name", &part->partition);
    field_number(&fields, "offset", part->partition.offset);
    field_number(&fields, "size", part->partition.size);
    field_bytes(&fields, "sha256", part->has_sha256 ? part->sha256 : NULL, sizeof part->sha256);
    item_object(list, fields);
}

static struct fields manifest_fields(const struct espota_backup_manifest *m,
                                     const struct espota_device_info *info)
{
    struct fields fields = fields_begin();
    struct items parts = items_begin();
    for (unsigned i = 0; i < m->part_count; i++)
        add_part(&parts, &m->part[i]);
    field_number(&fields, "espota_backup", MANIFEST_VERSION);
    field_chip(&fields, "chip", info->chip);
    field_mac(&fields, "mac", info);
    field_number(&fields, "flash_size", m->flash_size);
    field_bytes(&fields, "sha256", m->sha256, sizeof m->sha256);
    field_number(&fields, "table_offset", m->table_offset);
    field_list(&fields, "partitions", parts);
    return fields;
}

static bool mac_of_text(const char *text, uint8_t mac[6])
{
    char digits[13] = "";
    for (size_t i = 0; text && strlen(text) == 17 && i < 6; i++)
        memcpy(digits + 2 * i, text + 3 * i, 2);
    return digits[0] && espota_unhex(digits, mac, 6);
}

/* What restoring needs of it: not the partitions. */
static bool read_manifest(const json_t *document, struct espota_backup_manifest *m)
{
    const char *chip = json_string_value(json_object_get(document, "chip"));
    const char *hash = json_string_value(json_object_get(document, "sha256"));
    json_int_t size = json_integer_value(json_object_get(document, "flash_size"));
    memset(m, 0, sizeof *m);
    snprintf(m->chip, sizeof m->chip, "%s", chip ? chip : "");
    m->has_mac = mac_of_text(json_string_value(json_object_get(document, "mac")), m->mac);
    m->flash_size = size > 0 && size <= UINT32_MAX ? (uint32_t)size : 0;
    return json_integer_value(json_object_get(document, "espota_backup")) == MANIFEST_VERSION && hash &&
           strlen(hash) == 2 * sizeof m->sha256 && espota_unhex(hash, m->sha256, sizeof m->sha256);
}

static int load_manifest(const char *path, struct espota_backup_manifest *manifest,
                         struct espota_error *error)
{
    struct espota_bytes bytes = { 0 };
    json_error_t problem;
    int result = espota_file_read(path, LARGEST_MANIFEST, &bytes, error);
    if (result != 0)
        return espota_fail_while(error, "a backup has its manifest beside it");
    json_t *document = json_loadb((const char *)bytes.data, bytes.size, JSON_REJECT_DUPLICATES, &problem);
    espota_bytes_free(&bytes);
    if (!document)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s:%d: %s", path, problem.line, problem.text);
    bool good = read_manifest(document, manifest);
    json_decref(document);
    return good ? 0 : espota_fail(error, ESPOTA_ERR_VERIFY, "%s is no manifest of an espota backup", path);
}

/* ---- backup ---------------------------------------------------------------------------------------------
 */

static char *manifest_text(const struct fields *manifest)
{
    char *text = document_text(manifest);
    size_t size = text ? strlen(text) + 2 : 0;
    char *line = text ? malloc(size) : NULL;
    if (line)
        snprintf(line, size, "%s\n", text);
    free(text);
    return line;
}

static int save(struct cli *cli, const struct espota_device *device, const struct espota_backup_paths *paths,
                const struct espota_bytes *flash, const struct espota_backup_manifest *manifest,
                struct espota_error *error)
{
    struct fields fields = manifest_fields(manifest, &device->info);
    char *text = manifest_text(&fields);
    int result = text ? espota_backup_save(paths, flash, text, error)
                      : espota_fail_memory(error, "writing the manifest");
    if (result == 0 && cli->json) {
        struct fields document = device_document_begin(device->name);
        fields_add(&document, &fields);
        result = set_device_result(cli, document, error);
    }
    fields_free(&fields);
    free(text);
    return result;
}

static int backup(struct cli *cli, const void *options, struct espota_device *device,
                  struct espota_error *error)
{
    const struct options *o = options;
    struct espota_backup_paths paths = { 0 };
    struct espota_bytes flash = { 0 };
    struct espota_smart_read r = { 0 };
    struct espota_backup_manifest *manifest = malloc(sizeof *manifest);
    int result = manifest ? espota_backup_paths(&paths, cli->arguments[0], error)
                          : espota_fail_memory(error, "reading flash");
    if (result == 0)
        result = espota_backup_read(device, &paths, o->table_offset.value, &flash, manifest, &r, error);
    espota_ui_progress_end(&cli->ui);
    if (result == 0)
        result = save(cli, device, &paths, &flash, manifest, error);
    if (result == 0)
        espota_ui_say(&cli->ui, "%uM of flash in %s, %" PRIu32 "K of it travelled; %s says what is in it",
                      device->info.flash_size >> 20, paths.flash, r.read / 1024, paths.manifest);
    espota_bytes_free(&flash);
    espota_backup_paths_free(&paths);
    free(manifest);
    return result;
}

/* ---- restore --------------------------------------------------------------------------------------------
 */

static int say_restored(struct cli *cli, const struct espota_device *device, const struct espota_bytes *flash,
                        uint32_t written, struct espota_error *error)
{
    espota_ui_say(&cli->ui, "%uM of flash restored, %" PRIu32 "K of it written, all verified",
                  (unsigned)(flash->size >> 20), written / 1024);
    if (!cli->json)
        return 0;
    struct fields document = device_document_begin(device->name);
    field_number(&document, "flash_size", (int64_t)flash->size);
    field_number(&document, "written", written);
    return set_device_result(cli, document, error);
}

static int restore(struct cli *cli, const void *options, struct espota_device *device,
                   struct espota_error *error)
{
    const struct options *o = options;
    struct espota_backup_paths paths = { 0 };
    struct espota_bytes flash = { 0 };
    struct espota_smart_write r = { 0 };
    struct espota_backup_manifest *manifest = malloc(sizeof *manifest);
    int result = manifest ? espota_backup_paths(&paths, cli->arguments[0], error)
                          : espota_fail_memory(error, "restoring");
    if (result == 0)
        result = check_security(cli, device, o->force, error);
    if (result == 0)
        result = load_manifest(paths.manifest, manifest, error);
    if (result == 0)
        result = espota_file_read(paths.flash, LARGEST_FLASH, &flash, error);
    if (result == 0)
        result = espota_backup_restore(device, manifest, &flash, paths.flash, o->force, &r, error);
    espota_ui_progress_end(&cli->ui);
    if (result == 0)
        result = say_restored(cli, device, &flash, r.written, error);
    espota_bytes_free(&flash);
    espota_backup_paths_free(&paths);
    free(manifest);
    return result;
}

/* ---- the commands ---------------------------------------------------------------------------------------
 */

static int run_backup(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    struct espota_backup_paths paths;
    int result = espota_backup_paths(&paths, cli->arguments[0], error);
    if (result == 0 && !o->force)
        result = espota_backup_check_absent(&paths, error);
    espota_backup_paths_free(&paths);
    return result ? result : work_on_device(cli, &o->connect, VIA_ROM, backup, options, error);
}

static int run_restore(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    struct connect_options connect = o->connect;
    connect.starts = true;
    return work_on_device(cli, &connect, VIA_ROM, restore, options, error);
}

const struct command command_backup = {
    .name = "backup",
    .summary = "read all of the flash into a file, with a manifest",
    .usage = "FILE",
    .description =
        "Writes FILE and FILE.json, which says whose flash it is and has the hashes of it and of every "
        "partition.\n"
        "Both are for their owner alone to read. An earlier backup is not overwritten (exit status 5) unless "
        "--force is given.\n"
        "Blank parts do not travel; a backup that was interrupted goes on where it stopped.",
    .options = backup_options,
    .groups = { CONNECT_GROUPS(via_rom_option),
                { table_offset_option, offsetof(struct options, table_offset) } },
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_backup,
};

const struct command command_restore = {
    .name = "restore",
    .summary = "write a backup back",
    .usage = "FILE",
    .description =
        "FILE and FILE.json come from 'espota backup'. Only what differs is written. Another device "
        "than the one "
        "backed\n"
        "up is refused (exit status 5) unless --force is given.",
    .options = restore_options,
    .groups = { CONNECT_GROUPS(via_rom_option) },
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_restore,
};
