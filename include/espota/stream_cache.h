/** Coded streams (espota/encode.h) that are made once and read by many: of 200 devices that get an image, the
 * first one that needs a chunk makes it, the others take it.
 *
 * A stream begins at a sector of an image and goes on to the image's end; a device reads as much of it as it
 * needs. Devices share one when image, instruction set, table, first sector and pace are the same; of the
 * pace, which says how much of the image is coded and how much goes as it is, about the same is enough. A
 * stream whose readers turn out to want another one goes on at the median of what they want, so that one that
 * is slow does not make all others wait.
 *
 * Memory stays bounded, whatever the number of readers: streams that nobody reads go first, then of the
 * others what all their readers have behind them. Where too many encoders would be at work, a reader gets
 * chunks that need none.
 *
 * All functions may be called from several threads at once, for a reader from one at a time. */
#ifndef ESPOTA_STREAM_CACHE_H
#define ESPOTA_STREAM_CACHE_H

#pragma GCC visibility push(default)

#include "espota/coder.h"
#include "espota/encode.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/observer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct espota_stream_cache;

/** @param most_bytes  of chunks and encoders, about; 0: 64 MiB. Images come on top, each once, and bases.
 * @return 0 and a cache for espota_stream_cache_free; ESPOTA_ERR_NOMEM. */
int espota_stream_cache_new(struct espota_stream_cache **cache, size_t most_bytes,
                            struct espota_error *error);
/** When all readers are closed. NULL is allowed. */
void espota_stream_cache_free(struct espota_stream_cache *cache);

/** What a cache did so far, and has now. */
struct espota_stream_cache_use {
    uint64_t streams;         /* begun */
    uint64_t sectors_made;    /* coded, or found not to be worth it */
    uint64_t sectors_read;    /* that readers got */
    uint64_t sectors_plain;   /* of them, made without an encoder, as too many were at work */
    size_t bytes, most_bytes; /* of chunks and encoders: now, and at most */
    unsigned encoders;        /* at work now */
    uint64_t bases;           /* prepared */
};
struct espota_stream_cache_use espota_stream_cache_used(struct espota_stream_cache *cache);

/** A line and a decoder, as for espota_encoder_pace. */
struct espota_stream_pace {
    uint32_t line_ns, decode_ns; /* a byte on the line, a byte that comes out of the decoder; not 0 */
    uint32_t window;             /* bytes that may be under way while the decoder works */
};

struct espota_stream_source {
    const uint8_t *image;
    size_t image_length;
    uint8_t sha256[ESPOTA_SHA256_LENGTH]; /* of these bytes: by which a cache knows them */
    enum espota_isa isa;
    unsigned table_log;              /* of the decoder's context table */
    struct espota_stream_base *base; /* of the same cache; NULL: none */
};

/** A base (espota/encode.h) that is prepared once for all devices that hold it. */
struct espota_stream_base;

struct espota_stream_base_source {
    enum espota_isa isa;
    const uint8_t *old; /* as the device has it */
    size_t old_length;
    uint8_t old_sha256[ESPOTA_SHA256_LENGTH];
    const uint8_t *image; /* as in struct espota_stream_source */
    size_t image_length;
    uint8_t image_sha256[ESPOTA_SHA256_LENGTH];
    const struct espota_observer *observer; /* may stop it; NULL: nobody does */
};

/** Prepare it, or wait until another thread has. The cache keeps copies of both images.
 * @return 0 and a base for espota_stream_base_close; ESPOTA_ERR_TOO_BIG where so many are in use that memory
 * would not be bounded: do without one; ESPOTA_ERR_CANCELLED; or as espota_base_new. */
int espota_stream_base_open(struct espota_stream_base **base, struct espota_stream_cache *cache,
                            const struct espota_stream_base_source *source, struct espota_error *error);
/** One that was prepared elsewhere, for the image of the streams that use it; it must outlive the cache. */
int espota_stream_base_take(struct espota_stream_base **base, struct espota_stream_cache *cache,
                            const struct espota_base *prepared, struct espota_error *error);
/** When all readers are opened that are to have it. NULL is allowed. */
void espota_stream_base_close(struct espota_stream_base *base);
/** As espota_base_helps. */
bool espota_stream_base_helps(const struct espota_stream_base *base);

struct espota_stream_reader;

/** Read a stream from `offset` of the image on, whole sectors. The cache keeps a copy of an image that it
 * does not know.
 * @return 0 and a reader for espota_stream_close; ESPOTA_ERR_NOMEM. What is out of range shows at the first
 * chunk. */
int espota_stream_open(struct espota_stream_reader **reader, struct espota_stream_cache *cache,
                       const struct espota_stream_source *source, uint32_t offset,
                       const struct espota_stream_pace *pace, struct espota_error *error);
/** NULL is allowed. */
void espota_stream_close(struct espota_stream_reader *reader);

/** What comes before the chunks of a stream with a base: its head, for all that lies behind its offset, in
 * which the place of the base in flash is to be filled in (espota_stream_set_base), and the map. It stays as
 * it is until the reader is closed. Ask for it before the first chunk where there is a base.
 * @return 0; `*length` 0: the stream has no base, and needs a head of 16 bytes. Else as espota_stream_chunk.
 */
int espota_stream_preamble(struct espota_stream_reader *reader, const uint8_t **preamble, size_t *length,
                           struct espota_error *error);

/** The chunk of a sector, counted from the first one of the stream; not before what espota_stream_forget
 * named. It is the cache's, and stays until espota_stream_forget, espota_stream_close or, for safety, the
 * next call for this reader.
 * @return 0; ESPOTA_ERR_NOMEM, ESPOTA_ERR_USAGE as espota_encoder_begin, also for a sector behind the last
 * one. */
int espota_stream_chunk(struct espota_stream_reader *reader, uint32_t sector, const uint8_t **chunk,
                        size_t *length, struct espota_error *error);
/** The chunks before this sector will not be read again. */
void espota_stream_forget(struct espota_stream_reader *reader, uint32_t sector);
/** Sectors that are not made yet: at another pace. Where others read them too, it is the median that counts.
 */
void espota_stream_set_pace(struct espota_stream_reader *reader, const struct espota_stream_pace *pace);

#pragma GCC visibility pop

#endif
