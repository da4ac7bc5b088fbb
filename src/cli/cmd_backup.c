/* backup, restore: all of a device's flash, with a manifest that says whose it is and what is in it. */
#include "connect.h"

#include "espota/update.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGEST_FLASH = 128 << 20, LARGEST_MANIFEST = 1 << 20, MANIFEST_VERSION = 1 };

struct options {
    struct connect_options connect;
    struct size_option table_offset;
    bool force;
};

#define COMMON_ROWS                                                                                          \
    CONNECT_PORT_ROWS(struct options, connect), CONNECT_AGENT_ROWS(struct options, connect),                 \
        CONNECT_VIA_ROW(struct options, connect, "rom"), CONNECT_ROM_ROWS(struct options, connect)

static const struct option_spec backup_options[] = {
    COMMON_ROWS,
    { "table-offset", 0, OPTION_SIZE, offsetof(struct options, table_offset), "OFFSET",
      "where the partition table lies (0x8000)" },
    { "force", 0, OPTION_FLAG, offsetof(struct options, force), NULL, "replace an earlier backup" },
    OPTION_END,
};

static const struct option_spec restore_options[] = {
    COMMON_ROWS,
    { "force", 0, OPTION_FLAG, offsetof(struct options, force), NULL,
      "also to another device than the one backed up, or one with secure boot or flash encryption" },
    OPTION_END,
};

static char *with_suffix(const char *path, const char *suffix)
{
    size_t size = strlen(path) + strlen(suffix) + 1;
    char *name = malloc(size);
    if (name)
        snprintf(name, size, "%s%s", path, suffix);
    return name;
}

static int hash(const void *data, size_t length, uint8_t digest[ESPOTA_SHA256_LENGTH],
                struct espota_error *error)
{
    if (espota_sha256(data, length, digest) == 0)
        return 0;
    return espota_fail(error, ESPOTA_ERR_FAILED, "SHA-256 is not available from the crypto library");
}

/* ---- manifest -------------------------------------------------------------------------------------------
 */

/* What reaches beyond the flash has no hash. */
static int add_partition(struct items *list, const struct espota_partition *p, const uint8_t *flash,
                         uint32_t size, struct espota_error *error)
{
    uint8_t digest[ESPOTA_SHA256_LENGTH];
    bool inside = p->offset <= size && p->size <= size - p->offset;
    if (inside && hash(flash + p->offset, p->size, digest, error) != 0)
        return (int)error->status;
    struct fields fields = fields_begin();
    field_label(&fields, "name", p);
    field_number(&fields, "offset", p->offset);
    field_number(&fields, "size", p->size);
    field_bytes(&fields, "sha256", inside ? digest : NULL, sizeof digest);
    item_object(list, fields);
    return 0;
}

static int list_partitions(struct items *list, const uint8_t *flash, uint32_t size, uint32_t table_offset,
                           struct espota_error *error)
{
    struct espota_table table;
    struct espota_table_problem problem;
    if (table_offset > size || size - table_offset < ESPOTA_TABLE_BINARY_SIZE ||
        espota_table_parse_flash(&table, flash + table_offset, ESPOTA_TABLE_BINARY_SIZE, table_offset, 0,
                                 espota_md5, &problem) != 0)
        return 0;
    int result = 0;
    for (unsigned i = 0; result == 0 && i < table.count; i++)
        result = add_partition(list, &table.entry[i], flash, size, error);
    return result;
}

static int write_text(const char *path, const struct fields *document, struct espota_error *error)
{
    char *text = document_text(document);
    char *lines = text ? with_suffix(text, "\n") : NULL;
    int result = lines ? espota_file_write_secret(path, lines, strlen(lines), error)
                       : espota_fail_memory(error, "writing the manifest");
    free(text);
    free(lines);
    return result;
}

