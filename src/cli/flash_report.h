/* What 'espota flash' says: a plan before it is carried out, its progress, its outcome. */
#ifndef ESPOTA_CLI_FLASH_REPORT_H
#define ESPOTA_CLI_FLASH_REPORT_H

#include "cli.h"

#include "espota/device.h"
#include "espota/error.h"
#include "espota/flash_plan.h"

/* Notes, planned layout, and what becomes of the device's partitions. */
void say_plan(struct cli *cli, const struct espota_device *device, const struct espota_flash_files *files,
              const struct espota_flash_plan *plan);
void say_notes(struct cli *cli, const struct espota_flash_notes *notes);

int report_flash(struct cli *cli, const struct espota_device *device, const struct espota_flash_files *files,
                 const struct espota_flash_plan *plan, uint64_t ms, struct espota_error *error);

#endif
