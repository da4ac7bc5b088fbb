/* How NVS looks, to people and as JSON. */
#ifndef ESPOTA_CLI_NVS_SHOW_H
#define ESPOTA_CLI_NVS_SHOW_H

#include "cli.h"

#include "espota/nvs_values.h"

struct nvs_view {
    const char *device;    /* NULL: the NVS is that of a file */
    const char *partition; /* NULL: the same */
    uint32_t offset;       /* of the partition */
    size_t size;
    bool all;          /* what is erased, superseded or orphaned, too */
    bool show_secrets; /* as they are */
    bool pages;        /* the pages, too */
    uint32_t limit;    /* bytes of a string or blob that are shown; 0: all */
};

/* Is it of interest? */
bool nvs_is_shown(const struct nvs_view *view, const struct espota_nvs_value *value);

int print_nvs(const struct nvs_view *view, const struct espota_nvs_values *values,
              struct espota_error *error);
struct fields nvs_document(const struct nvs_view *view, const struct espota_nvs_values *values);

#endif
