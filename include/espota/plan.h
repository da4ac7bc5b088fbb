/** The layout planner: numbers in, partition table out.
 *
 * The rules are those of the LoBo MicroPython build system as its documentation states them (the script
 * MicroPython_BUILD/build_func.sh differs in three details, see espota-plan(1)):
 *
 *   single  no OTA                       nvs 24K, phy_init 4K, app factory, file system
 *   2p      OTA, flash below 16M         nvs 16K, otadata 8K, phy_init 4K, ota_0, ota_1, file system
 *   3p      OTA, flash 16M or more       as 2p, with a factory app before ota_0
 *
 * Pure: no files, no clock, no allocation. */
#ifndef ESPOTA_PLAN_H
#define ESPOTA_PLAN_H

#pragma GCC visibility push(default)

#include "espota/error.h"
#include "espota/table.h"

enum espota_layout {
    ESPOTA_LAYOUT_AUTO = 0, /* 2p or 3p, by the flash size; in requests only */
    ESPOTA_LAYOUT_SINGLE,
    ESPOTA_LAYOUT_2P,
    ESPOTA_LAYOUT_3P
};

struct espota_plan_request {
    uint32_t flash_size;    /* bytes: 1M, 2M, 4M ... 128M */
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
    char text[160];
};

#define ESPOTA_PLAN_MAX_NOTES 4

struct espota_plan {
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

/** "single", "2p" or "3p". */
const char *espota_layout_name(enum espota_layout layout);

#pragma GCC visibility pop

#endif
