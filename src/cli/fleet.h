/* One command for many devices. */
#ifndef ESPOTA_CLI_FLEET_H
#define ESPOTA_CLI_FLEET_H

#include "cli.h"

#include "espota/error.h"

#include <stdbool.h>

struct fleet_options {
    const char *devices;
    struct list_option tags;
    bool all;
    struct number_option jobs, canary;
};

/* An option group over struct fleet_options. */
extern const struct option_spec fleet_options[];

/* Do the options name more devices than one, or a list of them? */
bool fleet_is_wanted(const struct command *command, void *options);

/* Run the command for each of the devices: a line each as they end, on stdout, and what became of all on
 * stderr; with --json both as lines of JSON. @return 0 when all is well; the status of those that failed,
 * where it is one. */
int fleet_run(struct cli *cli, const struct command *command, void *options, struct espota_error *error);

/* For one device: which, if one is named. */
int fleet_settle(const struct command *command, void *options, struct espota_error *error);

#endif
