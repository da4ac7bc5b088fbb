#include "espota/backup.h"
#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/hash.h"
#include "espota/hex.h"
#include "espota/slots.h"
#include "espota/smart_read.h"
#include "espota/smart_write.h"
#include "espota/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGEST_FLASH = 128 << 20 };

/* ---- files ----------------------------------------------------------------------------------------------
 */

static char *with_suffix(const char *path, const char *suffix)
{
    size_t size = strlen(path) + strlen(suffix) + 1;
    char *name = malloc(size);
    if (name)
        snprintf(name, size, "%s%s", path, suffix);
    return name;
}

int espota_backup_paths(struct espota_backup_paths *paths, const char *flash, struct espota_error *error)
{
    *paths = (struct espota_backup_paths){ strdup(flash), with_suffix(flash, ".json"),
                                           with_suffix(flash, ".part") };
    return paths->flash && paths->manifest && paths->partial ? 0
                                                             : espota_fail_memory(error, "naming a backup");
}

void espota_backup_paths_free(struct espota_backup_paths *paths)
{
    free(paths->flash);
    free(paths->manifest);
    free(paths->partial);
    *paths = (struct espota_backup_paths){ 0 };
}

int espota_backup_check_absent(const struct espota_backup_paths *paths, struct espota_error *error)
{
    const char *there = espota_file_exists(paths->flash)      ? paths->flash
                        : espota_file_exists(paths->manifest) ? paths->manifest
                                                              : NULL;
    if (!there)
        return 0;
    return espota_fail_hint(error, ESPOTA_ERR_REFUSED, ESPOTA_HINT_REPLACE,
                            "refused: %s is there already, and may be the only backup of a device", there);
}

/* ---- manifest -------------------------------------------------------------------------------------------
 */

static int hash(const void *data, size_t length, uint8_t digest[ESPOTA_SHA256_LENGTH],
                struct espota_error *error)
{
    if (espota_sha256(data, length, digest) == 0)
        return 0;
    return espota_fail(error, ESPOTA_ERR_FAILED, "SHA-256 is not available from the crypto library");
}

/* A table that is none, or no good, lists nothing. */
static bool find_table(struct espota_table *table, const struct espota_bytes *flash, uint32_t offset,
                       uint32_t limit)
{
    struct espota_table_problem problem;
    return offset <= flash->size && flash->size - offset >= ESPOTA_TABLE_BINARY_SIZE &&
           espota_table_parse_flash(table, flash->data + offset, ESPOTA_TABLE_BINARY_SIZE, offset, limit,
                                    espota_md5, &problem) == 0;
}

/* What reaches beyond the flash has no hash. */
static int add_part(struct espota_backup_manifest *m, const struct espota_partition *p,
                    const struct espota_bytes *flash, struct espota_error *error)
{
    struct espota_backup_part *part = &m->part[m->part_count++];
    *part = (struct espota_backup_part){ .partition = *p };
    part->has_sha256 = p->offset <= flash->size && p->size <= flash->size - p->offset;
    return part->has_sha256 ? hash(flash->data + p->offset, p->size, part->sha256, error) : 0;
}

static int describe(struct espota_backup_manifest *m, struct espota_device *device,
                    const struct espota_bytes *flash, uint32_t table_offset, struct espota_error *error)
{
    const struct espota_device_info *info = &device->info;
    struct espota_table table;
    memset(m, 0, sizeof *m);
    snprintf(m->chip, sizeof m->chip, "%s", info->chip ? info->chip->id : "");
    m->has_mac = info->has_mac;
    memcpy(m->mac, info->mac, sizeof m->mac);
    m->flash_size = info->flash_size;
    m->table_offset = table_offset;
    int result = hash(flash->data, flash->size, m->sha256, error);
    if (!find_table(&table, flash, table_offset, 0))
        return result;
    for (unsigned i = 0; result == 0 && i < table.count; i++)
        result = add_part(m, &table.entry[i], flash, error);
    return result;
}

/* ---- backup ---------------------------------------------------------------------------------------------
 */

/* What an interrupted backup left, `taken` bytes, is where the next one begins; or else an earlier backup
 * that it is to replace, of which nothing is taken for read. */
static int take_up(const struct espota_backup_paths *paths, struct espota_bytes *flash, uint32_t *taken,
                   struct espota_error *error)
{
    struct espota_bytes bytes = { 0 };
    bool interrupted = espota_file_exists(paths->partial);
    const char *path = interrupted ? paths->partial : paths->flash;
    if (!espota_file_exists(path))
        return 0;
    int result = espota_file_read(path, LARGEST_FLASH, &bytes, error);
    if (result == 0 && bytes.data) {
        size_t size = bytes.size < flash->size ? bytes.size : flash->size;
        memcpy(flash->data, bytes.data, size);
        *taken = interrupted ? (uint32_t)size : 0;
    }
    espota_bytes_free(&bytes);
    return result;
}

