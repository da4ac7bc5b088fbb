#include "artifacts.h"

#include "base/timed_condition.h"
#include "espota/address.h"
#include "espota/digest.h"
#include "espota/fetch.h"
#include "espota/size.h"
#include "espota/swu.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 32 << 20, ALL_BYTES = 64 << 20 };

enum state { FETCHING, READY, BROKEN };

/* The strongest hash that the server gives; all zeros: none. */
struct identity {
    uint8_t hash[ESPOTA_SHA256_LENGTH];
    size_t length;
};

struct entry {
    struct espota_bytes image; /* first: it is what callers hold */
    struct entry *next;
    struct identity identity;
    enum state state;
    size_t announced; /* bytes that it takes while it is fetched */
    unsigned users;
    uint64_t used; /* the higher, the later */
    struct espota_error error;
};

struct artifacts {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const char *server, *certificate;
    struct espota_image_cache *cache;
    struct entry *entries;
    uint64_t uses;
};

struct artifacts *artifacts_new(const char *server, const char *certificate, struct espota_image_cache *cache)
{
    struct artifacts *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->server = server;
    a->certificate = certificate;
    a->cache = cache;
    if (!timed_condition_begin(&a->changed, &a->lock)) {
        free(a);
        return NULL;
    }
    return a;
}

static void free_entry(struct entry *e)
{
    espota_bytes_free(&e->image);
    free(e);
}

void artifacts_free(struct artifacts *a)
{
    if (!a)
        return;
    while (a->entries) {
        struct entry *e = a->entries;
        a->entries = e->next;
        free_entry(e);
    }
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

/* ---- what is kept, with the lock held -------------------------------------------------------------------
 */

static struct identity identity_of(const struct espota_ddi_artifact *w)
{
    struct identity id = { .length = 0 };
    const uint8_t *hash = w->has_sha256 ? w->sha256 : w->has_sha1 ? w->sha1 : w->md5;
    id.length = w->has_sha256 ? sizeof w->sha256
                : w->has_sha1 ? sizeof w->sha1
                : w->has_md5  ? sizeof w->md5
                              : 0;
    memcpy(id.hash, hash, id.length);
    return id;
}

static void drop(struct artifacts *a, struct entry *gone)
{
    struct entry **at = &a->entries;
    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
    free_entry(gone);
}

/* `*bytes` are those of all. */
static struct entry *longest_unused(const struct artifacts *a, size_t *bytes)
{
    struct entry *oldest = NULL;
    *bytes = 0;
    for (struct entry *e = a->entries; e; e = e->next) {
        *bytes += e->state == FETCHING ? e->announced : e->image.size;
        if (e->users == 0 && (!oldest || e->used < oldest->used))
            oldest = e;
    }
    return oldest;
}

/* Is there room for so many bytes more, once nothing is kept that nobody uses? */
static bool make_room(struct artifacts *a, size_t more)
{
    struct entry *old;
    size_t bytes;
    while ((old = longest_unused(a, &bytes)) != NULL && bytes + more > ALL_BYTES)
        drop(a, old);
    return bytes + more <= ALL_BYTES;
}

static void leave(struct artifacts *a, struct entry *e)
{
    e->used = ++a->uses;
    if (--e->users == 0 && e->state == BROKEN)
        drop(a, e);
    pthread_cond_broadcast(&a->changed); /* there may be room now */
}

void artifacts_release(struct artifacts *a, const struct espota_bytes *image)
{
    pthread_mutex_lock(&a->lock);
    for (struct entry *e = a->entries; e; e = e->next)
        if (&e->image == image) {
            leave(a, e);
            break;
        }
    pthread_mutex_unlock(&a->lock);
}

static struct entry *find(const struct artifacts *a, const struct espota_ddi_artifact *w)
{
    struct identity wanted = identity_of(w);
    struct entry *e = a->entries;
    while (e && (e->state == BROKEN || e->identity.length != wanted.length ||
                 memcmp(e->identity.hash, wanted.hash, wanted.length) != 0))
        e = e->next;
    return e;
}

static size_t announced(const struct espota_ddi_artifact *w)
{
    return w->size > 0 && w->size < LARGEST ? (size_t)w->size : LARGEST;
}

/* NULL: memory is short. */
static struct entry *add(struct artifacts *a, const struct espota_ddi_artifact *w)
{
    struct entry *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->identity = identity_of(w);
    e->announced = announced(w);
    e->next = a->entries;
    a->entries = e;
    return e;
}

/* ---- fetching -------------------------------------------------------------------------------------------
 */

static bool is_hash(const EVP_MD *kind, const struct espota_bytes *bytes, const uint8_t *expected)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    return EVP_Digest(bytes->data, bytes->size, digest, &length, kind, NULL) == 1 &&
           memcmp(digest, expected, length) == 0;
}

