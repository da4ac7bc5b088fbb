/** The images that a host knows: those that its user named, and those in a cache. A source of bases for
 * updates (espota/base_source.h): an image is in memory once, while somebody uses it, however many devices
 * hold it. */
#ifndef ESPOTA_KNOWN_IMAGES_H
#define ESPOTA_KNOWN_IMAGES_H

#pragma GCC visibility push(default)

#include "espota/base_source.h"
#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/image_cache.h"

/** Its functions may be called from several threads at once. */
struct espota_known_images;

/** `cache`: the caller's, and in use until the end; NULL: none. @return 0, or ESPOTA_ERR_NOMEM. */
int espota_known_images_new(struct espota_known_images **images, struct espota_image_cache *cache,
                            struct espota_error *error);
/** NULL is allowed. Nobody uses one of them any more. */
void espota_known_images_free(struct espota_known_images *images);

/** One more, whose bytes are taken over, and stay in memory. A device may hold it without what is behind it,
 * such as a signature. @return 0, or ESPOTA_ERR_NOMEM. */
int espota_known_images_add(struct espota_known_images *images, struct espota_bytes *image,
                            struct espota_error *error);

/** How many were in the cache, but damaged, and were removed. */
unsigned espota_known_images_damaged(struct espota_known_images *images);

/** The same as a source. */
struct espota_base_source espota_known_images_source(struct espota_known_images *images);

#pragma GCC visibility pop

#endif
