/** The files that are to be flashed: named one by one, or found in a build folder. Each is read once.
 *
 * What a file is for follows from its content (espota/file_kind.h); its name counts only where the content
 * says nothing. A build folder is one with the flasher_args.json of ESP-IDF (components/esptool_py), or one
 * in which ESP-IDF, Arduino or PlatformIO left images under their usual names. */
#ifndef ESPOTA_FLASH_FILES_H
#define ESPOTA_FLASH_FILES_H

#pragma GCC visibility push(default)

#include "espota/buffer.h"
#include "espota/chip.h"
#include "espota/error.h"
#include "espota/file_kind.h"

/** What a file is for. */
enum espota_flash_role {
    ESPOTA_FLASH_BOOTLOADER,
    ESPOTA_FLASH_TABLE, /* CSV or binary */
    ESPOTA_FLASH_APP,
    ESPOTA_FLASH_OTADATA,
    ESPOTA_FLASH_FS,     /* image of a file system */
    ESPOTA_FLASH_PHY,    /* phy_init */
    ESPOTA_FLASH_MERGED, /* bootloader, table and app in one */
    ESPOTA_FLASH_OTHER,  /* goes to an offset of its own */
};

struct espota_flash_file {
    enum espota_flash_role role;
    char *path;
    struct espota_bytes data;
    struct espota_file file; /* what the content is */
    uint32_t offset;         /* ESPOTA_FLASH_OTHER: where in flash it goes */
};

/** Something that the person should know. */
struct espota_flash_note {
    bool warning;
    char text[512];
};

#define ESPOTA_FLASH_MAX_NOTES 16
struct espota_flash_notes {
    unsigned count;
    struct espota_flash_note note[ESPOTA_FLASH_MAX_NOTES];
};

/** One more; beyond the maximum they are dropped. */
void espota_flash_note(struct espota_flash_notes *notes, bool warning, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define ESPOTA_FLASH_MAX_FILES 24

/** Zero-initialise; espota_flash_files_free when done. Owns paths and contents. */
struct espota_flash_files {
    struct espota_flash_file list[ESPOTA_FLASH_MAX_FILES];
    unsigned count;
    const struct espota_chip *chip; /* that the build is for; NULL: it does not say */
    struct espota_flash_notes notes;
};

/** Read `path` for `role`. @return what reading returned. */
int espota_flash_files_add(struct espota_flash_files *files, enum espota_flash_role role, const char *path,
                           struct espota_error *error);

/** Read `path`, which must be an app or a merged image. @return ESPOTA_ERR_VERIFY when it is something else:
 * the error says what, and its hint what to do with it. */
int espota_flash_files_take(struct espota_flash_files *files, const char *path, struct espota_error *error);

/** Look into a build folder. Roles that have a file already are left alone, so that what is named goes before
 * what is found. Files for which there is no role are named in a warning.
 * @return ESPOTA_ERR_USAGE when there is nothing to flash, or two files for one role; ESPOTA_ERR_FAILED when
 * flasher_args.json is damaged or names files outside the folder. */
int espota_flash_files_find(struct espota_flash_files *files, const char *directory,
                            struct espota_error *error);

/** The first file of that role, or NULL. */
const struct espota_flash_file *espota_flash_files_get(const struct espota_flash_files *files,
                                                       enum espota_flash_role role);

void espota_flash_files_free(struct espota_flash_files *files);

#pragma GCC visibility pop

#endif
