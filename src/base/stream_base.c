/* Images and bases that a cache of streams keeps, each once. */
#include "delta.h"
#include "stream_cache.h"
#include "timed_condition.h"

#include "espota/encode.h"
#include "espota/error.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST_BASES = 24,  /* in use */
    KEPT_BASES = 4,   /* that nobody uses now */
    MOST_AT_ONCE = 2, /* are prepared: each takes 8 bytes for one of the base meanwhile */
};

/* ---- images ---------------------------------------------------------------------------------------------
 */

static struct stream_image *find_image(const struct espota_stream_cache *c, size_t length,
                                       const uint8_t sha256[ESPOTA_SHA256_LENGTH])
{
    struct stream_image *image = c->images;
    while (image && (image->length != length || memcmp(image->sha256, sha256, sizeof image->sha256) != 0))
        image = image->next;
    return image;
}

struct stream_image *stream_image_get(struct espota_stream_cache *c, const uint8_t *data, size_t length,
                                      const uint8_t sha256[ESPOTA_SHA256_LENGTH])
{
    struct stream_image *image = find_image(c, length, sha256);
    if (image)
        return image;
    image = calloc(1, sizeof *image);
    uint8_t *copy = malloc(length ? length : 1);
    if (!image || !copy) {
        free(image);
        free(copy);
        return NULL;
    }
    if (length > 0)
        memcpy(copy, data, length);
    image->data = copy;
    image->length = length;
    memcpy(image->sha256, sha256, sizeof image->sha256);
    image->next = c->images;
    c->images = image;
    return image;
}

static void drop_image(struct espota_stream_cache *c, struct stream_image *image)
{
    struct stream_image **at = &c->images;
    while (*at != image)
        at = &(*at)->next;
    *at = image->next;
    free(image->data);
    free(image);
}

void stream_image_put(struct espota_stream_cache *c, struct stream_image *image)
{
    if (image && --image->users == 0)
        drop_image(c, image);
}

/* ---- bases; with the cache's lock -----------------------------------------------------------------------
 */

static void drop_base(struct espota_stream_cache *c, struct espota_stream_base *base)
{
    struct espota_stream_base **at = &c->bases;
    while (*at != base)
        at = &(*at)->next;
    *at = base->next;
    espota_base_free(base->made);
    stream_image_put(c, base->old);
    stream_image_put(c, base->image);
    free(base);
}

static struct espota_stream_base *oldest_unused(const struct espota_stream_cache *c, unsigned *count)
{
    struct espota_stream_base *oldest = NULL;
    *count = 0;
    for (struct espota_stream_base *b = c->bases; b; b = b->next) {
        if (b->users > 0)
            continue;
        ++*count;
        if (!oldest || b->used < oldest->used)
            oldest = b;
    }
    return oldest;
}

static void drop_unused(struct espota_stream_cache *c, unsigned kept)
{
    unsigned count;
    struct espota_stream_base *oldest;
    while ((oldest = oldest_unused(c, &count)) != NULL && count > kept)
        drop_base(c, oldest);
}

void stream_bases_free(struct espota_stream_cache *c)
{
    drop_unused(c, 0);
}

/* What was prepared elsewhere, or could not be, is of no use to who comes later. */
void stream_base_put(struct espota_stream_base *base)
{
    if (!base)
        return;
    struct espota_stream_cache *c = base->cache;
    base->used = ++c->clock;
    if (--base->users > 0)
        return;
    if (!base->made)
        drop_base(c, base);
    else
        drop_unused(c, KEPT_BASES);
}

static bool is_of(const struct espota_stream_base *base, const struct espota_stream_base_source *source)
{
    return base->old && base->isa == source->isa && base->old->length == source->old_length &&
           base->image->length == source->image_length &&
           memcmp(base->old->sha256, source->old_sha256, sizeof source->old_sha256) == 0 &&
           memcmp(base->image->sha256, source->image_sha256, sizeof source->image_sha256) == 0;
}

static struct espota_stream_base *add_base(struct espota_stream_cache *c, enum espota_isa isa)
{
    struct espota_stream_base *base = calloc(1, sizeof *base);
    if (!base)
        return NULL;
    *base = (struct espota_stream_base){ .next = c->bases, .cache = c, .isa = isa, .users = 1 };
    c->bases = base;
    return base;
}

static unsigned in_use(const struct espota_stream_cache *c)
{
    unsigned count = 0;
    for (const struct espota_stream_base *b = c->bases; b; b = b->next)
        count += b->users > 0;
    return count;
}

