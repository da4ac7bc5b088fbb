/** SWU archives, as SWUpdate takes them: cpio (newc) with a file sw-description first, then the images.
 * Source: SWUpdate's documentation, "SWUpdate: software management for embedded systems". libarchive reads
 * and writes them. */
#ifndef ESPOTA_SWU_H
#define ESPOTA_SWU_H

#pragma GCC visibility push(default)

#include "espota/buffer.h"
#include "espota/error.h"

#include <stdbool.h>
#include <stddef.h>

/** Does it begin as such an archive? */
bool espota_swu_is(const void *data, size_t size);

/** The app image in an archive: the only file in it that is one. Signatures in the archive are not checked:
 * what vouches for the whole of it is who gave it. `image` is empty before. @return ESPOTA_ERR_VERIFY when
 * the archive is damaged, or has no image or several. */
int espota_swu_image(const struct espota_bytes *archive, struct espota_bytes *image,
                     struct espota_error *error);

struct espota_swu_contents {
    const char *name;    /* of the image in the archive; at most 64 characters, no '/' or quotes */
    const char *version; /* of the software: the same, at most 32 */
    const void *image;
    size_t size;
};

/** Make an archive. `archive` is empty before. The same contents give the same bytes. @return
 * ESPOTA_ERR_USAGE for a name or version that cannot be, ESPOTA_ERR_NOMEM. */
int espota_swu_make(struct espota_bytes *archive, const struct espota_swu_contents *contents,
                    struct espota_error *error);

#pragma GCC visibility pop

#endif
