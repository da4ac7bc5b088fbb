/* Changing the layout of a device that may hold data. */
#ifndef ESPOTA_CLI_FLASH_LAYOUT_H
#define ESPOTA_CLI_FLASH_LAYOUT_H

#include "cli.h"
#include "flash_job.h"

enum layout_policy {
    LAYOUT_REFUSE,  /* a change is refused, and what it would cost is shown */
    LAYOUT_ERASE,   /* all of the flash is erased */
    LAYOUT_MIGRATE, /* only what has to go is erased */
};

/* Make the device ready for the job's table. `*story`, when it is not NULL, gets a JSON object about it, for
 * the caller to release: null where nothing changed. @return ESPOTA_ERR_REFUSED when data would be lost. */
int prepare_layout(struct cli *cli, struct espota_device *device, const struct job *job,
                   uint32_t table_offset, enum layout_policy policy, json_t **story,
                   struct espota_error *error);

#endif
