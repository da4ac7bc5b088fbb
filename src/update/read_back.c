/* Bases that are read back from devices: which it pays for, and once. */
#include "espota/read_back.h"

#include "digest.h"

#include "espota/clock.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/size.h"
#include "espota/smart_read.h"
#include "espota/table.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SAMPLES = 16,   /* sectors */
    TRIES = 2,      /* of a base: by then it is not the line */
    WITNESSES = 2,  /* devices that name it, before others are taken to */
    LOOK_MS = 200,  /* has the other one read it? */
    SIGN_MS = 1000, /* a device to which nobody speaks ends its session */
    LEAST_PATIENCE_MS = 10000,
};

#define MARGIN 1.2
#define SECTOR ESPOTA_SECTOR_SIZE

/* An image that devices have named. */
struct named {
    struct named *next;
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    size_t devices;
    unsigned failures;
    bool reading, read;
};

struct espota_read_back {
    struct espota_read_back_options options;
    pthread_mutex_t lock; /* of what follows */
    struct named *first;
    size_t asked; /* devices, of all images */
};

int espota_read_back_new(struct espota_read_back **read_back, const struct espota_read_back_options *options,
                         struct espota_error *error)
{
    struct espota_read_back *made = calloc(1, sizeof *made);
    *read_back = NULL;
    if (!made || pthread_mutex_init(&made->lock, NULL) != 0) {
        free(made);
        return espota_fail_memory(error, "reading bases back");
    }
    made->options = *options;
    *read_back = made;
    return 0;
}

void espota_read_back_free(struct espota_read_back *read_back)
{
    if (!read_back)
        return;
    while (read_back->first) {
        struct named *next = read_back->first->next;
        free(read_back->first);
        read_back->first = next;
    }
    pthread_mutex_destroy(&read_back->lock);
    free(read_back);
}

/* NULL: out of memory. Locked. */
static struct named *find_named(struct espota_read_back *r, const uint8_t *sha256)
{
    struct named *n = r->first;
    while (n && memcmp(n->sha256, sha256, sizeof n->sha256) != 0)
        n = n->next;
    if (n || !(n = calloc(1, sizeof *n)))
        return n;
    memcpy(n->sha256, sha256, sizeof n->sha256);
    n->next = r->first;
    r->first = n;
    return n;
}

static uint32_t sample_at(unsigned i, unsigned samples, uint32_t sectors)
{
    return (2 * i + 1) * sectors / (2 * samples) * SECTOR;
}

/* ---- is it worth it? ------------------------------------------------------------------------------------
 */

/* How many are going to have this base: this one, and of those that have not asked yet as many as of those
 * that have. Locked. */
static double expected(const struct espota_read_back *r, const struct named *n)
{
    size_t left = r->options.devices > r->asked ? r->options.devices - r->asked : 0;
    if (n->devices < WITNESSES)
        return 1;
    return 1 + (double)left * (double)n->devices / (double)r->asked;
}

/* One after the other, so many at a time. */
static double turns(const struct espota_read_back *r, double devices)
{
    unsigned at_once = r->options.at_once;
    return at_once == 0 || devices <= at_once ? 1 : devices / at_once;
}

/* A few sectors tell how many are in the image to be sent too, at the same place: those need not travel. */
static int count_differing(struct espota_device *device, const struct espota_base_wanted *w, uint32_t sectors,
                           unsigned samples, unsigned *differing, struct espota_error *error)
{
    struct espota_extent extent[SAMPLES];
    uint8_t digests[SAMPLES * ESPOTA_SHA256_LENGTH], expected[ESPOTA_SHA256_LENGTH];
    size_t size = espota_device_digest_length(device);
    for (unsigned i = 0; i < samples; i++)
        extent[i] = (struct espota_extent){ w->held->offset + sample_at(i, samples, sectors), SECTOR };
    int result = espota_device_digests_of(device, extent, samples, SECTOR, digests, error);
    for (unsigned i = 0; result == 0 && i < samples; i++) {
        result = update_digest_of(device, w->image + sample_at(i, samples, sectors), SECTOR, expected, error);
        *differing += result == 0 && memcmp(digests + i * size, expected, size) != 0;
    }
    return result;
}

