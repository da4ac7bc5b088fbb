/* Two rates, of flashing and of the console, as options or the environment give them. */
#ifndef ESPOTA_CLI_BAUD_H
#define ESPOTA_CLI_BAUD_H

#include "connect.h"

#include "espota/error.h"

enum { BAUD_USUAL = 115200 };

/* --baud, or the environment's: for flashing, and what is done through an agent. `automatic`: the highest
 * that works is wanted; `baud` is then where to begin. */
int baud_choose(const struct connect_options *options, uint32_t *baud, bool *automatic,
                struct espota_error *error);

/* Does anybody say a rate for that? */
bool baud_is_given(const struct connect_options *options);

/* --monitor-baud, or the environment's: of the console, and of an agent that an app has there. */
int baud_of_console(const struct connect_options *options, uint32_t *baud, struct espota_error *error);

#endif
