/* The file of --devices: CSV, or TOML. */
#ifndef ESPOTA_CLI_DEVICES_FILE_H
#define ESPOTA_CLI_DEVICES_FILE_H

#include "espota/device_list.h"
#include "espota/error.h"

/* TOML by its name, or where its first line that says anything begins with '['. As espota_device_list_read.
 */
int devices_file_read(struct espota_device_list *list, const char *path, struct espota_error *error);

#endif