/* How many bytes have to travel, at most: more than the samples say. */
static int estimate(struct espota_device *device, const struct espota_base_wanted *w, double *bytes,
                    struct espota_error *error)
{
    uint32_t length = w->held->length,
             sectors = (w->image_length < length ? (uint32_t)w->image_length : length) / SECTOR;
    unsigned samples = sectors < SAMPLES ? sectors : SAMPLES, differing = 0;
    *bytes = length;
    int result = count_differing(device, w, sectors, samples, &differing, error);
    if (result == 0)
        *bytes = length - sectors * (double)SECTOR * (samples - differing) / (samples + 1);
    return result == ESPOTA_ERR_UNSUPPORTED ? 0 : result;
}

static bool pays(const struct espota_read_back *r, struct espota_device *device,
                 const struct espota_base_wanted *w, double bytes, double devices)
{
    double rounds = turns(r, devices), with = bytes * w->costs.read + rounds * w->costs.based,
           without = rounds * w->costs.whole;
    const char *who = devices < 1.5 ? "device" : "devices";
    bool better = with * MARGIN < without;
    if (r->options.always)
        espota_device_note(
            device, "Reading the base back from '%s', 0x%" PRIx32 "+0x%" PRIx32 ": nobody here knows it",
            w->label, w->held->offset, w->held->length);
    else if (better)
        espota_device_note(device,
                           "Reading the base back from '%s', 0x%" PRIx32 "+0x%" PRIx32
                           ": with that, about %.0f %s should take %.1f s, not %.1f",
                           w->label, w->held->offset, w->held->length, devices, who, with, without);
    else
        espota_device_detail(
            device, "the base is not read back: about %.0f %s would take %.1f s with it, %.1f without",
            devices, who, with, without);
    return better || r->options.always;
}

/* ---- reading --------------------------------------------------------------------------------------------
 */

/* Whoever writes meanwhile goes on counting afterwards. */
static int read_flash(struct espota_device *device, const struct espota_base_wanted *w, uint8_t *data,
                      uint32_t *read, struct espota_error *error)
{
    void (*moved)(void *context, uint32_t bytes) = device->moved;
    void *context = device->moved_context;
    struct espota_known alike = { w->image, w->image_length };
    struct espota_smart_read result = { 0 };
    int outcome =
        espota_smart_read_knowing(device, w->held->offset, data, w->held->length, &alike, 1, &result, error);
    device->moved = moved;
    device->moved_context = context;
    *read = result.read;
    return outcome;
}

static void keep(const struct espota_read_back *r, struct espota_device *device,
                 const struct espota_base_wanted *w, struct espota_bytes *bytes)
{
    struct espota_error error;
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    if (r->options.cache &&
        espota_image_cache_add(r->options.cache, w->label, bytes->data, bytes->size, sha256, &error) != 0)
        espota_device_detail(device, "%s is not in the cache: %s", w->label, error.text);
}

/* Is it what the device named? Takes the bytes. */
static int take(struct espota_read_back *r, struct espota_device *device, const struct espota_base_wanted *w,
                struct espota_bytes *bytes, bool *known, struct espota_error *error)
{
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    if (espota_sha256(bytes->data, bytes->size, sha256) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "SHA-256 is not available from the crypto library");
    if (memcmp(sha256, w->held->sha256, sizeof sha256) != 0) {
        espota_device_warn(
            device, "what was read back from '%s' is not the image that the device names: it is no base",
            w->label);
        return 0;
    }
    keep(r, device, w, bytes);
    int result = espota_known_images_add(r->options.known, bytes, error);
    *known = result == 0;
    return result;
}

