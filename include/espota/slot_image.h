/** What an app partition of a device holds. */
#ifndef ESPOTA_SLOT_IMAGE_H
#define ESPOTA_SLOT_IMAGE_H

#pragma GCC visibility push(default)

#include "espota/device.h"
#include "espota/error.h"
#include "espota/image.h"
#include "espota/table.h"

enum espota_slot_state {
    ESPOTA_SLOT_EMPTY,     /* no image */
    ESPOTA_SLOT_VALID,     /* an image whose SHA-256 is right */
    ESPOTA_SLOT_UNCHECKED, /* an image whose parts fit together; this device cannot check more */
    ESPOTA_SLOT_BROKEN,    /* an image that is damaged */
    ESPOTA_SLOT_FOREIGN,   /* an image for another chip */
    ESPOTA_SLOT_NO_APP,    /* an image that no bootloader starts, as it would load over itself */
};

/** What is in an app partition? Reads headers, and asks for a digest where the device has SHA-256. `image`:
 * what its headers say, as far as they could be read. @return 0, or what the device returned. */
int espota_slot_examine(struct espota_device *device, const struct espota_partition *partition,
                        struct espota_image *image, enum espota_slot_state *state,
                        struct espota_error *error);

/** "empty", "valid", "unchecked", "broken", "other-chip", "no-app". Static storage. */
const char *espota_slot_state_name(enum espota_slot_state state);

#pragma GCC visibility pop

#endif
