/* The image of an update: from a server or a file, checked with its MD5. */
#ifndef ESPOTA_CLI_OTA_SOURCE_H
#define ESPOTA_CLI_OTA_SOURCE_H

#include "cli.h"
#include "ota_bases.h"

#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/image.h"
#include "espota/payload.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct source_options {
    const char *url, *file, *certificate, *path;
    struct number_option http_port, stall_timeout, timeout;
    bool md5;
};

/* An option group over struct source_options. */
extern const struct option_spec source_options[];

/* Zero-initialise, but for `kept`; stays where it is. */
struct source {
    char *name; /* URL without what may be secret, or path: for messages */
    char *url;
    struct espota_bytes image;
    struct espota_payload payload; /* of the image: identified, for all devices */
    struct espota_image about;     /* what was found in it; no segments: it is none for an ESP32 */
    bool has_md5;
    uint8_t md5[ESPOTA_MD5_LENGTH];
    struct bases bases;
    const struct source_options *options;
    atomic_flag kept; /* the image is in the cache */
};

/* The URL, with what was left out, for the caller to free. */
int source_url(const struct source_options *options, char **url, struct espota_error *error);

/* Get it, and check it with its MD5. The options must outlive it. */
int source_get(struct cli *cli, const struct source_options *options, struct source *source,
               struct espota_error *error);
/* Get a patch, as a function of struct espota_patch_getter; `source` is the context. */
int source_get_patch(void *source, const uint8_t base_sha256[ESPOTA_SHA256_LENGTH], struct espota_bytes *file,
                     struct espota_error *error);
void source_free(struct source *source);

#endif
