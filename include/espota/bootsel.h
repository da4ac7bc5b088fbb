/** Which app the second-stage bootloader starts.
 *
 * A model of ESP-IDF's bootloader_support/src/bootloader_utility.c: the slot that otadata names; when its
 * image is not valid, the slots below it down to factory, then the slots above it, then the test app.
 * With rollback enabled it also advances trial states in otadata.
 *
 * Pure code: no allocation, no I/O of its own, no globals. */
#ifndef ESPOTA_BOOTSEL_H
#define ESPOTA_BOOTSEL_H

#pragma GCC visibility push(default)

#include "espota/otadata.h"
#include "espota/table.h"

/** Does this partition hold an image that the bootloader would start? */
typedef bool espota_bootable_fn(void *context, const struct espota_partition *partition);

struct espota_boot_choice {
    const struct espota_partition *partition; /* into the table; NULL: nothing bootable */
    const struct espota_partition *wanted;    /* what otadata asked for before falling back; may be NULL */
    bool otadata_changed[2];                  /* records that the bootloader rewrites */
};

/** Choose, and change `otadata` as the bootloader would (the caller writes the changed records).
 * `rollback`: the bootloader was built with CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE. */
struct espota_boot_choice espota_boot_choose(const struct espota_table *table, struct espota_otadata *otadata,
                                             bool rollback, espota_bootable_fn *bootable, void *context);

#pragma GCC visibility pop

#endif
