/* Images that are known here: given as bases, or in the cache. */
#include "espota/known_images.h"

#include "espota/buffer.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/image_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct known {
    struct known *next;
    struct espota_bytes bytes;
    uint8_t sha256[ESPOTA_SHA256_LENGTH]; /* of its first bytes, so many: */
    uint32_t digested;
    bool given; /* by the caller: it stays */
    unsigned users;
};

struct espota_known_images {
    pthread_mutex_t lock; /* of what follows */
    struct known *first;
    struct espota_image_cache *cache;
    unsigned damaged;
};

int espota_known_images_new(struct espota_known_images **images, struct espota_image_cache *cache,
                            struct espota_error *error)
{
    struct espota_known_images *made = calloc(1, sizeof *made);
    *images = NULL;
    if (!made || pthread_mutex_init(&made->lock, NULL) != 0) {
        free(made);
        return espota_fail_memory(error, "looking for bases");
    }
    made->cache = cache;
    *images = made;
    return 0;
}

static void free_known(struct known *known)
{
    espota_bytes_free(&known->bytes);
    free(known);
}

void espota_known_images_free(struct espota_known_images *images)
{
    if (!images)
        return;
    while (images->first) {
        struct known *next = images->first->next;
        free_known(images->first);
        images->first = next;
    }
    pthread_mutex_destroy(&images->lock);
    free(images);
}

/* Takes the bytes, also where it fails. */
static struct known *put(struct espota_known_images *images, struct espota_bytes *bytes)
{
    struct known *known = calloc(1, sizeof *known);
    if (!known) {
        espota_bytes_free(bytes);
        return NULL;
    }
    known->bytes = *bytes;
    *bytes = (struct espota_bytes){ 0 };
    known->next = images->first;
    images->first = known;
    return known;
}

int espota_known_images_add(struct espota_known_images *images, struct espota_bytes *image,
                            struct espota_error *error)
{
    pthread_mutex_lock(&images->lock);
    struct known *known = put(images, image);
    if (known)
        known->given = true;
    pthread_mutex_unlock(&images->lock);
    return known ? 0 : espota_fail_memory(error, "looking for bases");
}

unsigned espota_known_images_damaged(struct espota_known_images *images)
{
    pthread_mutex_lock(&images->lock);
    unsigned damaged = images->damaged;
    pthread_mutex_unlock(&images->lock);
    return damaged;
}

/* What was given may have more behind the image: a signature, or padding, that the device does not have. */
static bool is(struct known *known, const uint8_t *sha256, uint32_t length)
{
    if (known->bytes.size < length || (!known->given && known->bytes.size != length))
        return false;
    if (known->digested != length) {
        known->digested = 0;
        if (length == 0 || espota_sha256(known->bytes.data, length, known->sha256) != 0)
            return false;
        known->digested = length;
    }
    return memcmp(known->sha256, sha256, sizeof known->sha256) == 0;
}

static int get_cached(struct espota_known_images *images, const uint8_t *sha256, uint32_t length,
                      struct known **known, struct espota_error *error)
{
    enum espota_image_cache_answer answer;
    struct espota_bytes bytes = { 0 };
    int result = espota_image_cache_get(images->cache, sha256, &answer, &bytes, error);
    images->damaged += result == 0 && answer == ESPOTA_IMAGE_DAMAGED;
    if (result != 0 || answer != ESPOTA_IMAGE_CACHED || bytes.size != length) {
        espota_bytes_free(&bytes);
        return result;
    }
    *known = put(images, &bytes);
    if (!*known)
        return espota_fail_memory(error, "looking for a base");
    memcpy((*known)->sha256, sha256, ESPOTA_SHA256_LENGTH);
    (*known)->digested = length;
    return 0;
}

static int find(void *context, const uint8_t sha256[ESPOTA_SHA256_LENGTH], uint32_t length,
                const uint8_t **image, struct espota_error *error)
{
    struct espota_known_images *images = context;
    int result = 0;
    *image = NULL;
    pthread_mutex_lock(&images->lock);
    struct known *known = images->first;
    while (known && !is(known, sha256, length))
        known = known->next;
    if (!known && images->cache)
        result = get_cached(images, sha256, length, &known, error);
    if (known) {
        known->users++;
        *image = known->bytes.data;
    }
    pthread_mutex_unlock(&images->lock);
    return result;
}

static void release(void *context, const uint8_t *image)
{
    struct espota_known_images *images = context;
    pthread_mutex_lock(&images->lock);
    struct known **at = &images->first;
    while (*at && (*at)->bytes.data != image)
        at = &(*at)->next;
    struct known *known = *at;
    if (known && --known->users == 0 && !known->given) {
        *at = known->next;
        free_known(known);
    }
    pthread_mutex_unlock(&images->lock);
}

struct espota_base_source espota_known_images_source(struct espota_known_images *images)
{
    return (struct espota_base_source){ .context = images, .find = find, .release = release };
}
