#include "espota/stream_cache.h"

#include "espota/bytes.h"
#include "espota/encode.h"
#include "espota/error.h"
#include "stream_pace.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR ESPOTA_CODER_SECTOR

enum {
    USUAL_BYTES = 64 << 20,
    ENCODER_BYTES = 640 << 10, /* search for matches and two models, without the literals */
    MOST_ENCODERS = 48,
    CROWDED = 16, /* so many: readers take a stream of another pace too */
};

struct image {
    struct image *next;
    const uint8_t *data;
    uint8_t *copy; /* `data`, where the cache keeps it */
    size_t length;
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    unsigned streams;
};

struct chunk {
    uint8_t *data;
    uint32_t length;
};

/* `lock` is held while anything is made, and to free chunks; all but chunks and encoder is the cache's. What
 * is before `made` may be read without a lock by those who have not forgotten it. */
struct stream {
    struct stream *next;
    struct image *image;
    enum espota_isa isa;
    unsigned table_log;
    uint32_t offset, sectors;
    unsigned step; /* of the pace that it was begun for */
    uint32_t window;
    bool closed; /* to those who come: chunks are gone, or it has failed */
    uint64_t used;
    struct espota_stream_reader *readers;
    struct stream_pace_wishes wishes;
    struct espota_stream_pace pace; /* that is wanted now */
    bool new_pace;
    pthread_mutex_t lock;
    struct espota_encoder *encoder;
    size_t encoder_bytes;
    struct chunk *chunk;
    atomic_uint made;
    uint32_t trimmed;
};

struct espota_stream_reader {
    struct espota_stream_reader *next; /* of the same stream */
    struct espota_stream_cache *cache;
    struct stream *stream;
    uint32_t forgotten;
    struct espota_stream_pace pace;
    unsigned step;
    bool plain;
    struct espota_bytes scratch;
    bool owns_cache;
};

struct espota_stream_cache {
    pthread_mutex_t lock; /* taken after a stream's */
    struct image *images;
    struct stream *streams;
    size_t limit;
    uint64_t clock; /* counts uses */
    struct espota_stream_cache_use use;
};

int espota_stream_cache_new(struct espota_stream_cache **cache, size_t most_bytes, struct espota_error *error)
{
    struct espota_stream_cache *c = calloc(1, sizeof *c);
    *cache = c;
    if (!c)
        return espota_fail_memory(error, "sharing streams");
    pthread_mutex_init(&c->lock, NULL); /* with these attributes it cannot fail */
    c->limit = most_bytes ? most_bytes : USUAL_BYTES;
    return 0;
}

struct espota_stream_cache_use espota_stream_cache_used(struct espota_stream_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    struct espota_stream_cache_use use = cache->use;
    pthread_mutex_unlock(&cache->lock);
    return use;
}

/* ---- what is in it; all with the cache's lock
 * ---------------------------------------------------------------- */

static void charge(struct espota_stream_cache *c, size_t bytes)
{
    c->use.bytes += bytes;
    if (c->use.bytes > c->use.most_bytes)
        c->use.most_bytes = c->use.bytes;
}

static void drop_image(struct espota_stream_cache *c, struct image *image)
{
    struct image **at = &c->images;
    while (*at != image)
        at = &(*at)->next;
    *at = image->next;
    free(image->copy);
    free(image);
}

static struct image *add_image(struct espota_stream_cache *c, const struct espota_stream_source *source,
                               bool copies)
{
    struct image *image = calloc(1, sizeof *image);
    if (image && copies)
        image->copy = malloc(source->image_length ? source->image_length : 1);
    if (!image || (copies && !image->copy)) {
        free(image);
        return NULL;
    }
    if (copies && source->image_length > 0)
        memcpy(image->copy, source->image, source->image_length);
    image->data = copies ? image->copy : source->image;
    image->length = source->image_length;
    memcpy(image->sha256, source->sha256, sizeof image->sha256);
    image->next = c->images;
    c->images = image;
    return image;
}

static struct image *find_image(const struct espota_stream_cache *c,
                                const struct espota_stream_source *source)
{
    struct image *image = c->images;
    while (image && (image->length != source->image_length ||
                     memcmp(image->sha256, source->sha256, sizeof image->sha256) != 0))
        image = image->next;
    return image;
}

