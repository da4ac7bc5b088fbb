/** A cache of app images in a folder, by the SHA-256 of the whole file: what was flashed once is a base to
 * send the next image against.
 *
 * Each image is a file HEX.bin of mode 0600, used last when it was changed last (st_mtime). Files appear
 * whole, by rename, and are read by one descriptor, so any number of processes may use a folder at once,
 * without locks; an image is compared with its name whenever it is read. Beside them lies CACHEDIR.TAG
 * (https://bford.info/cachedir/), by which backups leave the folder out. Nothing else in the folder is
 * touched, and symbolic links in it are not followed. */
#ifndef ESPOTA_IMAGE_CACHE_H
#define ESPOTA_IMAGE_CACHE_H

#pragma GCC visibility push(default)

#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct espota_image_cache;

/** The folder for a user whose XDG_CACHE_HOME and HOME are these (XDG Base Directory Specification). @return
 * a string for the caller to free, or NULL: neither is an absolute path, or memory is short. */
char *espota_image_cache_folder(const char *xdg_cache_home, const char *home);

/** Use a folder, which need not be there yet, for at most `limit` bytes of images. Constant from then on, so
 * that several threads may use it. @return 0, or ESPOTA_ERR_NOMEM; espota_image_cache_free when done. */
int espota_image_cache_new(struct espota_image_cache **cache, const char *folder, uint64_t limit,
                           struct espota_error *error);
/** NULL is allowed. */
void espota_image_cache_free(struct espota_image_cache *cache);

/** Keep an image, or, where it is kept already, remember that it was used now; what was not used for longest
 * goes until the limit is kept. `name` of the image is for messages. The folder is made where it is not there
 * (mode 0700), its parents too.
 * @return ESPOTA_ERR_VERIFY when it is no app image; ESPOTA_ERR_REFUSED when a device's key is in it, or the
 * folder is somebody else's or can be changed by others; ESPOTA_ERR_TOO_BIG when it is above the limit;
 * ESPOTA_ERR_IO. */
int espota_image_cache_add(struct espota_image_cache *cache, const char *name, const void *image, size_t size,
                           uint8_t sha256[ESPOTA_SHA256_LENGTH], struct espota_error *error);

enum espota_image_cache_answer {
    ESPOTA_IMAGE_ABSENT,
    ESPOTA_IMAGE_CACHED,
    ESPOTA_IMAGE_DAMAGED, /* there was one that is not what its name says: it was removed */
};

/** Get an image, appended to `image`, which is used now. @return 0; ESPOTA_ERR_REFUSED for a folder as above;
 * ESPOTA_ERR_IO when what is there cannot be read. */
int espota_image_cache_get(struct espota_image_cache *cache, const uint8_t sha256[ESPOTA_SHA256_LENGTH],
                           enum espota_image_cache_answer *answer, struct espota_bytes *image,
                           struct espota_error *error);

struct espota_cached_image {
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    uint64_t size;
    int64_t used_s, used_ns; /* last, since 1970 (UTC) */
    /* what its headers say, from the list alone; not compared with its name */
    bool is_image;
    uint16_t chip_id;
    char project[33], version[33]; /* empty: it has no description */
};

/** All that is kept, last used first. `*images` is for the caller to free. */
int espota_image_cache_list(struct espota_image_cache *cache, struct espota_cached_image **images,
                            size_t *count, struct espota_error *error);

/** Remove one. @return ESPOTA_ERR_FAILED when it is not there. */
int espota_image_cache_remove(struct espota_image_cache *cache, const uint8_t sha256[ESPOTA_SHA256_LENGTH],
                              struct espota_error *error);

struct espota_image_cache_removed {
    size_t images;
    uint64_t bytes;
};

/** Remove what was used last before `before_s` (since 1970, UTC; INT64_MAX: all), and what processes that
 * died left unfinished. `removed` counts also where an error is the end. */
int espota_image_cache_clear(struct espota_image_cache *cache, int64_t before_s,
                             struct espota_image_cache_removed *removed, struct espota_error *error);

#pragma GCC visibility pop

#endif
