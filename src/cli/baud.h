/* The rate that --baud or the environment gives. */
#ifndef ESPOTA_CLI_BAUD_H
#define ESPOTA_CLI_BAUD_H

#include "connect.h"

#include "espota/error.h"

enum { BAUD_USUAL = 115200 };

/* `automatic`: the highest that works is wanted; `baud` is then where to begin. */
int baud_choose(const struct connect_options *options, uint32_t *baud, bool *automatic,
                struct espota_error *error);

#endif
