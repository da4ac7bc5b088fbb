/* What a cache of streams is made of (espota/stream_cache.h); shared by its files. */
#ifndef ESPOTA_BASE_STREAM_CACHE_H
#define ESPOTA_BASE_STREAM_CACHE_H

#include "espota/stream_cache.h"
#include "stream_pace.h"

#include "espota/buffer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct stream_image {
    struct stream_image *next;
    uint8_t *data;
    size_t length;
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    unsigned users; /* streams and bases */
};

/* All of it is the cache's, but what is prepared while `preparing`. */
struct espota_stream_base {
    struct espota_stream_base *next;
    struct espota_stream_cache *cache;
    enum espota_isa isa;
    struct stream_image *old, *image; /* NULL: prepared elsewhere */
    unsigned users;                   /* who opened it, and streams */
    uint64_t used;
    bool preparing;
    struct espota_base *made;
    const struct espota_base *base;
};

struct stream_chunk {
    uint8_t *data;
    uint32_t length;
};

/* `lock` is held while anything is made, and to free chunks; all but chunks and encoder is the cache's. What
 * is before `made` may be read without a lock by those who have not forgotten it. */
struct stream {
    struct stream *next;
    struct stream_image *image;
    enum espota_isa isa;
    unsigned table_log;
    struct espota_stream_base *base;
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
    struct espota_bytes preamble;
    struct stream_chunk *chunk;
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
};

struct espota_stream_cache {
    pthread_mutex_t lock; /* taken after a stream's */
    struct stream_image *images;
    struct stream *streams;
    struct espota_stream_base *bases;
    unsigned preparing;      /* bases, now */
    pthread_cond_t prepared; /* or failed */
    size_t limit;
    uint64_t clock; /* counts uses */
    struct espota_stream_cache_use use;
};

/* With the cache's lock. The image by its SHA-256; else a new one, without users. NULL: no memory. */
struct stream_image *stream_image_get(struct espota_stream_cache *c, const uint8_t *data, size_t length,
                                      const uint8_t sha256[ESPOTA_SHA256_LENGTH]);
/* It has a user less. */
void stream_image_put(struct espota_stream_cache *c, struct stream_image *image);

/* The same of a base. */
void stream_base_put(struct espota_stream_base *base);
/* Those that nobody uses. */
void stream_bases_free(struct espota_stream_cache *c);

#endif