/* That a device does not let it be read, or reads something else each time, is no reason to fail. */
static int read_base(struct espota_read_back *r, struct espota_device *device,
                     const struct espota_base_wanted *w, bool *known, uint32_t *read,
                     struct espota_error *error)
{
    struct espota_bytes bytes = { .data = calloc(1, w->held->length), .size = w->held->length };
    uint64_t begun = espota_now_ms();
    char size[ESPOTA_SIZE_TEXT];
    if (!bytes.data)
        return espota_fail_memory(error, "reading a base back");
    int result = read_flash(device, w, bytes.data, read, error);
    if (result == 0)
        result = take(r, device, w, &bytes, known, error);
    else if (result == ESPOTA_ERR_UNSUPPORTED || result == ESPOTA_ERR_VERIFY)
        espota_device_note(device, "The base is not read back: %s", error->text);
    else
        espota_fail_while(error, "the base in '%s' was not read back", w->label);
    if (*known)
        espota_device_note(device, "The base was read back in %.1f s: of %s, %" PRIu32 " bytes had to travel",
                           (double)(espota_now_ms() - begun) / 1000, espota_size_text(w->held->length, size),
                           *read);
    espota_bytes_free(&bytes);
    return result == ESPOTA_ERR_UNSUPPORTED || result == ESPOTA_ERR_VERIFY ? 0 : result;
}

/* ---- together -------------------------------------------------------------------------------------------
 */

static bool is_being_read(struct espota_read_back *r, const struct named *n)
{
    pthread_mutex_lock(&r->lock);
    bool reading = n->reading;
    pthread_mutex_unlock(&r->lock);
    return reading;
}

static uint64_t patience_ms(const struct espota_read_back *r, const struct espota_base_wanted *w)
{
    double seconds = r->options.always ? 2 * w->costs.read * w->held->length : w->costs.whole;
    return LEAST_PATIENCE_MS + (uint64_t)(1000 * seconds);
}

/* Another one reads it. The session of this one must not end meanwhile. */
static int wait_for_other(struct espota_read_back *r, struct espota_device *device, const struct named *n,
                          const struct espota_base_wanted *w, struct espota_error *error)
{
    uint64_t begun = espota_now_ms(), heard = begun;
    uint8_t sign[4];
    int result = 0;
    while (result == 0 && is_being_read(r, n) && espota_now_ms() - begun < patience_ms(r, w)) {
        result = espota_device_pause(device, LOOK_MS, error);
        if (result != 0 || espota_now_ms() - heard < SIGN_MS)
            continue;
        result = espota_device_read(device, w->held->offset, sign, sizeof sign, error);
        heard = espota_now_ms();
    }
    return result == ESPOTA_ERR_UNSUPPORTED ? 0 : result;
}

/* @return true: this one is to read it. */
static bool begin(struct espota_read_back *r, struct espota_device *device, struct named *n,
                  const struct espota_base_wanted *w, double bytes)
{
    pthread_mutex_lock(&r->lock);
    bool mine = !n->reading && !n->read && n->failures < TRIES && pays(r, device, w, bytes, expected(r, n));
    n->reading = n->reading || mine;
    pthread_mutex_unlock(&r->lock);
    return mine;
}

static void end(struct espota_read_back *r, struct named *n, bool known)
{
    pthread_mutex_lock(&r->lock);
    n->reading = false;
    n->read = known;
    n->failures += !known;
    pthread_mutex_unlock(&r->lock);
}

int espota_read_back(struct espota_read_back *r, struct espota_device *device,
                     const struct espota_base_wanted *w, uint32_t *read, struct espota_error *error)
{
    bool known = false;
    double bytes = 0;
    *read = 0;
    pthread_mutex_lock(&r->lock);
    struct named *n = find_named(r, w->held->sha256);
    if (n) {
        n->devices++;
        r->asked++;
    }
    pthread_mutex_unlock(&r->lock);
    if (!n)
        return espota_fail_memory(error, "reading a base back");
    int result = wait_for_other(r, device, n, w, error);
    if (result == 0 && !r->options.always)
        result = estimate(device, w, &bytes, error);
    if (result != 0 || !begin(r, device, n, w, bytes))
        return result;
    result = read_base(r, device, w, &known, read, error);
    end(r, n, known);
    return result;
}
