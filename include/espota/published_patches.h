/** Patches that are handed out beside an image (espota/patch_file.h): for devices that hold images which this
 * host does not know. Each is got once, however many devices want it, and only those wait for it; a few are
 * got at once, so that one that comes slowly holds up nobody who needs another. */
#ifndef ESPOTA_PUBLISHED_PATCHES_H
#define ESPOTA_PUBLISHED_PATCHES_H

#pragma GCC visibility push(default)

#include "espota/buffer.h"
#include "espota/encode.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/observer.h"

#include <stddef.h>
#include <stdint.h>

/** Where they come from. */
struct espota_patch_getter {
    void *context;
    /** Get the patch against the image with this SHA-256, appended to `file`; nothing appended: there is
     * none. From several threads, each for another image. @return 0, or an error: there is none then, either;
     * after ESPOTA_ERR_CANCELLED whoever else wants it asks again. */
    int (*get)(void *context, const uint8_t base_sha256[ESPOTA_SHA256_LENGTH], struct espota_bytes *file,
               struct espota_error *error);
    /** Wait so long for one that is got for somebody else, or for others to be done. 0: 20 s. */
    unsigned patience_ms;
};

/** Its functions may be called from several threads at once. */
struct espota_published_patches;

/** Those for an image. What the getter stands on must outlive them. @return 0; ESPOTA_ERR_NOMEM,
 * ESPOTA_ERR_FAILED when the crypto library refuses. */
int espota_published_patches_new(struct espota_published_patches **patches,
                                 const struct espota_patch_getter *getter, const void *image, size_t size,
                                 struct espota_error *error);
/** NULL is allowed. Nobody uses one of them any more. */
void espota_published_patches_free(struct espota_published_patches *patches);

/** As the function `patch` of espota/base_source.h; `observer` may stop it, or be NULL. Whatever was found
 * out is found again, errors too.
 * @return ESPOTA_ERR_VERIFY for a file that is no patch, damaged, against another base or for another image;
 * ESPOTA_ERR_TIMEOUT when it was waited for in vain; ESPOTA_ERR_CANCELLED. */
int espota_published_patches_find(struct espota_published_patches *patches,
                                  const uint8_t sha256[ESPOTA_SHA256_LENGTH], uint32_t length,
                                  const struct espota_observer *observer, const struct espota_base **prepared,
                                  unsigned *table_log, struct espota_error *error);

#pragma GCC visibility pop

#endif
