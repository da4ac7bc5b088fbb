/* devices --network: what announces itself on the network. */
#ifndef ESPOTA_CLI_DEVICES_NETWORK_H
#define ESPOTA_CLI_DEVICES_NETWORK_H

#include "cli.h"

#include "espota/error.h"

#include <stdbool.h>

struct network_options {
    bool network, csv;
    const char *service;
    struct number_option timeout;
};

/* An option group over struct network_options. */
extern const struct option_spec network_options[];

/* Do the options agree with each other? */
int network_check(const struct cli *cli, const struct network_options *options, struct espota_error *error);

/* List the devices. */
int network_devices(struct cli *cli, const struct network_options *options, struct espota_error *error);

#endif
