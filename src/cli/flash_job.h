/* A flash job: which bytes go where, and in which order. */
#ifndef ESPOTA_CLI_FLASH_JOB_H
#define ESPOTA_CLI_FLASH_JOB_H

#include "cli.h"
#include "flash_files.h"
#include "flash_header.h"
#include "plan_options.h"

#include "espota/device.h"
#include "espota/update.h"

enum { JOB_MAX_PIECES = FLASH_MAX_EXTRA + 6 };

struct piece {
    const char *what; /* "bootloader", "table" ..., or a file's name; outlives the job */
    char *file;       /* NULL: made here */
    uint32_t offset;
    struct espota_bytes data;
    struct espota_smart_write result;
};

struct job_request {
    const struct plan_options *plan;
    const char *slot; /* partition for the app; NULL: factory, or else ota_0 */
    struct flash_header header;
    uint32_t table_offset;
    const struct list_option *subtypes; /* that CSV may name */
};

struct job {
    struct espota_table table;
    bool has_table;
    const struct espota_partition *app; /* that boots afterwards, in `table`; NULL: none */
    struct piece piece[JOB_MAX_PIECES];
    unsigned count;
};

/* Read the files, plan where no table is given, check everything that can be checked without writing. */
int job_prepare(struct job *job, struct cli *cli, const struct job_request *request,
                const struct flash_files *files, const struct espota_device_info *device,
                struct espota_error *error);
void job_free(struct job *job);

#endif
