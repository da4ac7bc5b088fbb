/* Patches that are handed out beside an image. */
#include "espota/published_patches.h"

#include "espota/digest.h"
#include "espota/error.h"
#include "espota/hex.h"
#include "espota/patch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is known of one: where there is none, that too. */
struct published {
    struct published *next;
    uint8_t base_sha256[ESPOTA_SHA256_LENGTH];
    struct espota_bytes file;
    struct espota_patch patch;
    struct espota_base *base; /* NULL: it is of no use */
    struct espota_error why;  /* it is not; status 0: there is none */
};

struct espota_published_patches {
    pthread_mutex_t lock; /* also while one is got: whoever else wants one waits for it */
    struct published *first;
    struct espota_patch_getter getter;
    uint8_t sha256[ESPOTA_SHA256_LENGTH]; /* of the image */
    size_t size;
};

int espota_published_patches_new(struct espota_published_patches **patches,
                                 const struct espota_patch_getter *getter, const void *image, size_t size,
                                 struct espota_error *error)
{
    struct espota_published_patches *made = calloc(1, sizeof *made);
    *patches = NULL;
    if (!made || pthread_mutex_init(&made->lock, NULL) != 0) {
        free(made);
        return espota_fail_memory(error, "looking for patches");
    }
    made->getter = *getter;
    made->size = size;
    *patches = made;
    if (espota_sha256(image, size, made->sha256) == 0)
        return 0;
    espota_published_patches_free(made);
    *patches = NULL;
    return espota_fail(error, ESPOTA_ERR_FAILED, "SHA-256 is not available from the crypto library");
}

void espota_published_patches_free(struct espota_published_patches *patches)
{
    if (!patches)
        return;
    while (patches->first) {
        struct published *next = patches->first->next;
        espota_base_free(patches->first->base);
        espota_bytes_free(&patches->first->file);
        free(patches->first);
        patches->first = next;
    }
    pthread_mutex_destroy(&patches->lock);
    free(patches);
}

/* Is it the one that was asked for? */
static int check(const struct espota_published_patches *patches, const struct published *p, const char *name,
                 uint32_t length, struct espota_error *error)
{
    const struct espota_patch_head *h = &p->patch.head;
    if (memcmp(h->base_sha256, p->base_sha256, sizeof h->base_sha256) != 0 || h->base_length != length)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is against another image than its name says", name);
    if (memcmp(h->image_sha256, patches->sha256, sizeof h->image_sha256) != 0 ||
        h->image_length != patches->size)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is for another image than the one beside it", name);
    return 0;
}

static int get(struct espota_published_patches *patches, struct published *p, uint32_t length)
{
    char digits[2 * ESPOTA_SHA256_LENGTH + 1], name[48];
    espota_hex(p->base_sha256, sizeof p->base_sha256, digits);
    snprintf(name, sizeof name, "the patch against %.12s...", digits);
    int result = patches->getter.get(patches->getter.context, p->base_sha256, &p->file, &p->why);
    if (result != 0 || p->file.size == 0)
        return result;
    result = espota_patch_read(&p->patch, name, &p->file, &p->why);
    if (result == 0)
        result = check(patches, p, name, length, &p->why);
    return result ? result : espota_base_of_patch(&p->base, &p->patch, &p->why);
}

/* NULL: out of memory. */
static struct published *find(struct espota_published_patches *patches, const uint8_t *sha256,
                              uint32_t length)
{
    struct published *p = patches->first;
    while (p && memcmp(p->base_sha256, sha256, sizeof p->base_sha256) != 0)
        p = p->next;
    if (p || !(p = calloc(1, sizeof *p)))
        return p;
    memcpy(p->base_sha256, sha256, sizeof p->base_sha256);
    p->next = patches->first;
    patches->first = p;
    if (get(patches, p, length) == 0)
        p->why.status = ESPOTA_OK;
    return p;
}

int espota_published_patches_find(struct espota_published_patches *patches,
                                  const uint8_t sha256[ESPOTA_SHA256_LENGTH], uint32_t length,
                                  const struct espota_base **prepared, unsigned *table_log,
                                  struct espota_error *error)
{
    int result = 0;
    *prepared = NULL;
    pthread_mutex_lock(&patches->lock);
    const struct published *p = find(patches, sha256, length);
    if (!p) {
        result = espota_fail_memory(error, "looking for a patch");
    } else if (p->why.status != ESPOTA_OK) {
        *error = p->why;
        result = (int)p->why.status;
    } else {
        *prepared = p->base;
        *table_log = p->patch.head.table_log;
    }
    pthread_mutex_unlock(&patches->lock);
    return result;
}
