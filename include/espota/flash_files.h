/** The files that are to be flashed: named one by one, or found in what a toolchain left. Each is read once.
 *
 * What a file is for follows from its content (espota/file_kind.h); its name counts only where the content
 * says nothing. Toolchains are recognised by where they leave what they build:
 *
 *   ESP-IDF     flasher_args.json (components/esptool_py), in the folder or in one below it
 *   Arduino     NAME.ino.bin, in the folder, in build/BOARD of a sketch, or in one below it
 *   PlatformIO  .pio/build/ENVIRONMENT/firmware.bin
 *   ESPHome     .esphome/build/NAME/.pioenvs/NAME/firmware.bin
 *   Zephyr      zephyr/zephyr.bin and .config beside it, in the folder or in one below it; with sysbuild a
 *               folder for each image
 *   Rust        target/TRIPLE/PROFILE/NAME, an ELF file
 *
 * Sources: the named tools' documentation; PlatformIO, platform-espressif32, builder/main.py; arduino-esp32,
 * platform.txt; ESPHome, esphome/components/esp32/post_build.py.script; Zephyr, soc/espressif
 * (CONFIG_ESP_SIMPLE_BOOT) and boards/common/esp32.board.cmake. */
#ifndef ESPOTA_FLASH_FILES_H
#define ESPOTA_FLASH_FILES_H

#pragma GCC visibility push(default)

#include "espota/buffer.h"
#include "espota/chip.h"
#include "espota/error.h"
#include "espota/file_kind.h"

#include <stdbool.h>

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

/** Who left the files. */
enum espota_flash_origin {
    ESPOTA_ORIGIN_NONE = 0, /* they were named one by one */
    ESPOTA_ORIGIN_FILE,     /* one file, which may have more in it */
    ESPOTA_ORIGIN_FOLDER,   /* a folder of images */
    ESPOTA_ORIGIN_IDF,
    ESPOTA_ORIGIN_ARDUINO,
    ESPOTA_ORIGIN_PLATFORMIO,
    ESPOTA_ORIGIN_ESPHOME,
    ESPOTA_ORIGIN_ZEPHYR,
    ESPOTA_ORIGIN_RUST,
    ESPOTA_ORIGINS
};

struct espota_flash_file {
    enum espota_flash_role role;
    char *path;
    struct espota_bytes data;
    struct espota_file file;       /* what the content is */
    enum espota_file_kind came_as; /* what the file is: the same, or UF2 or Intel HEX with that in it */
    uint32_t offset;               /* ESPOTA_FLASH_OTHER: where in flash it goes */
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
    const char *build;              /* set before looking: which build of several; NULL: the only one */
    enum espota_flash_origin origin;
    char what[320]; /* what was recognised, a sentence without full stop; empty: nothing was looked for */
    bool no_table;  /* the build does without a partition table: each file has an offset of its own */
    struct espota_flash_notes notes;
};

/** Read `path` for `role`. An ELF file becomes the image of an app or bootloader, for `files->chip` or for
 * the chip that it is for; one that does not say stays as it is until espota_flash_files_settle.
 * @return what reading returned; ESPOTA_ERR_VERIFY for an ELF file of which no image can be made. */
int espota_flash_files_add(struct espota_flash_files *files, enum espota_flash_role role, const char *path,
                           struct espota_error *error);

/** Read `path`, which must be an app or a merged image, or hold one with its addresses (Intel HEX, UF2).
 * @return ESPOTA_ERR_VERIFY when it is something else: the error says what, and its hint what to do with it.
 */
int espota_flash_files_take(struct espota_flash_files *files, const char *path, struct espota_error *error);

/** Look into what a toolchain left in the folder `path`, or take the one file `path`. Roles that have a file
 * already are left alone, so that what is named goes before what is found. Files for which there is no role
 * are named in a warning.
 * @return ESPOTA_ERR_USAGE when there is nothing to flash, two files for one role, several builds, or none of
 * that name; ESPOTA_ERR_VERIFY when a file is not what its name says, or the files are for several chips;
 * ESPOTA_ERR_FAILED when flasher_args.json is damaged or names files outside the folder. */
int espota_flash_files_find(struct espota_flash_files *files, const char *path, struct espota_error *error);

/** A short stable name for JSON: "esp-idf", "platformio"; NULL for ESPOTA_ORIGIN_NONE. Static storage. */
const char *espota_flash_origin_name(enum espota_flash_origin origin);

/** Make images of the ELF files that are left, for the `chip` that is known by now; NULL: none is.
 * @return as espota_elf_image_make. */
int espota_flash_files_settle(struct espota_flash_files *files, const struct espota_chip *chip,
                              struct espota_error *error);

/** The first file of that role, or NULL. */
const struct espota_flash_file *espota_flash_files_get(const struct espota_flash_files *files,
                                                       enum espota_flash_role role);

void espota_flash_files_free(struct espota_flash_files *files);

#pragma GCC visibility pop

#endif