static void end_encoder(struct espota_stream_cache *c, struct stream *s)
{
    if (s->encoder_bytes == 0)
        return;
    espota_encoder_end(s->encoder);
    s->encoder = NULL;
    c->use.bytes -= s->encoder_bytes;
    c->use.encoders--;
    s->encoder_bytes = 0;
}

/* The chunks up to there. */
static void trim(struct espota_stream_cache *c, struct stream *s, uint32_t end)
{
    for (; s->trimmed < end; s->trimmed++) {
        c->use.bytes -= s->chunk[s->trimmed].length;
        free(s->chunk[s->trimmed].data);
        s->chunk[s->trimmed].data = NULL;
        s->closed = true;
    }
}

/* One that nobody reads. */
static void drop_stream(struct espota_stream_cache *c, struct stream *stream)
{
    struct stream **at = &c->streams;
    while (*at != stream)
        at = &(*at)->next;
    *at = stream->next;
    trim(c, stream, stream->made);
    end_encoder(c, stream);
    if (--stream->image->streams == 0)
        drop_image(c, stream->image);
    pthread_mutex_destroy(&stream->lock);
    free(stream->chunk);
    free(stream);
}

static struct stream *oldest_unread(const struct espota_stream_cache *c)
{
    struct stream *oldest = NULL;
    for (struct stream *s = c->streams; s; s = s->next)
        if (!s->readers && (!oldest || s->used < oldest->used))
            oldest = s;
    return oldest;
}

static void make_room(struct espota_stream_cache *c)
{
    struct stream *oldest;
    while (c->use.bytes > c->limit && (oldest = oldest_unread(c)) != NULL)
        drop_stream(c, oldest);
}

static uint32_t forgotten_by_all(const struct stream *s)
{
    uint32_t least = s->made;
    for (const struct espota_stream_reader *r = s->readers; r; r = r->next)
        if (r->forgotten < least)
            least = r->forgotten;
    return least;
}

/* ---- who reads what
 * ------------------------------------------------------------------------------------------ */

static bool is_of(const struct stream *s, const struct espota_stream_source *source, uint32_t offset)
{
    return !s->closed && s->offset == offset && s->isa == source->isa && s->table_log == source->table_log &&
           s->image->length == source->image_length &&
           memcmp(s->image->sha256, source->sha256, sizeof source->sha256) == 0;
}

/* It was begun for about this pace, and goes on so. */
static bool has_pace(const struct stream *s, const struct espota_stream_pace *pace)
{
    unsigned step = stream_pace_step(pace), now = stream_pace_step(&s->pace);
    return s->step == step && s->window == pace->window && now <= step + 1 && step <= now + 1;
}

static struct stream *find_stream(const struct espota_stream_cache *c,
                                  const struct espota_stream_source *source, uint32_t offset,
                                  const struct espota_stream_pace *pace)
{
    struct stream *other = NULL;
    for (struct stream *s = c->streams; s; s = s->next) {
        if (is_of(s, source, offset) && has_pace(s, pace))
            return s;
        if (is_of(s, source, offset))
            other = s;
    }
    return c->use.encoders >= CROWDED ? other : NULL;
}

static struct stream *new_stream(struct espota_stream_cache *c, const struct espota_stream_source *source,
                                 bool copies, uint32_t offset, const struct espota_stream_pace *pace)
{
    size_t whole = (source->image_length + SECTOR - 1) / SECTOR;
    uint32_t sectors = offset / SECTOR < whole ? (uint32_t)(whole - offset / SECTOR) : 0;
    struct stream *s = calloc(1, sizeof *s);
    struct chunk *chunk = calloc(sectors ? sectors : 1, sizeof *chunk);
    struct image *image = s && chunk ? find_image(c, source) : NULL;
    if (s && chunk && !image)
        image = add_image(c, source, copies);
    if (!image) {
        free(s);
        free(chunk);
        return NULL;
    }
    image->streams++;
    *s = (struct stream){ .next = c->streams,
                          .image = image,
                          .isa = source->isa,
                          .table_log = source->table_log,
                          .offset = offset,
                          .sectors = sectors,
                          .step = stream_pace_step(pace),
                          .window = pace->window,
                          .pace = *pace,
                          .new_pace = true,
                          .chunk = chunk };
    pthread_mutex_init(&s->lock, NULL);
    c->streams = s;
    c->use.streams++;
    return s;
}

