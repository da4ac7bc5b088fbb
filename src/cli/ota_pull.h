/* ota --pull: the device fetches the image. */
#ifndef ESPOTA_CLI_OTA_PULL_H
#define ESPOTA_CLI_OTA_PULL_H

#include "cli.h"
#include "ota_source.h"

#include "espota/device.h"
#include "espota/error.h"

struct pull_wishes {
    bool factory, trial, restart;
    uint32_t table_offset;
};

/* Can it be asked for? */
int pull_check(const struct source_options *source, struct espota_error *error);

/* All of it but the restart; sets the result of the command. */
int pull_image(struct cli *cli, const struct source_options *source, const struct pull_wishes *wishes,
               struct espota_device *device, struct espota_error *error);

#endif
