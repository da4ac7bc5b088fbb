/** The apps of a device: what each app partition holds, which one runs, which one boots next, and which one
 * an update would go into. */
#ifndef ESPOTA_APPS_H
#define ESPOTA_APPS_H

#pragma GCC visibility push(default)

#include "espota/device.h"
#include "espota/error.h"
#include "espota/image.h"
#include "espota/otadata.h"
#include "espota/slot_image.h"
#include "espota/slots.h"
#include "espota/table.h"

/** One app partition. */
struct espota_app {
    const struct espota_partition *partition; /* of the table in `slots` */
    enum espota_slot_state state;
    struct espota_image image;                   /* unless it is empty */
    const struct espota_otadata_record *otadata; /* the newest record that selects it; NULL: none */
    bool running, boots, next;                   /* next: an update goes there */
};

/** Points into itself: do not copy it. */
struct espota_apps {
    struct espota_slots slots; /* `boot` by what the images are */
    struct espota_app app[ESPOTA_TABLE_MAX_ENTRIES];
    unsigned count;
};

/** Look at them: table, otadata, headers, and digests where the device has SHA-256. Writes nothing.
 * `table_offset` 0: as the device says, or 0x8000.
 * @return ESPOTA_ERR_VERIFY without a valid table, or what the device returned. */
int espota_apps_load(struct espota_apps *apps, struct espota_device *device, uint32_t table_offset,
                     struct espota_error *error);

#pragma GCC visibility pop

#endif