/* What its readers want: the only one gets just that. */
static void settle_pace(struct stream *s)
{
    if (!s->readers)
        return;
    struct espota_stream_pace pace =
        s->readers->next ? stream_pace_of_step(stream_pace_median(&s->wishes), s->window) : s->readers->pace;
    s->new_pace = s->new_pace || memcmp(&pace, &s->pace, sizeof pace) != 0;
    s->pace = pace;
}

static void join(struct espota_stream_cache *c, struct stream *s, struct espota_stream_reader *r)
{
    r->stream = s;
    r->next = s->readers;
    s->readers = r;
    s->used = ++c->clock;
    stream_pace_wish(&s->wishes, r->step, 1);
    settle_pace(s);
}

static void leave(struct espota_stream_cache *c, struct espota_stream_reader *r)
{
    struct espota_stream_reader **at = &r->stream->readers;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    r->stream->used = ++c->clock;
    stream_pace_wish(&r->stream->wishes, r->step, -1);
    settle_pace(r->stream);
    if (r->stream->closed && !r->stream->readers)
        drop_stream(c, r->stream);
}

int espota_stream_open(struct espota_stream_reader **reader, struct espota_stream_cache *cache,
                       const struct espota_stream_source *source, uint32_t offset,
                       const struct espota_stream_pace *pace, struct espota_error *error)
{
    struct espota_stream_reader *r = calloc(1, sizeof *r);
    *reader = NULL;
    if (!r || (!cache && espota_stream_cache_new(&r->cache, 0, error) != 0)) {
        free(r);
        return espota_fail_memory(error, "encode an image");
    }
    r->owns_cache = !cache;
    if (cache)
        r->cache = cache;
    r->pace = *pace;
    r->step = stream_pace_step(pace);
    pthread_mutex_lock(&r->cache->lock);
    struct stream *s = find_stream(r->cache, source, offset, pace);
    if (!s)
        s = new_stream(r->cache, source, cache != NULL, offset, pace);
    if (s)
        join(r->cache, s, r);
    pthread_mutex_unlock(&r->cache->lock);
    if (!s) {
        if (r->owns_cache)
            espota_stream_cache_free(r->cache);
        free(r);
        return espota_fail_memory(error, "encode an image");
    }
    *reader = r;
    return 0;
}

void espota_stream_close(struct espota_stream_reader *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->cache->lock);
    leave(r->cache, r);
    make_room(r->cache);
    pthread_mutex_unlock(&r->cache->lock);
    if (r->owns_cache)
        espota_stream_cache_free(r->cache);
    espota_bytes_free(&r->scratch);
    free(r);
}