static void warn_about_table(struct espota_device *device, const uint8_t *flash, uint32_t table_offset)
{
    struct espota_table table;
    struct espota_table_problem problem;
    uint32_t size = device->info.flash_size;
    if (table_offset <= size && size - table_offset >= ESPOTA_TABLE_BINARY_SIZE &&
        espota_table_parse_flash(&table, flash + table_offset, ESPOTA_TABLE_BINARY_SIZE, table_offset, size,
                                 espota_md5, &problem) == 0)
        espota_slots_warn(device, &table);
}

static int make_manifest(const struct espota_device *device, const uint8_t *flash, uint32_t table_offset,
                         struct fields *manifest, struct espota_error *error)
{
    const struct espota_device_info *info = &device->info;
    uint8_t digest[ESPOTA_SHA256_LENGTH] = { 0 };
    struct items partitions = items_begin();
    int result = hash(flash, info->flash_size, digest, error);
    if (result == 0)
        result = list_partitions(&partitions, flash, info->flash_size, table_offset, error);
    *manifest = fields_begin();
    field_number(manifest, "espota_backup", MANIFEST_VERSION);
    field_chip(manifest, "chip", info->chip);
    field_mac(manifest, "mac", info);
    field_number(manifest, "flash_size", info->flash_size);
    field_bytes(manifest, "sha256", digest, sizeof digest);
    field_number(manifest, "table_offset", table_offset);
    field_list(manifest, "partitions", partitions);
    return result;
}

/* ---- backup ---------------------------------------------------------------------------------------------
 */

/* What an interrupted backup left, `taken` bytes, is where the next one begins. */
static int take_up(const char *partial, uint8_t *flash, uint32_t size, uint32_t *taken,
                   struct espota_error *error)
{
    struct espota_bytes bytes = { 0 };
    if (!espota_file_exists(partial))
        return 0;
    int result = espota_file_read(partial, LARGEST_FLASH, &bytes, error);
    if (result == 0 && bytes.data) {
        *taken = bytes.size < size ? (uint32_t)bytes.size : size;
        memcpy(flash, bytes.data, *taken);
    }
    espota_bytes_free(&bytes);
    return result;
}

static int read_flash(struct cli *cli, struct espota_device *device, const char *partial, uint8_t *flash,
                      struct espota_smart_read *result, struct espota_error *error)
{
    struct espota_error ignored;
    uint32_t size = device->info.flash_size;
    uint32_t kept = 0;
    int outcome = take_up(partial, flash, size, &kept, error);
    if (outcome != 0)
        return outcome;
    outcome = espota_smart_read(device, 0, flash, size, result, error);
    espota_ui_progress_end(&cli->ui);
    if (outcome == 0)
        return 0;
    if (kept < result->done)
        kept = result->done;
    if (kept > 0 && espota_file_write_secret(partial, flash, kept, &ignored) == 0)
        return espota_fail_while(
            error, "backup stopped at 0x%" PRIx32 " (kept in %s; the same command goes on there)",
            result->done, partial);
    return outcome;
}

static int set_backup_result(struct cli *cli, const struct espota_device *device,
                             const struct fields *manifest, struct espota_error *error)
{
    struct fields document = device_document_begin(device->name);
    fields_add(&document, manifest);
    return set_device_result(cli, document, error);
}

/* The manifest makes a backup of it: without one, no flash content stays that looks like a backup. */
static int save(struct cli *cli, struct espota_device *device, const char *path, const char *manifest_path,
                const uint8_t *flash, const struct espota_smart_read *r, uint32_t table_offset,
                struct espota_error *error)
{
    struct fields manifest = { 0 };
    int result = espota_file_write_secret(path, flash, device->info.flash_size, error);
    if (result == 0) {
        result = make_manifest(device, flash, table_offset, &manifest, error);
        if (result == 0)
            result = write_text(manifest_path, &manifest, error);
        if (result != 0)
            unlink(path);
    }
    if (result == 0)
        espota_ui_say(&cli->ui, "%uM of flash in %s, %" PRIu32 "K of it travelled; %s says what is in it",
                      device->info.flash_size >> 20, path, r->read / 1024, manifest_path);
    if (result == 0 && cli->json)
        result = set_backup_result(cli, device, &manifest, error);
    fields_free(&manifest);
    return result;
}

