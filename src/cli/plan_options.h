/* The planning options, which plan and flash share. */
#ifndef ESPOTA_CLI_PLAN_OPTIONS_H
#define ESPOTA_CLI_PLAN_OPTIONS_H

#include "cli.h"

#include "espota/plan.h"

struct plan_options {
    struct size_option flash, app_size, fs_size, nvs_size, table_offset;
    bool force_2p, force_3p, no_ota;
    const char *app, *fs, *app_name, *fs_name;
};

/* Rows for an option table; `member` is the struct plan_options in `type`. --app and --flash are the
 * command's. */
#define PLAN_OPTION(type, member, field) offsetof(type, member) + offsetof(struct plan_options, field)
#define PLAN_OPTION_ROWS(type, member)                                                                           \
    { "appsize",   0,                                                                                            \
      OPTION_SIZE, PLAN_OPTION(type, member, app_size),                                                          \
      "SIZE",      "size of each app partition (1M); rounded up to 64K" },                                       \
        { "fssize",    0,                                                                                        \
          OPTION_SIZE, PLAN_OPTION(type, member, fs_size),                                                       \
          "SIZE",      "size of the file system (all that is left)" },                                           \
        { "force2p", 0, OPTION_FLAG, PLAN_OPTION(type, member, force_2p), NULL, "two OTA slots, on any flash" }, \
        { "force3p",   0,                                                                                        \
          OPTION_FLAG, PLAN_OPTION(type, member, force_3p),                                                      \
          NULL,        "factory and two OTA slots, on 8M or more" },                                             \
        { "no-ota", 0, OPTION_FLAG, PLAN_OPTION(type, member, no_ota), NULL, "one app, no OTA" },                \
        { "fs", 0, OPTION_TEXT, PLAN_OPTION(type, member, fs), "TYPE", "fat (default), spiffs or littlefs" },    \
        { "app-name",  0,                                                                                        \
          OPTION_TEXT, PLAN_OPTION(type, member, app_name),                                                      \
          "NAME",      "label of the app partitions (MicroPython)" },                                            \
        { "fs-name",   0,                                                                                        \
          OPTION_TEXT, PLAN_OPTION(type, member, fs_name),                                                       \
          "NAME",      "label of the file system (internalfs)" },                                                \
    {                                                                                                            \
        "nvs-size", 0, OPTION_SIZE, PLAN_OPTION(type, member, nvs_size), "SIZE",                                 \
            "size of nvs (24K, or 16K with OTA)"                                                                 \
    }

/* The planner's request, from options; `app_file_size` 0 when there is no app to fit. */
struct espota_plan_request plan_request(const struct plan_options *options, uint32_t flash_size,
                                        uint32_t app_file_size);
/* Do the options contradict each other? */
int plan_options_check(const struct plan_options *options, struct espota_error *error);
/* Was any option given that shapes a layout? */
bool plan_options_given(const struct plan_options *options);
/* The planner's notes and warnings, on stderr. */
void say_plan_notes(struct cli *cli, const struct espota_plan *plan);

#endif
