/* Inside the image cache: its folder, and what lies in it. */
#ifndef ESPOTA_UPDATE_IMAGE_CACHE_H
#define ESPOTA_UPDATE_IMAGE_CACHE_H

#include "espota/error.h"
#include "espota/hash.h"
#include "espota/image_cache.h"

#include <stdbool.h>
#include <stdint.h>

#define CACHED_ENDING    ".bin"
#define UNFINISHED_BEGIN "unfinished-"

enum { CACHED_NAME = 2 * ESPOTA_SHA256_LENGTH + sizeof CACHED_ENDING };

struct espota_image_cache {
    char *folder;
    uint64_t limit;
};

/* The name of an image's file. */
const char *cached_name(const uint8_t sha256[ESPOTA_SHA256_LENGTH], char name[CACHED_NAME]);

/* Open the folder; `make`: also where it is not there. *fd is -1 where it is not there and is not made. */
int cache_folder_open(const struct espota_image_cache *cache, bool make, int *fd, struct espota_error *error);

/* Remove what was not used for longest, but not `keep`, until the limit is kept; and what was left
 * unfinished. */
int cache_trim(const struct espota_image_cache *cache, int folder, const uint8_t keep[ESPOTA_SHA256_LENGTH],
               struct espota_error *error);

#endif
