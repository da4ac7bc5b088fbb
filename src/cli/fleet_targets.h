/* Which devices a command is for, of those that options name. */
#ifndef ESPOTA_CLI_FLEET_TARGETS_H
#define ESPOTA_CLI_FLEET_TARGETS_H

#include "connect.h"
#include "fleet.h"

#include "espota/device_list.h"
#include "espota/error.h"
#include "espota/ports.h"

#include <stdbool.h>

struct fleet_target {
    const char *name, *port, *host, *key;
    char *shown;    /* the name, where it is made of the address; NULL: it is of a list */
    char *identity; /* its address, as it is written in one way only */
};

struct fleet_targets {
    struct fleet_target *target;
    size_t count;
    /* what they point into */
    struct espota_device_list list;
    struct espota_port *ports;
};

/* Has it one of these tags? Without any, every device has. */
bool fleet_has_tags(const struct espota_listed_device *device, const struct list_option *tags);

/* Zeroed before; for fleet_targets_free, also after a failure. @return ESPOTA_ERR_NO_DEVICE when there are
 * none, ESPOTA_ERR_USAGE when one is named twice: two at once would be in each other's way. */
int fleet_targets_choose(struct fleet_targets *targets, const struct fleet_options *options,
                         const struct connect_options *connect, struct espota_error *error);
void fleet_targets_free(struct fleet_targets *targets);

#endif
