/* What an update can be sent against: images that the user names, and those in the cache. */
#ifndef ESPOTA_CLI_OTA_BASES_H
#define ESPOTA_CLI_OTA_BASES_H

#include "cli.h"

#include "espota/base_source.h"
#include "espota/chip.h"
#include "espota/error.h"
#include "espota/image_cache.h"
#include "espota/known_images.h"
#include "espota/ota.h"
#include "espota/published_patches.h"
#include "espota/read_back.h"

#include <stdbool.h>

struct base_options {
    struct list_option files;
    bool no_patch, no_cache;
};

/* An option group over struct base_options. */
extern const struct option_spec base_options[];

/* Zero-initialise; bases_close when done. */
struct bases {
    struct espota_image_cache *cache; /* NULL: none */
    struct espota_known_images *known;
    struct espota_published_patches *published;
    struct espota_read_back *read_back;
    struct espota_base_source source;
    bool none; /* the whole image is wanted */
};

/* Read the images that are named; `chip`: of ELF files, may be NULL. */
int bases_open(struct cli *cli, const struct base_options *options, const struct espota_chip *chip,
               struct bases *bases, struct espota_error *error);
/* Patches against what is not known here lie where `getter` says; for the image as it is sent. */
int bases_add_published(struct bases *bases, const struct espota_patch_getter *getter,
                        const struct espota_bytes *image, struct espota_error *error);
void bases_close(struct bases *bases);
/* For an update; NULL: it is to be sent whole. */
const struct espota_base_source *bases_source(const struct bases *bases);

/* What was sent, and against what. `ran`: it was. */
void bases_fields(struct fields *document, bool ran, const struct espota_ota_result *result);

#endif
