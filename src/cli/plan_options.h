/* The planning options, which plan and flash share. */
#ifndef ESPOTA_CLI_PLAN_OPTIONS_H
#define ESPOTA_CLI_PLAN_OPTIONS_H

#include "cli.h"

#include "espota/plan.h"

struct plan_options {
    struct number_option flash, app_size, fs_size, nvs_size, table_offset;
    const char *layout; /* the option that asks for one */
    const char *app, *fs, *app_name, *fs_name, *firmware;
};

/* The option group over struct plan_options; --app and --flash are the command's. */
#define PLAN_OPTION(field) offsetof(struct options, plan) + offsetof(struct plan_options, field)
extern const struct option_spec layout_options[];

/* The planner's request, from options; `app_file_size` 0 when there is no app to fit. */
struct espota_plan_request plan_request(const struct plan_options *options, uint32_t flash_size,
                                        uint32_t app_file_size);
/* Is there such a firmware? */
int check_plan_options(const struct plan_options *options, struct espota_error *error);
/* The option that asks for a layout, without its dashes. */
const char *layout_option(enum espota_layout layout);
/* Was any option given that shapes a layout? */
bool plan_options_given(const struct plan_options *options);
/* The planner's notes and warnings, on stderr. */
void say_plan_notes(struct cli *cli, const struct espota_plan *plan);

#endif
