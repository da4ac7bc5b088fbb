/* Of many devices that get an update, one that goes first: is all well with it? */
#ifndef ESPOTA_CLI_CANARY_H
#define ESPOTA_CLI_CANARY_H

#include "cli.h"
#include "connect.h"

#include "espota/buffer.h"
#include "espota/error.h"

#include <stdbool.h>
#include <stdint.h>

struct canary {
    const struct connect_options *connect;
    const char *name; /* of the image */
    const struct espota_bytes *image;
    uint32_t table_offset;
    bool trial;
};

/* It was restarted: wait until it has come back with the image, confirmed where it is on trial. @return 0; or
 * what became of it instead. */
int canary_await(struct cli *cli, const struct canary *canary, struct espota_error *error);

#endif