static struct espota_stream_base *new_base(struct espota_stream_cache *c,
                                           const struct espota_stream_base_source *source)
{
    struct espota_stream_base *base = add_base(c, source->isa);
    if (!base)
        return NULL;
    base->old = stream_image_get(c, source->old, source->old_length, source->old_sha256);
    if (base->old)
        base->old->users++;
    base->image = stream_image_get(c, source->image, source->image_length, source->image_sha256);
    if (base->image)
        base->image->users++;
    if (base->old && base->image)
        return base;
    drop_base(c, base);
    return NULL;
}

/* The base, not yet prepared perhaps. */
static int find_base(struct espota_stream_base **base, struct espota_stream_cache *c,
                     const struct espota_stream_base_source *source, struct espota_error *error)
{
    struct espota_stream_base *b = c->bases;
    while (b && !is_of(b, source))
        b = b->next;
    if (b)
        b->users++;
    else if (in_use(c) >= MOST_BASES)
        return espota_fail(error, ESPOTA_ERR_TOO_BIG, "%d images are used as bases already", MOST_BASES);
    else
        b = new_base(c, source);
    *base = b;
    return b ? 0 : espota_fail_memory(error, "preparing a base");
}

/* ---- preparing ------------------------------------------------------------------------------------------
 */

/* With the lock held: until it is prepared, or until it is ours to do that. */
static int wait_for_turn(const struct espota_stream_base *b, const struct espota_observer *observer,
                         struct espota_error *error)
{
    struct espota_stream_cache *c = b->cache;
    while (!b->base && (b->preparing || c->preparing >= MOST_AT_ONCE)) {
        timed_condition_look(&c->prepared, &c->lock);
        if (espota_observer_cancelled(observer))
            return espota_fail(error, ESPOTA_ERR_CANCELLED, "stopped while another one prepared a base");
    }
    return 0;
}

/* With the lock held, but not meanwhile. */
static int prepare_now(struct espota_stream_base *b, const struct espota_observer *observer,
                       struct espota_error *error)
{
    struct espota_stream_cache *c = b->cache;
    struct espota_base *made = NULL;
    b->preparing = true;
    c->preparing++;
    pthread_mutex_unlock(&c->lock);
    int result = delta_base_make(&made, b->isa, b->old->data, b->old->length, b->image->data,
                                 b->image->length, observer, error);
    pthread_mutex_lock(&c->lock);
    b->base = b->made = made;
    b->preparing = false;
    c->preparing--;
    c->use.bases++;
    pthread_cond_broadcast(&c->prepared);
    return result;
}

/* That one who prepared it was stopped, or failed, says nothing of it: the next one who wants it tries. */
static int prepare(struct espota_stream_base *b, const struct espota_observer *observer,
                   struct espota_error *error)
{
    pthread_mutex_lock(&b->cache->lock);
    int result = wait_for_turn(b, observer, error);
    if (result == 0 && !b->base)
        result = prepare_now(b, observer, error);
    pthread_mutex_unlock(&b->cache->lock);
    return result;
}

int espota_stream_base_open(struct espota_stream_base **base, struct espota_stream_cache *c,
                            const struct espota_stream_base_source *source, struct espota_error *error)
{
    *base = NULL;
    pthread_mutex_lock(&c->lock);
    int result = find_base(base, c, source, error);
    pthread_mutex_unlock(&c->lock);
    if (result == 0)
        result = prepare(*base, source->observer, error);
    if (result != 0) {
        espota_stream_base_close(*base);
        *base = NULL;
    }
    return result;
}

int espota_stream_base_take(struct espota_stream_base **base, struct espota_stream_cache *c,
                            const struct espota_base *prepared, struct espota_error *error)
{
    pthread_mutex_lock(&c->lock);
    struct espota_stream_base *b = c->bases;
    while (b && (b->old || b->base != prepared))
        b = b->next;
    if (b)
        b->users++;
    else if ((b = add_base(c, ESPOTA_ISA_NONE)) != NULL)
        b->base = prepared;
    pthread_mutex_unlock(&c->lock);
    *base = b;
    return b ? 0 : espota_fail_memory(error, "preparing a base");
}

void espota_stream_base_close(struct espota_stream_base *base)
{
    if (!base)
        return;
    struct espota_stream_cache *c = base->cache;
    pthread_mutex_lock(&c->lock);
    stream_base_put(base);
    pthread_mutex_unlock(&c->lock);
}

bool espota_stream_base_helps(const struct espota_stream_base *base)
{
    return espota_base_helps(base->base);
}