/* An earlier backup may be the only copy of a device's identity. */
static int check_places(const char *path, const char *manifest, bool force, struct espota_error *error)
{
    const char *there = espota_file_exists(path) ? path : espota_file_exists(manifest) ? manifest : NULL;
    if (force || !there)
        return 0;
    return espota_fail(error, ESPOTA_ERR_REFUSED,
                       "refused: %s is there already, and may be the only backup of a device; choose another "
                       "name, or --force replaces it",
                       there);
}

static int backup(struct cli *cli, const void *options, struct espota_device *device,
                  struct espota_error *error)
{
    const struct options *o = options;
    const char *path = cli->arguments[0];
    uint32_t size = device->info.flash_size;
    uint32_t table_offset = o->table_offset.given ? o->table_offset.value : ESPOTA_TABLE_DEFAULT_OFFSET;
    struct espota_smart_read r = { 0 };
    if (size == 0)
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED, "%s does not say how much flash it has",
                           device->name);
    if (espota_device_check_range(device, "back up", 0, size, error) != 0)
        return (int)error->status;
    char *partial = with_suffix(path, ".part"), *manifest = with_suffix(path, ".json");
    uint8_t *flash = calloc(1, size);
    int result = partial && manifest && flash ? read_flash(cli, device, partial, flash, &r, error)
                                              : espota_fail_memory(error, "reading flash");
    if (result == 0)
        warn_about_table(device, flash, table_offset);
    if (result == 0)
        result = save(cli, device, path, manifest, flash, &r, table_offset, error);
    if (result == 0)
        unlink(partial);
    free(flash);
    free(partial);
    free(manifest);
    return result;
}

/* ---- restore --------------------------------------------------------------------------------------------
 */

static int load_manifest(const char *path, json_t **manifest, struct espota_error *error)
{
    struct espota_bytes bytes = { 0 };
    json_error_t problem;
    int result = espota_file_read(path, LARGEST_MANIFEST, &bytes, error);
    if (result != 0)
        return espota_fail_while(error, "a backup has its manifest beside it");
    *manifest = json_loadb((const char *)bytes.data, bytes.size, JSON_REJECT_DUPLICATES, &problem);
    espota_bytes_free(&bytes);
    if (!*manifest)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s:%d: %s", path, problem.line, problem.text);
    if (json_integer_value(json_object_get(*manifest, "espota_backup")) != MANIFEST_VERSION)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is no manifest of an espota backup", path);
    return 0;
}

static int check_content(const json_t *manifest, const struct espota_bytes *flash, const char *path,
                         struct espota_error *error)
{
    uint8_t digest[ESPOTA_SHA256_LENGTH] = { 0 };
    char text[2 * ESPOTA_SHA256_LENGTH + 1];
    const char *expected = json_string_value(json_object_get(manifest, "sha256"));
    int result = hash(flash->data, flash->size, digest, error);
    espota_hex(digest, sizeof digest, text);
    if (result == 0 && (!expected || strcmp(text, expected) != 0))
        result = espota_fail(error, ESPOTA_ERR_VERIFY,
                             "%s is damaged: its SHA-256 is not the one in its manifest", path);
    return result;
}

