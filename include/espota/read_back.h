/** Bases that are read back from a device, where nobody knows their bytes: once for all devices that name the
 * same image. */
#ifndef ESPOTA_READ_BACK_H
#define ESPOTA_READ_BACK_H

#pragma GCC visibility push(default)

#include "espota/base_source.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/image_cache.h"
#include "espota/known_images.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct espota_read_back_options {
    bool always;      /* whatever it costs; else where it is reckoned to be cheaper, for all devices */
    size_t devices;   /* that are updated in this run; 0: one */
    unsigned at_once; /* of them, so many at a time; 0: all */
    struct espota_known_images *known; /* which know what was read from then on; */
    struct espota_image_cache *cache;  /* that keeps it; NULL: none. Both must outlive it. */
};

/** Its functions may be called from several threads at once. */
struct espota_read_back;

/** @return 0, or ESPOTA_ERR_NOMEM. */
int espota_read_back_new(struct espota_read_back **read_back, const struct espota_read_back_options *options,
                         struct espota_error *error);
/** NULL is allowed. */
void espota_read_back_free(struct espota_read_back *read_back);

/** Read the base that `request` is about, if it is to be read, and nobody has; who comes while another one
 * reads the same waits for that, but no longer than it would take him to do without. The observer of the
 * device hears what is done, and why. What is not the image that the device named is thrown away.
 *
 * It is reckoned in seconds, for all devices: one reads, of which a few sectors tell how much has to travel,
 * then it and all that are left and are as likely to hold this base as those that have asked are sent what
 * differs from it, so many at a time; against all of them sent the image. It has to be a fifth quicker.
 * Before a second device has named the image, no other one is expected to.
 *
 * @return 0 and `*read`, the bytes that came from this device, whether or not `known` knows the base now; or
 * what the device returned when it is gone, or lost on the way. */
int espota_read_back(struct espota_read_back *read_back, struct espota_device *device,
                     const struct espota_base_wanted *wanted, uint32_t *read, struct espota_error *error);

#pragma GCC visibility pop

#endif