static int read_flash(struct espota_device *device, const struct espota_backup_paths *paths,
                      struct espota_bytes *flash, struct espota_smart_read *result,
                      struct espota_error *error)
{
    const char *partial = paths->partial;
    struct espota_error ignored;
    uint32_t kept = 0;
    int outcome = take_up(paths, flash, &kept, error);
    if (outcome != 0)
        return outcome;
    outcome = espota_smart_read(device, 0, flash->data, (uint32_t)flash->size, result, error);
    if (outcome == 0)
        return 0;
    if (kept < result->done)
        kept = result->done;
    if (kept > 0 && espota_file_write_secret(partial, flash->data, kept, &ignored) == 0)
        return espota_fail_while(error,
                                 "backup stopped at 0x%" PRIx32 " (kept in %s; the next one goes on there)",
                                 result->done, partial);
    return outcome;
}

int espota_backup_read(struct espota_device *device, const struct espota_backup_paths *paths,
                       uint32_t table_offset, struct espota_bytes *flash,
                       struct espota_backup_manifest *manifest, struct espota_smart_read *result,
                       struct espota_error *error)
{
    uint32_t size = device->info.flash_size;
    struct espota_table table;
    if (table_offset == 0)
        table_offset = device->info.table_offset ? device->info.table_offset : ESPOTA_TABLE_DEFAULT_OFFSET;
    if (size == 0)
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED, "%s does not say how much flash it has",
                           device->name);
    int outcome = espota_device_check_range(device, "back up", 0, size, error);
    if (outcome != 0)
        return outcome;
    *flash = (struct espota_bytes){ .data = calloc(1, size), .size = size };
    if (!flash->data)
        return espota_fail_memory(error, "reading flash");
    outcome = read_flash(device, paths, flash, result, error);
    if (outcome == 0 && find_table(&table, flash, table_offset, size))
        espota_slots_warn(device, &table);
    return outcome ? outcome : describe(manifest, device, flash, table_offset, error);
}

int espota_backup_save(const struct espota_backup_paths *paths, const struct espota_bytes *flash,
                       const char *manifest_text, struct espota_error *error)
{
    int result = espota_file_write_secret(paths->flash, flash->data, flash->size, error);
    if (result != 0)
        return result;
    result = espota_file_write_secret(paths->manifest, manifest_text, strlen(manifest_text), error);
    unlink(result == 0 ? paths->partial : paths->flash);
    return result;
}

/* ---- restore --------------------------------------------------------------------------------------------
 */

int espota_backup_check(const struct espota_backup_manifest *manifest, const struct espota_bytes *flash,
                        const char *name, struct espota_error *error)
{
    uint8_t digest[ESPOTA_SHA256_LENGTH];
    int result = hash(flash->data, flash->size, digest, error);
    if (result == 0 && memcmp(digest, manifest->sha256, sizeof digest) != 0)
        result = espota_fail(error, ESPOTA_ERR_VERIFY,
                             "%s is damaged: its SHA-256 is not the one in its manifest", name);
    return result;
}

/* A backup holds a device's identity: keys, calibration, network names. */
int espota_backup_check_owner(const struct espota_backup_manifest *m, struct espota_device *device,
                              bool force, struct espota_error *error)
{
    const struct espota_device_info *info = &device->info;
    char theirs[ESPOTA_MAC_TEXT], own[ESPOTA_MAC_TEXT];
    if (m->flash_size != info->flash_size)
        return espota_fail(error, ESPOTA_ERR_TOO_BIG,
                           "the backup is of %" PRIu32 "M of flash, but %s has %" PRIu32 "M",
                           m->flash_size >> 20, device->name, info->flash_size >> 20);
    if (m->chip[0] && info->chip && strcmp(m->chip, info->chip->id) != 0)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "the backup is of an %s, but the device is an %s",
                           m->chip, info->chip->id);
    if (!m->has_mac || !info->has_mac || memcmp(m->mac, info->mac, sizeof m->mac) == 0)
        return 0;
    espota_mac_text(m->mac, theirs);
    espota_mac_text(info->mac, own);
    if (!force)
        return espota_fail_hint(
            error, ESPOTA_ERR_REFUSED, ESPOTA_HINT_RESTORE_ANYWAY,
            "refused: the backup is of the device %s, this one is %s and would lose its own identity", theirs,
            own);
    espota_device_warn(device, "the backup is of the device %s, this one is %s", theirs, own);
    return 0;
}

int espota_backup_restore(struct espota_device *device, const struct espota_backup_manifest *manifest,
                          const struct espota_bytes *flash, const char *name, bool force,
                          struct espota_smart_write *result, struct espota_error *error)
{
    int outcome = espota_backup_check(manifest, flash, name, error);
    if (outcome == 0)
        outcome = espota_backup_check_owner(manifest, device, force, error);
    return outcome ? outcome : espota_smart_write(device, 0, flash->data, flash->size, result, error);
}
