/* Patches that are handed out beside an image. */
#include "espota/published_patches.h"

#include "base/timed_condition.h"
#include "espota/clock.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/hex.h"
#include "espota/patch.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 20000, MOST_AT_ONCE = 8, LONGEST_PATIENCE_MS = 24 * 3600 * 1000, NAME_ROOM = 48 };

enum state { WANTED, BEING_GOT, KNOWN };

/* What is known of one: where there is none, that too. */
struct published {
    struct published *next;
    uint8_t base_sha256[ESPOTA_SHA256_LENGTH];
    enum state state;
    struct espota_bytes file;
    struct espota_patch patch;
    struct espota_base *base; /* NULL: it is of no use */
    struct espota_error why;  /* it is not; status 0: there is none */
};

struct espota_published_patches {
    pthread_mutex_t lock; /* for a moment only */
    pthread_cond_t changed;
    struct published *first;
    unsigned being_got;
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
    if (!made || !timed_condition_begin(&made->changed, &made->lock)) {
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
    pthread_cond_destroy(&patches->changed);
    pthread_mutex_destroy(&patches->lock);
    free(patches);
}

/* Is it the one that was asked for? */
static int check(const struct espota_published_patches *patches, const struct published *p, const char *name,
                 struct espota_error *error)
{
    const struct espota_patch_head *h = &p->patch.head;
    if (memcmp(h->base_sha256, p->base_sha256, sizeof h->base_sha256) != 0)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is against another image than its name says", name);
    if (memcmp(h->image_sha256, patches->sha256, sizeof h->image_sha256) != 0 ||
        h->image_length != patches->size)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is for another image than the one beside it", name);
    if (h->stream_length >= h->image_length)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is longer than the image itself", name);
    return 0;
}

static void name_of(const struct published *p, char name[NAME_ROOM])
{
    char digits[2 * ESPOTA_SHA256_LENGTH + 1];
    espota_hex(p->base_sha256, sizeof p->base_sha256, digits);
    snprintf(name, NAME_ROOM, "the patch against %.12s...", digits);
}

/* Without the lock: nobody else touches what is being got. */
static int get(const struct espota_published_patches *patches, struct published *p)
{
    char name[NAME_ROOM];
    name_of(p, name);
    int result = patches->getter.get(patches->getter.context, p->base_sha256, &p->file, &p->why);
    if (result != 0 || p->file.size == 0)
        return result;
    result = espota_patch_read(&p->patch, name, &p->file, &p->why);
    if (result == 0)
        result = check(patches, p, name, &p->why);
    return result ? result : espota_base_of_patch(&p->base, &p->patch, &p->why);
}

/* ---- who gets what, with the lock held ------------------------------------------------------------------
 */

/* NULL: out of memory. */
static struct published *find(struct espota_published_patches *patches, const uint8_t *sha256)
{
    struct published *p = patches->first;
    while (p && memcmp(p->base_sha256, sha256, sizeof p->base_sha256) != 0)
        p = p->next;
    if (p || !(p = calloc(1, sizeof *p)))
        return p;
    memcpy(p->base_sha256, sha256, sizeof p->base_sha256);
    p->next = patches->first;
    patches->first = p;
    return p;
}

/* That somebody was stopped says nothing of the patch: whoever else wants it asks anew. */
static void get_it(struct espota_published_patches *patches, struct published *p)
{
    p->state = BEING_GOT;
    patches->being_got++;
    pthread_mutex_unlock(&patches->lock);
    int result = get(patches, p);
    if (result == 0)
        p->why.status = ESPOTA_OK;
    if (!p->base) /* of no use, and perhaps large */
        espota_bytes_free(&p->file);
    pthread_mutex_lock(&patches->lock);
    p->state = result == ESPOTA_ERR_CANCELLED ? WANTED : KNOWN;
    patches->being_got--;
    pthread_cond_broadcast(&patches->changed);
}

static uint64_t end_of_patience(const struct espota_published_patches *patches)
{
    unsigned ms = patches->getter.patience_ms ? patches->getter.patience_ms : PATIENCE_MS;
    return espota_now_ms() + (ms > LONGEST_PATIENCE_MS ? LONGEST_PATIENCE_MS : ms);
}

/* It is got for somebody else, or others have to be done first. */
static bool is_to_come(const struct espota_published_patches *patches, const struct published *p)
{
    return p->state == BEING_GOT || (p->state == WANTED && patches->being_got == MOST_AT_ONCE);
}

static int check_stopped(const struct espota_observer *observer, struct espota_error *error)
{
    if (!espota_observer_cancelled(observer))
        return 0;
    return espota_fail(error, ESPOTA_ERR_CANCELLED, "stopped while a patch was waited for");
}

/* Until it is known, or until it is ours to get it: who is stopped asks nobody. */
static int await(struct espota_published_patches *patches, const struct published *p,
                 const struct espota_observer *observer, struct espota_error *error)
{
    const uint64_t end = end_of_patience(patches);
    int result = check_stopped(observer, error);
    while (result == 0 && is_to_come(patches, p)) {
        if (espota_now_ms() >= end)
            return espota_fail(error, ESPOTA_ERR_TIMEOUT,
                               "whether there is a patch takes too long to find out: it is not waited for");
        timed_condition_look(&patches->changed, &patches->lock);
        result = check_stopped(observer, error);
    }
    return result;
}

/* How long the image is, is what one device says: of that it is wrong nobody else hears. */
static int answer(const struct published *p, uint32_t length, const struct espota_base **prepared,
                  unsigned *table_log, struct espota_error *error)
{
    char name[NAME_ROOM];
    if (p->why.status != ESPOTA_OK) {
        *error = p->why;
        return (int)p->why.status;
    }
    name_of(p, name);
    if (p->base && p->patch.head.base_length != length)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is against an image of another length", name);
    *prepared = p->base;
    *table_log = p->patch.head.table_log;
    return 0;
}

int espota_published_patches_find(struct espota_published_patches *patches,
                                  const uint8_t sha256[ESPOTA_SHA256_LENGTH], uint32_t length,
                                  const struct espota_observer *observer, const struct espota_base **prepared,
                                  unsigned *table_log, struct espota_error *error)
{
    *prepared = NULL;
    pthread_mutex_lock(&patches->lock);
    struct published *p = find(patches, sha256);
    int result = p ? await(patches, p, observer, error) : espota_fail_memory(error, "looking for a patch");
    if (result == 0) {
        if (p->state == WANTED)
            get_it(patches, p);
        result = answer(p, length, prepared, table_log, error);
    }
    pthread_mutex_unlock(&patches->lock);
    return result;
}