static int check(const struct espota_ddi_artifact *w, const struct espota_bytes *bytes,
                 struct espota_error *error)
{
    const struct identity id = identity_of(w);
    const EVP_MD *kind = w->has_sha256 ? EVP_sha256() : w->has_sha1 ? EVP_sha1() : EVP_md5();
    if (w->size != 0 && w->size != bytes->size)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s has %zu byte%s, and the server announced %" PRIu64,
                           w->name, bytes->size, ESPOTA_PLURAL(bytes->size), w->size);
    if (!is_hash(kind, bytes, id.hash))
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s has another hash than the server announced",
                           w->name);
    return 0;
}

/* The image of an archive, in its place. */
static int unpack(const struct espota_ddi_artifact *w, struct espota_bytes *bytes, struct espota_error *error)
{
    struct espota_bytes image = { 0 };
    if (!espota_swu_is(bytes->data, bytes->size))
        return 0;
    if (espota_swu_image(bytes, &image, error) != 0) {
        espota_bytes_free(&image);
        return espota_fail_while(error, "%s", w->name);
    }
    espota_bytes_free(bytes);
    *bytes = image;
    return 0;
}

/* What began encrypted stays so: plain http only where the server itself is reached by it. */
static int address_of(const struct artifacts *a, const struct espota_ddi_artifact *w, const char **url,
                      struct espota_error *error)
{
    bool encrypted = espota_address_after(a->server, "https://") != NULL;
    *url = w->url ? w->url : w->plain_url;
    if (encrypted && !espota_address_after(*url, "https://"))
        return espota_fail(
            error, ESPOTA_ERR_VERIFY,
            "the server, which is reached by https, offers %s by http alone: that is not taken", w->name);
    return 0;
}

static int fetch(struct artifacts *a, const struct espota_ddi_artifact *w, const char *authorization,
                 const struct espota_observer *observer, struct espota_bytes *bytes,
                 struct espota_error *error)
{
    const char *url = NULL;
    int result = address_of(a, w, &url, error);
    if (result != 0)
        return result;
    const struct espota_fetch_options options = {
        .certificate = a->certificate,
        .authorization = espota_fetch_same_server(a->server, url) ? authorization : NULL,
        .limit = announced(w),
        .observer = observer,
    };
    if (identity_of(w).length == 0)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "the server gives no hash of %s: it cannot be checked",
                           w->name);
    result = espota_fetch_url(url, &options, bytes, error);
    if (result == 0)
        result = check(w, bytes, error);
    return result ? result : unpack(w, bytes, error);
}

/* Was it fetched before? The cache knows images by their SHA-256, and vouches for them by it. */
static bool is_cached(struct artifacts *a, const struct espota_ddi_artifact *w, struct espota_bytes *image)
{
    enum espota_image_cache_answer answer = ESPOTA_IMAGE_ABSENT;
    struct espota_error ignored;
    return a->cache && w->has_sha256 &&
           espota_image_cache_get(a->cache, w->sha256, &answer, image, &ignored) == 0 &&
           answer == ESPOTA_IMAGE_CACHED;
}

static void keep(struct artifacts *a, const char *name, const struct espota_bytes *image)
{
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    struct espota_error ignored; /* it is fetched again another time, then */
    if (a->cache)
        (void)espota_image_cache_add(a->cache, name, image->data, image->size, sha256, &ignored);
}

