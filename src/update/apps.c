#include "espota/apps.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/otadata.h"
#include "espota/slot_image.h"
#include "espota/slots.h"
#include "espota/table.h"

#include <string.h>

static const struct espota_otadata_record *newest_record(const struct espota_slots *slots,
                                                         const struct espota_partition *p)
{
    unsigned count = espota_table_slot_count(&slots->table);
    const struct espota_otadata_record *newest = NULL;
    if (!slots->otadata_partition || !espota_partition_is_slot(p) || count == 0)
        return NULL;
    for (int i = 0; i < 2; i++) {
        const struct espota_otadata_record *r = &slots->otadata.record[i];
        if (espota_otadata_record_intact(r) &&
            (r->sequence - 1u) % count == (uint32_t)(p->subtype - ESPOTA_APP_OTA_0) &&
            (!newest || r->sequence > newest->sequence))
            newest = r;
    }
    return newest;
}

/* For the bootloader's eyes. */
static bool bootable(void *context, const struct espota_partition *p)
{
    const struct espota_apps *apps = context;
    for (unsigned i = 0; i < apps->count; i++)
        if (apps->app[i].partition == p)
            return apps->app[i].state == ESPOTA_SLOT_VALID || apps->app[i].state == ESPOTA_SLOT_UNCHECKED;
    return false;
}

static int look_at(struct espota_apps *apps, struct espota_device *device, const struct espota_partition *p,
                   const struct espota_partition *next, struct espota_error *error)
{
    struct espota_app *app = &apps->app[apps->count++];
    *app = (struct espota_app){ .partition = p,
                                .otadata = newest_record(&apps->slots, p),
                                .running = device->info.has_running && p == apps->slots.running,
                                .next = p == next };
    return espota_slot_examine(device, p, &app->image, &app->state, error);
}

int espota_apps_load(struct espota_apps *apps, struct espota_device *device, uint32_t table_offset,
                     struct espota_error *error)
{
    struct espota_error ignored;
    const struct espota_table *table = &apps->slots.table;
    memset(apps, 0, sizeof *apps);
    int result = espota_slots_load(&apps->slots, device, table_offset, error);
    if (result != 0)
        return result;
    const struct espota_partition *next = espota_slots_next(&apps->slots, false, &ignored);
    for (unsigned i = 0; result == 0 && i < table->count; i++)
        if (table->entry[i].type == ESPOTA_TYPE_APP)
            result = look_at(apps, device, &table->entry[i], next, error);
    apps->slots.boot = espota_slots_boots(&apps->slots, bootable, apps);
    for (unsigned i = 0; i < apps->count; i++)
        apps->app[i].boots = apps->app[i].partition == apps->slots.boot;
    return result;
}
