/* -v -v: every byte on a link. */
#ifndef ESPOTA_CLI_TRACE_H
#define ESPOTA_CLI_TRACE_H

#include "cli.h"

#include "espota/link.h"

/* Show what goes through it, where that is wanted. */
void trace_link(struct cli *cli, struct espota_link *link);

#endif
