/* Partition tables as firmware projects publish them. */
#ifndef ESPOTA_PLAN_PUBLISHED_H
#define ESPOTA_PLAN_PUBLISHED_H

#include "espota/plan.h"

struct published_row {
    const char *label; /* NULL: the end */
    uint8_t type, subtype;
    uint16_t offset, size; /* in K; size 0: the rest of flash */
};

struct published_layout {
    enum espota_firmware firmware;
    enum espota_layout layout;
    uint8_t from, to; /* M of flash */
    const struct published_row *rows;
};

/* The first that fits, for AUTO whatever its layout is; NULL: there is none. */
const struct published_layout *published_find(enum espota_firmware firmware, enum espota_layout layout,
                                              uint32_t flash_mib);
/* Is there any of this kind? */
bool published_has_layout(enum espota_firmware firmware, enum espota_layout layout);

#endif
