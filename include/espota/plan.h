/** The layout planner: numbers in, partition table out.
 *
 * Firmware that is handed out ready made looks for partitions by label and subtype, and brings a table of its
 * own for each size of flash: those tables are here as they are published. Otherwise the rules are those of
 * the LoBo MicroPython build system as its documentation states them (the script
 * MicroPython_BUILD/build_func.sh differs in three details, see espota-plan(1)):
 *
 *   single  no OTA                       nvs 24K, phy_init 4K, app factory, file system
 *   2p      OTA, flash below 16M         nvs 16K, otadata 8K, phy_init 4K, ota_0, ota_1, file system
 *   3p      OTA, flash 16M or more       as 2p, with a factory app before ota_0
 *
 * Sources of the published tables: micropython/micropython, ports/esp32/partitions-*.csv and main.c (which
 * adds "vfs" where the table has none; here it is in the table); adafruit/circuitpython,
 * ports/espressif/esp-idf-config/partitions-*-no-uf2.csv; espressif/arduino-esp32, tools/partitions: minimal,
 * default, default_8MB, default_16MB, default_32MB, huge_app; esphome/esphome, components/esp32/__init__.py,
 * get_idf_partition_csv; arendst/Tasmota, partitions/esp32_partition_app*_fs*.csv.
 *
 * Pure: no files, no clock, no allocation. */
#ifndef ESPOTA_PLAN_H
#define ESPOTA_PLAN_H

#pragma GCC visibility push(default)

#include "espota/error.h"
#include "espota/image.h"
#include "espota/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum espota_layout {
    ESPOTA_LAYOUT_AUTO = 0, /* 2p or 3p, by the flash size; in requests only */
    ESPOTA_LAYOUT_SINGLE,
    ESPOTA_LAYOUT_2P,
    ESPOTA_LAYOUT_3P,
    ESPOTA_LAYOUT_SAFEBOOT /* Tasmota's: a small app that updates, and one slot; in results only */
};

/** Whose partition table. */
enum espota_firmware {
    ESPOTA_FIRMWARE_LOBO = 0, /* LoBo MicroPython: the rules above */
    ESPOTA_FIRMWARE_MICROPYTHON,
    ESPOTA_FIRMWARE_CIRCUITPYTHON, /* without TinyUF2 */
    ESPOTA_FIRMWARE_ARDUINO,
    ESPOTA_FIRMWARE_ESPHOME, /* on ESP-IDF */
    ESPOTA_FIRMWARE_TASMOTA,
    ESPOTA_FIRMWARES
};

struct espota_plan_request {
    uint32_t flash_size; /* bytes: 1M, 2M, 4M ... 128M */
    /* Other than LoBo's: flash_size, layout (AUTO: the usual one) and app_file_* alone may be given. */
    enum espota_firmware firmware;
    uint32_t table_offset;  /* bytes, multiple of 4K; 0: 0x8000 */
    uint32_t app_size;      /* bytes wanted for each app partition; 0: 1M */
    uint32_t app_file_size; /* bytes of the app image that has to fit; 0: not known */
    const char *app_file;   /* its name, for messages; may be NULL */
    bool fs_size_given;
    uint32_t fs_size;  /* bytes wanted for the file system when fs_size_given */
    uint32_t nvs_size; /* bytes; 0: 24K or 16K by layout */
    enum espota_layout layout;
    const char *fs;       /* "fat", "spiffs", "littlefs"; NULL: fat */
    const char *app_name; /* app label, numbered _1, _2 for OTA slots; NULL: MicroPython */
    const char *fs_name;  /* label of the file system; NULL: internalfs */
};

/** Something the planner did that the user may not expect. */
struct espota_plan_note {
    bool warning;
    char text[256];
};

#define ESPOTA_PLAN_MAX_NOTES 4

struct espota_plan {
    enum espota_firmware firmware;
    enum espota_layout layout;
    uint32_t flash_size;
    struct espota_table table;
    unsigned note_count;
    struct espota_plan_note note[ESPOTA_PLAN_MAX_NOTES];
};

/** Compute the layout. @return 0; ESPOTA_ERR_USAGE when the request contradicts itself, ESPOTA_ERR_TOO_BIG
 * when it does not fit (the text says by how many bytes, the hint what would make it fit). */
int espota_plan_make(struct espota_plan *plan, const struct espota_plan_request *request,
                     struct espota_error *error);

/** "single", "2p", "3p" or "safeboot". */
const char *espota_layout_name(enum espota_layout layout);

/** "lobo", "micropython" ... Static storage. */
const char *espota_firmware_name(enum espota_firmware firmware);
/** By that name; false: there is none. */
bool espota_firmware_by_name(const char *name, enum espota_firmware *firmware);
/** Which firmware an app is, by its description (NULL: it has none) and by the version that MicroPython has
 * in its text. @return ESPOTA_FIRMWARE_LOBO for any other. */
enum espota_firmware espota_firmware_of_app(const struct espota_app_desc *description, const uint8_t *app,
                                            size_t size);

/** MicroPython, whose apps have no description, says in sys.version which it is: "3.4.0; MicroPython v1.27.0
 * on ...".
 * @return whether there is such a text; then `version` is "v1.27.0". */
#define ESPOTA_MICROPYTHON_VERSION 32
bool espota_micropython_version(const uint8_t *app, size_t size, char version[ESPOTA_MICROPYTHON_VERSION]);

#pragma GCC visibility pop

#endif