void espota_stream_cache_free(struct espota_stream_cache *c)
{
    if (!c)
        return;
    while (c->streams)
        drop_stream(c, c->streams);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void espota_stream_forget(struct espota_stream_reader *r, uint32_t sector)
{
    pthread_mutex_lock(&r->cache->lock);
    if (sector > r->forgotten)
        r->forgotten = sector;
    pthread_mutex_unlock(&r->cache->lock);
}

void espota_stream_set_pace(struct espota_stream_reader *r, const struct espota_stream_pace *pace)
{
    struct stream *s = r->stream;
    pthread_mutex_lock(&r->cache->lock);
    stream_pace_wish(&s->wishes, r->step, -1);
    r->pace = *pace;
    r->step = stream_pace_step(pace);
    stream_pace_wish(&s->wishes, r->step, 1);
    settle_pace(s);
    pthread_mutex_unlock(&r->cache->lock);
}

/* ---- making; with the stream's lock
 * -------------------------------------------------------------------------- */

/* May one more encoder be at work? */
static bool take_encoder(struct espota_stream_cache *c, struct stream *s)
{
    pthread_mutex_lock(&c->lock);
    bool may = c->use.encoders < MOST_ENCODERS;
    if (may) {
        s->encoder_bytes = ENCODER_BYTES + s->image->length / 4;
        c->use.encoders++;
        charge(c, s->encoder_bytes);
        make_room(c);
    }
    pthread_mutex_unlock(&c->lock);
    return may;
}

enum { WITHOUT = -1 }; /* an encoder: none is to be had */

/* One that failed in the middle cannot begin there. */
static int begin(struct espota_stream_reader *r, struct espota_error *error)
{
    struct stream *s = r->stream;
    struct espota_bytes head = { 0 };
    if (s->made > 0 || !take_encoder(r->cache, s))
        return WITHOUT;
    int result = espota_encoder_begin(&s->encoder, s->isa, s->table_log, NULL, s->image->data,
                                      s->image->length, s->offset, s->sectors * SECTOR, &head, error);
    espota_bytes_free(&head);
    return result;
}

static void take_pace(struct espota_stream_cache *c, struct stream *s)
{
    pthread_mutex_lock(&c->lock);
    bool news = s->new_pace;
    struct espota_stream_pace pace = s->pace;
    s->new_pace = false;
    pthread_mutex_unlock(&c->lock);
    if (news)
        espota_encoder_pace(s->encoder, pace.line_ns, pace.decode_ns, pace.window);
}

static void add_chunk(struct espota_stream_cache *c, struct stream *s, struct espota_bytes *bytes)
{
    uint8_t *fitting = realloc(bytes->data, bytes->size);
    s->chunk[s->made] = (struct chunk){ fitting ? fitting : bytes->data, (uint32_t)bytes->size };
    pthread_mutex_lock(&c->lock);
    charge(c, bytes->size);
    c->use.sectors_made++;
    s->made++;
    if (s->made == s->sectors)
        end_encoder(c, s);
    make_room(c);
    if (c->use.bytes > c->limit)
        trim(c, s, forgotten_by_all(s));
    pthread_mutex_unlock(&c->lock);
}

static int make_one(struct espota_stream_reader *r, struct espota_error *error)
{
    struct stream *s = r->stream;
    struct espota_bytes bytes = { 0 };
    int result = s->encoder_bytes == 0 ? begin(r, error) : 0;
    if (result != 0)
        return result;
    take_pace(r->cache, s);
    if (espota_encoder_sector(s->encoder, &bytes, error) == 1) {
        add_chunk(r->cache, s, &bytes);
        return 0;
    }
    espota_bytes_free(&bytes);
    return (int)error->status;
}

/* A stream that failed is nothing for those who come. */
static int make(struct espota_stream_reader *r, uint32_t sector, struct espota_error *error)
{
    struct stream *s = r->stream;
    int result = 0;
    pthread_mutex_lock(&s->lock);
    while (result == 0 && s->made <= sector)
        result = make_one(r, error);
    if (result > 0) {
        pthread_mutex_lock(&r->cache->lock);
        s->closed = true;
        end_encoder(r->cache, s);
        pthread_mutex_unlock(&r->cache->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return result;
}

/* Of a sector without an encoder: it costs nobody anything but the line's time. */
static int make_plain(struct espota_stream_reader *r, uint32_t sector, struct espota_error *error)
{
    const struct image *image = r->stream->image;
    size_t at = r->stream->offset + (size_t)sector * SECTOR, left = image->length - at;
    uint8_t bytes[SECTOR];
    memset(bytes, 0xFF, sizeof bytes);
    memcpy(bytes, image->data + at, left < sizeof bytes ? left : sizeof bytes);
    r->scratch.size = 0;
    return espota_chunk_append_plain(&r->scratch, bytes, error);
}

static void count_read(struct espota_stream_reader *r)
{
    pthread_mutex_lock(&r->cache->lock);
    r->cache->use.sectors_read++;
    r->cache->use.sectors_plain += r->plain;
    pthread_mutex_unlock(&r->cache->lock);
}

int espota_stream_chunk(struct espota_stream_reader *r, uint32_t sector, const uint8_t **chunk,
                        size_t *length, struct espota_error *error)
{
    struct stream *s = r->stream;
    int result = 0;
    if (sector >= s->sectors || sector < r->forgotten)
        return espota_fail(error, ESPOTA_ERR_USAGE, "cannot encode sector %u of a stream of %u from %u on",
                           sector, s->sectors, r->forgotten);
    if (!r->plain && s->made <= sector)
        result = make(r, sector, error);
    r->plain = r->plain || result == WITHOUT;
    if (r->plain)
        result = make_plain(r, sector, error);
    if (result != 0)
        return result;
    count_read(r);
    *chunk = r->plain ? r->scratch.data : s->chunk[sector].data;
    *length = r->plain ? r->scratch.size : s->chunk[sector].length;
    return 0;
}