static void end_fetching(struct artifacts *a, struct entry *e, const struct espota_error *error)
{
    pthread_mutex_lock(&a->lock);
    e->state = error ? BROKEN : READY;
    if (error) {
        e->error = *error;
        espota_bytes_free(&e->image);
    }
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

/* Without the lock: nobody else touches an entry that is being fetched. */
static int fill(struct artifacts *a, struct entry *e, const struct espota_ddi_artifact *w,
                const char *authorization, const struct espota_observer *observer, struct espota_error *error)
{
    int result = 0;
    if (!is_cached(a, w, &e->image)) {
        result = fetch(a, w, authorization, observer, &e->image, error);
        if (result == 0)
            keep(a, w->name, &e->image);
    }
    end_fetching(a, e, result == 0 ? NULL : error);
    return result;
}

/* ---- several at once ------------------------------------------------------------------------------------
 */

/* Those that one caller wants. */
struct claim {
    struct entry *entry[ESPOTA_DDI_ARTIFACTS];
    bool mine[ESPOTA_DDI_ARTIFACTS]; /* to be fetched by this caller */
};

/* With the lock held: all of them, or, where there is no room now, none. */
static bool try_claim(struct artifacts *a, const struct artifacts_wanted *wanted, struct claim *claim)
{
    size_t more = 0;
    for (size_t i = 0; i < wanted->count; i++) {
        claim->entry[i] = find(a, wanted->artifact[i]);
        claim->mine[i] = false;
        if (claim->entry[i])
            claim->entry[i]->users++;
        else
            more += announced(wanted->artifact[i]);
    }
    bool room = make_room(a, more);
    for (size_t i = 0; i < wanted->count; i++) {
        if (!room && claim->entry[i])
            claim->entry[i]->users--;
        if (!room || claim->entry[i])
            continue;
        claim->entry[i] = find(a, wanted->artifact[i]); /* one may be wanted twice */
        claim->mine[i] = !claim->entry[i];
        if (!claim->entry[i])
            claim->entry[i] = add(a, wanted->artifact[i]);
        if (claim->entry[i])
            claim->entry[i]->users++;
    }
    return room;
}

/* With the lock held: until something changes, or it is time to look. */
static int wait_a_while(struct artifacts *a, const struct espota_observer *observer,
                        struct espota_error *error)
{
    timed_condition_look(&a->changed, &a->lock);
    if (espota_observer_cancelled(observer))
        return espota_fail(error, ESPOTA_ERR_CANCELLED, "stopped while waiting for an artifact");
    return 0;
}

/* Whoever waits for room holds nothing: so nobody waits for ever. */
static int claim_all(struct artifacts *a, const struct artifacts_wanted *wanted,
                     const struct espota_observer *observer, struct claim *claim, struct espota_error *error)
{
    int result = 0;
    pthread_mutex_lock(&a->lock);
    while (result == 0 && !try_claim(a, wanted, claim))
        result = wait_a_while(a, observer, error);
    pthread_mutex_unlock(&a->lock);
    return result;
}

/* Those that nobody else fetches. What is not fetched after all is left to whoever waits for it. */
static int fill_mine(struct artifacts *a, const struct artifacts_wanted *wanted,
                     const struct espota_observer *observer, const struct claim *claim,
                     struct espota_error *error)
{
    struct espota_error left;
    int result = 0;
    espota_fail(&left, ESPOTA_ERR_CANCELLED, "not fetched");
    for (size_t i = 0; i < wanted->count; i++) {
        if (!claim->entry[i] && result == 0)
            result = espota_fail_memory(error, "fetching an artifact");
        if (claim->mine[i] && claim->entry[i] && result == 0)
            result = fill(a, claim->entry[i], wanted->artifact[i], wanted->authorization, observer, error);
        else if (claim->mine[i] && claim->entry[i])
            end_fetching(a, claim->entry[i], &left);
    }
    return result;
}

/* With the lock held: until it is there, or broken. */
static int wait_for(struct artifacts *a, const struct entry *e, const struct espota_observer *observer,
                    struct espota_error *error)
{
    int result = 0;
    while (result == 0 && e->state == FETCHING)
        result = wait_a_while(a, observer, error);
    if (result != 0 || e->state == READY)
        return result;
    *error = e->error;
    return (int)e->error.status;
}

/* `*others`: it was somebody else who did not get one. */
static int get(struct artifacts *a, const struct artifacts_wanted *wanted,
               const struct espota_observer *observer, const struct espota_bytes **image, bool *others,
               struct espota_error *error)
{
    struct claim claim;
    int result = claim_all(a, wanted, observer, &claim, error);
    if (result != 0)
        return result;
    result = fill_mine(a, wanted, observer, &claim, error);
    *others = result == 0;
    pthread_mutex_lock(&a->lock);
    for (size_t i = 0; result == 0 && i < wanted->count; i++)
        result = wait_for(a, claim.entry[i], observer, error);
    for (size_t i = 0; i < wanted->count; i++) {
        image[i] = result == 0 ? &claim.entry[i]->image : NULL;
        if (result != 0 && claim.entry[i])
            leave(a, claim.entry[i]);
    }
    pthread_mutex_unlock(&a->lock);
    return result;
}

/* ---- for callers ----------------------------------------------------------------------------------------
 */

static int check_sizes(const struct artifacts_wanted *wanted, struct espota_error *error)
{
    uint64_t all = 0;
    for (size_t i = 0; i < wanted->count; i++) {
        const struct espota_ddi_artifact *w = wanted->artifact[i];
        if (w->size > LARGEST)
            return espota_fail(error, ESPOTA_ERR_TOO_BIG,
                               "%s has %" PRIu64 " bytes: no image for an ESP32 has", w->name, w->size);
        all += announced(w);
    }
    if (all > ALL_BYTES)
        return espota_fail(error, ESPOTA_ERR_TOO_BIG,
                           "the images of the deployment take %" PRIu64
                           " MiB: at most %d can be held at once; "
                           "give each kind of device a deployment of its own",
                           (all + (1 << 20) - 1) >> 20, ALL_BYTES >> 20);
    return 0;
}

/* Somebody else may have failed for a reason of its own: its token, its end. */
static bool may_do_better(int result)
{
    return result != 0 && result != ESPOTA_ERR_VERIFY && result != ESPOTA_ERR_TOO_BIG;
}

/* Where the one that fetched for all was stopped, another one does; where it failed, each tries once. */
int artifacts_get(struct artifacts *a, const struct artifacts_wanted *wanted,
                  const struct espota_observer *observer, const struct espota_bytes **image,
                  struct espota_error *error)
{
    bool again = true, tried = false;
    int result = check_sizes(wanted, error);
    if (result != 0)
        return result;
    while (again) {
        bool others = false;
        result = get(a, wanted, observer, image, &others, error);
        again = others && may_do_better(result) && !espota_observer_cancelled(observer) &&
                (result == ESPOTA_ERR_CANCELLED || !tried);
        tried = tried || result != ESPOTA_ERR_CANCELLED;
    }
    return result;
}