/* A backup holds a device's identity: keys, calibration, network names. */
static int check_owner(struct cli *cli, const json_t *manifest, const struct espota_device *device,
                       bool force, struct espota_error *error)
{
    const struct espota_device_info *info = &device->info;
    const char *chip = json_string_value(json_object_get(manifest, "chip"));
    const char *mac = json_string_value(json_object_get(manifest, "mac"));
    json_int_t size = json_integer_value(json_object_get(manifest, "flash_size"));
    char own[MAC_TEXT];
    mac_text(info->mac, own);
    if (size != (json_int_t)info->flash_size)
        return espota_fail(error, ESPOTA_ERR_TOO_BIG, "the backup is of %lldM of flash, but %s has %uM",
                           (long long)size >> 20, device->name, info->flash_size >> 20);
    if (chip && info->chip && strcmp(chip, info->chip->id) != 0)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "the backup is of an %s, but the device is an %s", chip,
                           info->chip->id);
    if (!mac || !info->has_mac || strcmp(mac, own) == 0)
        return 0;
    if (!force)
        return espota_fail(
            error, ESPOTA_ERR_REFUSED,
            "refused: the backup is of the device %s, this one is %s and would lose its own identity; "
            "--force restores anyway",
            mac, own);
    espota_ui_warn(&cli->ui, "the backup is of the device %s, this one is %s", mac, own);
    return 0;
}

static int write_back(struct cli *cli, struct espota_device *device, const struct espota_bytes *flash,
                      struct espota_error *error)
{
    struct espota_smart_write r = { 0 };
    int result = espota_smart_write(device, 0, flash->data, flash->size, &r, error);
    espota_ui_progress_end(&cli->ui);
    if (result != 0)
        return result;
    espota_ui_say(&cli->ui, "%uM of flash restored, %" PRIu32 "K of it written, all verified",
                  (unsigned)(flash->size >> 20), r.written / 1024);
    if (!cli->json)
        return 0;
    struct fields document = device_document_begin(device->name);
    field_number(&document, "flash_size", (int64_t)flash->size);
    field_number(&document, "written", r.written);
    return set_device_result(cli, document, error);
}

static int restore(struct cli *cli, const void *options, struct espota_device *device,
                   struct espota_error *error)
{
    const struct options *o = options;
    const char *path = cli->arguments[0];
    struct espota_bytes flash = { 0 };
    json_t *manifest = NULL;
    char *manifest_path = with_suffix(path, ".json");
    int result =
        manifest_path ? check_security(cli, device, o->force, error) : espota_fail_memory(error, "restoring");
    if (result == 0)
        result = load_manifest(manifest_path, &manifest, error);
    if (result == 0)
        result = espota_file_read(path, LARGEST_FLASH, &flash, error);
    if (result == 0)
        result = check_content(manifest, &flash, path, error);
    if (result == 0)
        result = check_owner(cli, manifest, device, o->force, error);
    if (result == 0)
        result = write_back(cli, device, &flash, error);
    json_decref(manifest);
    espota_bytes_free(&flash);
    free(manifest_path);
    return result;
}

/* ---- the commands ---------------------------------------------------------------------------------------
 */

static int run_backup(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    char *manifest = with_suffix(cli->arguments[0], ".json");
    int result = manifest ? check_places(cli->arguments[0], manifest, o->force, error)
                          : espota_fail_memory(error, "reading flash");
    free(manifest);
    return result ? result : work_on_device(cli, &o->connect, VIA_ROM, backup, options, error);
}

static int run_restore(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    return work_on_device(cli, &o->connect, VIA_ROM, restore, options, error);
}

const struct command command_backup = {
    .name = "backup",
    .summary = "read all of the flash into a file, with a manifest",
    .usage = "FILE",
    .story =
        "Writes FILE and FILE.json, which says whose flash it is and has the hashes of it and of every "
        "partition.\n"
        "Both are for their owner alone to read. An earlier backup is not overwritten (exit status 5) unless "
        "--force is given.\n"
        "Blank parts do not travel; a backup that was interrupted goes on where it stopped.",
    .options = backup_options,
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_backup,
};

const struct command command_restore = {
    .name = "restore",
    .summary = "write a backup back",
    .usage = "FILE",
    .story = "FILE and FILE.json come from 'espota backup'. Only what differs is written. Another device "
             "than the one "
             "backed\n"
             "up is refused (exit status 5) unless --force is given.",
    .options = restore_options,
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_restore,
};
