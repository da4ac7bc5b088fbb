/** Patches: made of two app images, and applied, by the decoder that agents have, on the host
 * (espota/patch_file.h).
 *
 * A patch is for devices of one chip. How it is made is in espota/encode.h; an update makes its own where it
 * knows the image that the device holds (espota/ota.h), so a patch in a file is for hosts that do not. */
#ifndef ESPOTA_PATCH_H
#define ESPOTA_PATCH_H

#pragma GCC visibility push(default)

#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/patch_file.h"

#include <stddef.h>
#include <stdint.h>

/** An app image in memory, and what it is called in messages. */
struct espota_patch_image {
    const char *name;
    const uint8_t *data;
    size_t size;
};

/** Make a patch file of two app images, appended to `file`, for decoders with a table of 2^table_log bytes.
 * @return ESPOTA_ERR_VERIFY when either is no app image, is damaged, or they are for different chips;
 * ESPOTA_ERR_REFUSED when they are the same, or have nothing in common; ESPOTA_ERR_USAGE for a table that no
 * decoder has; ESPOTA_ERR_NOMEM. */
int espota_patch_make(const struct espota_patch_image *base, const struct espota_patch_image *image,
                      unsigned table_log, struct espota_bytes *file, struct espota_error *error);

/** Parse a patch file, with words for what is wrong with it. @return ESPOTA_ERR_VERIFY. */
int espota_patch_read(struct espota_patch *patch, const char *name, const struct espota_bytes *file,
                      struct espota_error *error);

/** Rebuild the image, appended to `image`. @return ESPOTA_ERR_VERIFY when `base` is not the one that the
 * patch is for (which may have more behind it, such as a signature), or another image than the patch promises
 * comes of it; ESPOTA_ERR_TOO_BIG for an image that no device takes; ESPOTA_ERR_NOMEM. `name` of the patch is
 * for messages. */
int espota_patch_apply(const struct espota_patch *patch, const char *name,
                       const struct espota_patch_image *base, struct espota_bytes *image,
                       struct espota_error *error);

#pragma GCC visibility pop

#endif
