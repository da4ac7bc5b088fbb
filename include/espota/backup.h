/** Backup and restore: all of a device's flash, and a manifest that says whose it is and what is in it.
 *
 * A backup is two files, FILE with the bytes of flash and FILE.json with the manifest; both hold secrets, and
 * are written for their owner alone. While one is made, FILE.part holds what has been read. */
#ifndef ESPOTA_BACKUP_H
#define ESPOTA_BACKUP_H

#pragma GCC visibility push(default)

#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/smart_read.h"
#include "espota/smart_write.h"
#include "espota/table.h"

/** A partition when the backup was made. */
struct espota_backup_part {
    struct espota_partition partition;
    bool has_sha256; /* false: it reaches beyond the flash */
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
};

/** What is known of a backup. */
struct espota_backup_manifest {
    char chip[16]; /* id, as in espota/chip.h; empty: not known */
    bool has_mac;
    uint8_t mac[6];
    uint32_t flash_size;                  /* bytes */
    uint8_t sha256[ESPOTA_SHA256_LENGTH]; /* of all of it */
    uint32_t table_offset;
    unsigned part_count; /* 0: no valid table */
    struct espota_backup_part part[ESPOTA_TABLE_MAX_ENTRIES];
};

/** Names of a backup's files. */
struct espota_backup_paths {
    char *flash, *manifest, *partial;
};

/** FLASH, FLASH.json and FLASH.part; for espota_backup_paths_free, also after a failure.
 * @return ESPOTA_ERR_NOMEM when memory is short. */
int espota_backup_paths(struct espota_backup_paths *paths, const char *flash, struct espota_error *error);
void espota_backup_paths_free(struct espota_backup_paths *paths);

/** Is there a backup of that name? An earlier one may be the only copy of a device's identity.
 * @return ESPOTA_ERR_REFUSED when there is. */
int espota_backup_check_absent(const struct espota_backup_paths *paths, struct espota_error *error);

/** Read all of the device's flash, allocated in `flash`, from where an interrupted backup stopped, and say
 * what it is. The device's observer hears of it, and of what is odd about the table. Interrupted or failed,
 * what was read stays in the partial file. `table_offset` 0: as the device says, or 0x8000. Nothing else is
 * written. An earlier backup of that name spares what is still as it was. `flash` comes zero-initialised, and
 * is for espota_bytes_free, also after a failure.
 * @return 0; ESPOTA_ERR_UNSUPPORTED when the size of the flash is not known; or what the device or the
 * partial file returned. */
int espota_backup_read(struct espota_device *device, const struct espota_backup_paths *paths,
                       uint32_t table_offset, struct espota_bytes *flash,
                       struct espota_backup_manifest *manifest, struct espota_smart_read *result,
                       struct espota_error *error);

/** Write flash and manifest, whose text the caller has made of it; the partial file goes. The manifest makes
 * a backup of it: where it cannot be written, no flash content stays that looks like a backup.
 * @return 0, or what writing a file returned. */
int espota_backup_save(const struct espota_backup_paths *paths, const struct espota_bytes *flash,
                       const char *manifest_text, struct espota_error *error);

/** Is `flash` what the manifest says? `name` is for the message. @return ESPOTA_ERR_VERIFY. */
int espota_backup_check(const struct espota_backup_manifest *manifest, const struct espota_bytes *flash,
                        const char *name, struct espota_error *error);

/** Is the backup one of this device?
 * @return ESPOTA_ERR_TOO_BIG or ESPOTA_ERR_VERIFY for another size or chip; ESPOTA_ERR_REFUSED for another
 * device of that kind, which would lose its own identity: with `force`, its observer is warned instead. */
int espota_backup_check_owner(const struct espota_backup_manifest *manifest, struct espota_device *device,
                              bool force, struct espota_error *error);

/** Write it back: check content and owner, then write what differs, verified. @return as these two, or as
 * espota_smart_write. */
int espota_backup_restore(struct espota_device *device, const struct espota_backup_manifest *manifest,
                          const struct espota_bytes *flash, const char *name, bool force,
                          struct espota_smart_write *result, struct espota_error *error);

#pragma GCC visibility pop

#endif
