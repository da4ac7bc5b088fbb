/* Agents that were found, as a list of devices (espota/device_list.h). */
#ifndef ESPOTA_CLI_DEVICES_CSV_H
#define ESPOTA_CLI_DEVICES_CSV_H

#include "cli.h"

#include "espota/discovery.h"
#include "espota/error.h"

enum { ADDRESS_TEXT = 80 };

/* On stdout. Each name and each address is there once, whatever was announced. */
int print_device_list(struct cli *cli, const struct espota_found_devices *found, struct espota_error *error);

#endif
