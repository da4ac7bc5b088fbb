/* The cache of images, as settings and options have it. */
#ifndef ESPOTA_CLI_CACHED_H
#define ESPOTA_CLI_CACHED_H

#include "cli.h"

#include "espota/error.h"
#include "espota/image_cache.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --no-cache (bool). */
extern const struct option_spec cache_option[];

enum { CACHE_LIMIT = 256 << 20 };

/* Where it is; NULL: nowhere, as it was switched off, or there is no home. Free it. */
char *cache_folder(void);
/* The most bytes that it may take. */
int cache_limit(const struct cli *cli, uint64_t *limit, struct espota_error *error);

/* Open it. *cache is NULL where there is none. A cache is no reason to fail: only a setting that cannot be
 * understood is. */
int cache_open(struct cli *cli, bool off, struct espota_image_cache **cache, struct espota_error *error);

/* Keep what a device holds now. What cannot be kept is told with -v. `cache` may be NULL. */
void cache_keep(struct cli *cli, struct espota_image_cache *cache, const char *name, const void *image,
                size_t size);

#endif
