#include "artifacts.h"

#include "espota/digest.h"
#include "espota/fetch.h"
#include "espota/swu.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { LARGEST = 32 << 20, KEPT_BYTES = 64 << 20, LOOK_MS = 200 };

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
    if (pthread_mutex_init(&a->lock, NULL) != 0 || pthread_cond_init(&a->changed, NULL) != 0) {
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

static struct entry *longest_unused(const struct artifacts *a, size_t *bytes)
{
    struct entry *oldest = NULL;
    *bytes = 0;
    for (struct entry *e = a->entries; e; e = e->next) {
        if (e->state == FETCHING) /* its bytes are another thread's */
            continue;
        *bytes += e->image.size;
        if (e->users == 0 && (!oldest || e->used < oldest->used))
            oldest = e;
    }
    return oldest;
}

static void leave(struct artifacts *a, struct entry *e)
{
    size_t bytes;
    e->used = ++a->uses;
    if (--e->users == 0 && e->state == BROKEN)
        drop(a, e);
    for (struct entry *old; (old = longest_unused(a, &bytes)) != NULL && bytes > KEPT_BYTES;)
        drop(a, old);
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

/* The entry, whether it is new or not; NULL: memory is short. */
static struct entry *find(struct artifacts *a, const struct espota_ddi_artifact *w, bool *is_new)
{
    struct identity wanted = identity_of(w);
    struct entry *e = a->entries;
    while (e && (e->state == BROKEN || e->identity.length != wanted.length ||
                 memcmp(e->identity.hash, wanted.hash, wanted.length) != 0))
        e = e->next;
    *is_new = !e;
    if (!e && (e = calloc(1, sizeof *e)) != NULL) {
        e->identity = wanted;
        e->next = a->entries;
        a->entries = e;
    }
    if (e)
        e->users++;
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
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s has %zu bytes, and the server announced %" PRIu64,
                           w->name, bytes->size, w->size);
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
    bool encrypted = strncasecmp(a->server, "https://", 8) == 0;
    *url = w->url ? w->url : w->plain_url;
    if (encrypted && strncasecmp(*url, "https://", 8) != 0)
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
        .limit = LARGEST,
        .observer = observer,
    };
    if (identity_of(w).length == 0)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "the server gives no hash of %s: it cannot be checked",
                           w->name);
    if (w->size > LARGEST)
        return espota_fail(error, ESPOTA_ERR_TOO_BIG, "%s has %" PRIu64 " bytes: no image for an ESP32 has",
                           w->name, w->size);
    result = espota_fetch_url(url, &options, bytes, error);
    if (result == 0)
        result = check(w, bytes, error);
    return result ? result : unpack(w, bytes, error);
}

/* ---- for callers ----------------------------------------------------------------------------------------
 */

/* With the lock held: until it is there, or broken. */
static int wait_for(struct artifacts *a, const struct entry *e, const struct espota_observer *observer,
                    struct espota_error *error)
{
    while (e->state == FETCHING) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += LOOK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        (void)pthread_cond_timedwait(&a->changed, &a->lock, &until);
        if (espota_observer_cancelled(observer))
            return espota_fail(error, ESPOTA_ERR_CANCELLED, "stopped while waiting for an artifact");
    }
    if (e->state == READY)
        return 0;
    *error = e->error;
    return (int)e->error.status;
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

/* Without the lock: nobody else touches an entry that is being fetched. */
static void fill(struct artifacts *a, struct entry *e, const struct espota_ddi_artifact *w,
                 const char *authorization, const struct espota_observer *observer)
{
    struct espota_error error;
    int result = is_cached(a, w, &e->image) ? 0 : fetch(a, w, authorization, observer, &e->image, &error);
    if (result == 0)
        keep(a, w->name, &e->image);
    pthread_mutex_lock(&a->lock);
    e->state = result == 0 ? READY : BROKEN;
    if (result != 0)
        e->error = error;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

static int get(struct artifacts *a, const struct espota_ddi_artifact *w, const char *authorization,
               const struct espota_observer *observer, const struct espota_bytes **image,
               struct espota_error *error)
{
    bool is_new = false;
    pthread_mutex_lock(&a->lock);
    struct entry *e = find(a, w, &is_new);
    pthread_mutex_unlock(&a->lock);
    if (!e)
        return espota_fail_memory(error, "fetching an artifact");
    if (is_new)
        fill(a, e, w, authorization, observer);
    pthread_mutex_lock(&a->lock);
    int result = wait_for(a, e, observer, error);
    if (result != 0)
        leave(a, e);
    pthread_mutex_unlock(&a->lock);
    *image = result == 0 ? &e->image : NULL;
    return result;
}

/* Where the one that fetched it for all was stopped, another one does. */
int artifacts_get(struct artifacts *a, const struct espota_ddi_artifact *w, const char *authorization,
                  const struct espota_observer *observer, const struct espota_bytes **image,
                  struct espota_error *error)
{
    int result;
    do
        result = get(a, w, authorization, observer, image, error);
    while (result == ESPOTA_ERR_CANCELLED && !espota_observer_cancelled(observer));
    return result;
}
