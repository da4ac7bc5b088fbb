/* Digests of flash and of bytes here, side by side; shared by the files of this folder. */
#ifndef ESPOTA_UPDATE_DIGEST_H
#define ESPOTA_UPDATE_DIGEST_H

#include "espota/device.h"
#include "espota/error.h"

/* Nothing but FF? */
bool update_is_blank(const uint8_t *data, size_t length);

/* The digest that the device would give of these bytes. */
int update_digest_of(const struct espota_device *device, const void *data, size_t length, uint8_t *digest,
                     struct espota_error *error);

/* Bytes from the start of flash that can be looked at and written; 0: not known. */
uint32_t update_reach(const struct espota_device *device);

/* Is `digest` that of `length` bytes of FF? */
int update_digest_is_blank(const struct espota_device *device, const uint8_t *digest, uint32_t length,
                           bool *blank, struct espota_error *error);

/* After `result`, an error that trying again may cure on this device: make the device ready for that, and
 * count it. @return 0: try again; or the error to return. */
int update_recover(struct espota_device *device, int result, unsigned *repeats, struct espota_error *error);

#endif
