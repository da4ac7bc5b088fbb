#include "espota/stream_cache.h"

#include "espota/bytes.h"
#include "espota/encode.h"
#include "espota/error.h"
#include "stream_cache.h"
#include "stream_pace.h"
#include "timed_condition.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR ESPOTA_CODER_SECTOR

enum {
    USUAL_BYTES = 64 << 20,
    ENCODER_BYTES = 640 << 10, /* search for matches and three models, without the literals */
    BASED_BYTES = 320 << 10,   /* more with a base: its map, a model more, and the bits of a sector */
    MOST_ENCODERS = 48,
    CROWDED = 16, /* so many: readers take a stream of another pace too */
};

int espota_stream_cache_new(struct espota_stream_cache **cache, size_t most_bytes, struct espota_error *error)
{
    struct espota_stream_cache *c = calloc(1, sizeof *c);
    *cache = c;
    if (!c || !timed_condition_begin(&c->prepared, &c->lock)) {
        free(c);
        *cache = NULL;
        return espota_fail_memory(error, "sharing streams");
    }
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
    stream_image_put(c, stream->image);
    stream_base_put(stream->base);
    c->use.bytes -= stream->preamble.size;
    espota_bytes_free(&stream->preamble);
    pthread_mutex_destroy(&stream->lock);
    free(stream->chunk);
    free(stream);
}

/* Of those that are not whole, or of all. */
static struct stream *oldest_unread(const struct espota_stream_cache *c, bool unfinished)
{
    struct stream *oldest = NULL;
    for (struct stream *s = c->streams; s; s = s->next)
        if (!s->readers && (!unfinished || s->encoder_bytes > 0) && (!oldest || s->used < oldest->used))
            oldest = s;
    return oldest;
}

static void make_room(struct espota_stream_cache *c)
{
    struct stream *oldest;
    while (c->use.bytes > c->limit && (oldest = oldest_unread(c, false)) != NULL)
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
           s->base == source->base && s->image->length == source->image_length &&
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
                                 uint32_t offset, const struct espota_stream_pace *pace)
{
    size_t whole = (source->image_length + SECTOR - 1) / SECTOR;
    uint32_t sectors = offset / SECTOR < whole ? (uint32_t)(whole - offset / SECTOR) : 0;
    struct stream *s = calloc(1, sizeof *s);
    struct stream_chunk *chunk = calloc(sectors ? sectors : 1, sizeof *chunk);
    struct stream_image *image =
        s && chunk ? stream_image_get(c, source->image, source->image_length, source->sha256) : NULL;
    if (!image) {
        free(s);
        free(chunk);
        return NULL;
    }
    image->users++;
    if (source->base)
        source->base->users++;
    *s = (struct stream){ .next = c->streams,
                          .image = image,
                          .isa = source->isa,
                          .table_log = source->table_log,
                          .base = source->base,
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
    struct stream *s = NULL;
    if (r) {
        *r = (struct espota_stream_reader){ .cache = cache, .pace = *pace, .step = stream_pace_step(pace) };
        pthread_mutex_lock(&cache->lock);
        s = find_stream(cache, source, offset, pace);
        if (!s)
            s = new_stream(cache, source, offset, pace);
        if (s)
            join(cache, s, r);
        pthread_mutex_unlock(&cache->lock);
    }
    *reader = s ? r : NULL;
    if (!s)
        free(r);
    return s ? 0 : espota_fail_memory(error, "encode an image");
}

void espota_stream_close(struct espota_stream_reader *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->cache->lock);
    leave(r->cache, r);
    make_room(r->cache);
    pthread_mutex_unlock(&r->cache->lock);
    espota_bytes_free(&r->scratch);
    free(r);
}

void espota_stream_cache_free(struct espota_stream_cache *c)
{
    if (!c)
        return;
    while (c->streams)
        drop_stream(c, c->streams);
    stream_bases_free(c);
    pthread_cond_destroy(&c->prepared);
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
    struct stream *oldest;
    pthread_mutex_lock(&c->lock);
    while (c->use.encoders >= MOST_ENCODERS && (oldest = oldest_unread(c, true)) != NULL)
        drop_stream(c, oldest);
    bool may = c->use.encoders < MOST_ENCODERS;
    if (may) {
        s->encoder_bytes = ENCODER_BYTES + (size_t)(s->base ? BASED_BYTES : 0) + s->image->length / 4;
        c->use.encoders++;
        charge(c, s->encoder_bytes);
        make_room(c);
    }
    pthread_mutex_unlock(&c->lock);
    return may;
}

enum { WITHOUT = -1 }; /* an encoder: none is to be had */

static int begin(struct espota_stream_reader *r, struct espota_error *error)
{
    struct stream *s = r->stream;
    struct espota_bytes head = { 0 };
    if (!take_encoder(r->cache, s))
        return WITHOUT;
    int result =
        espota_encoder_begin(&s->encoder, s->isa, s->table_log, s->base ? s->base->base : NULL,
                             s->image->data, s->image->length, s->offset, s->sectors * SECTOR, &head, error);
    if (result == 0 && head.data[0] == ESPOTA_STREAM_BASED)
        s->preamble = head;
    else
        espota_bytes_free(&head);
    pthread_mutex_lock(&r->cache->lock);
    charge(r->cache, s->preamble.size);
    pthread_mutex_unlock(&r->cache->lock);
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
    s->chunk[s->made] = (struct stream_chunk){ fitting ? fitting : bytes->data, (uint32_t)bytes->size };
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
    if (s->encoder_bytes == 0) /* it failed */
        return WITHOUT;
    take_pace(r->cache, s);
    if (espota_encoder_sector(s->encoder, &bytes, error) == 1) {
        add_chunk(r->cache, s, &bytes);
        return 0;
    }
    espota_bytes_free(&bytes);
    return (int)error->status;
}

/* The first `sectors`, and the preamble. A stream that failed is nothing for those who come. */
static int make(struct espota_stream_reader *r, uint32_t sectors, struct espota_error *error)
{
    struct stream *s = r->stream;
    pthread_mutex_lock(&s->lock);
    int result = s->made == 0 && s->encoder_bytes == 0 ? begin(r, error) : 0;
    while (result == 0 && s->made < sectors)
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
    const struct stream_image *image = r->stream->image;
    size_t at = r->stream->offset + (size_t)sector * SECTOR, left = image->length - at;
    uint8_t bytes[SECTOR];
    memset(bytes, 0xFF, sizeof bytes);
    memcpy(bytes, image->data + at, left < sizeof bytes ? left : sizeof bytes);
    r->scratch.size = 0;
    return espota_chunk_append_plain(&r->scratch, bytes, error);
}

int espota_stream_preamble(struct espota_stream_reader *r, const uint8_t **preamble, size_t *length,
                           struct espota_error *error)
{
    int result = r->stream->sectors > 0 ? make(r, 0, error) : 0;
    r->plain = r->plain || result == WITHOUT;
    *preamble = r->stream->preamble.data;
    *length = r->plain || result != 0 ? 0 : r->stream->preamble.size;
    return result == WITHOUT ? 0 : result;
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
        result = make(r, sector + 1, error);
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
