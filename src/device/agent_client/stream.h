/* The bytes that WRITE carries for one stretch of an image: made sector by sector, while earlier ones travel,
 * and forgotten when the agent has them. */
#ifndef ESPOTA_DEVICE_AGENT_CLIENT_STREAM_H
#define ESPOTA_DEVICE_AGENT_CLIENT_STREAM_H

#include "espota/buffer.h"
#include "espota/coder.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/stream_cache.h"

#include <stdbool.h>
#include <stdint.h>

enum client_stream_kind {
    STREAM_RAW,    /* the bytes as they are: every agent takes it */
    STREAM_CHUNKS, /* for an agent with a decoder, at no cost to its CPU: fills, the rest stored */
    STREAM_CODED,  /* by the coder, what the agent's CPU has time for */
    STREAM_BASED,  /* by the coder with a base, all of it */
};

/* What a stream is made from, and for whom. */
struct client_image {
    const uint8_t *data;
    uint32_t length;
    uint32_t at; /* of `data` within the image: 0 where anything is to be coded */
    enum espota_isa isa;
    uint8_t table_log; /* of the decoder's context table */
    struct espota_stream_pace pace;
    struct espota_stream_cache *cache; /* where coded streams come from */
    struct espota_stream_base *base;   /* that those of the kind build on; NULL: none */
    uint32_t base_offset;              /* where it lies in flash */
    uint8_t base_table_log;            /* of the decoder's context table then */
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
};

struct client_sector {
    uint32_t end; /* of its chunk, in the stream */
    bool coded;   /* by the coder */
};

struct client_stream {
    struct espota_extent stretch; /* within the image: whole sectors */
    enum client_stream_kind kind;
    uint8_t number;            /* that its start has */
    struct espota_bytes bytes; /* from `from` of the stream on, as far as it was made */
    uint32_t from;
    struct client_sector *sector; /* those that were made */
    uint32_t made;                /* sectors */
    struct espota_stream_reader *reader;
};

/* Make the stream up to `size` bytes, or to its end. */
int stream_make(struct client_stream *stream, const struct client_image *image, size_t size,
                struct espota_error *error);

/* Bytes of it that were made; and from `offset` of it, which was not forgotten. */
uint32_t stream_size(const struct client_stream *stream);
const uint8_t *stream_bytes(const struct client_stream *stream, uint32_t offset);

/* What lies before `offset` is not asked for again. */
void stream_forget(struct client_stream *stream, uint32_t offset);

/* Is all of it made? */
bool stream_is_whole(const struct client_stream *stream);

/* Sectors whose bytes all lie before `offset` of the stream. */
uint32_t stream_sectors(const struct client_stream *stream, uint32_t offset);

/* Is that sector one for the decoder? */
bool stream_codes(const struct client_stream *stream, uint32_t sector);

/* Sectors that are not made yet: at another pace. */
void stream_set_pace(struct client_stream *stream, const struct client_image *image);

/* Forget what was made: the next byte is the first one, of a stream without its first `sectors`. */
void stream_restart(struct client_stream *stream, uint32_t sectors);

/* Free what was made. */
void stream_end(struct client_stream *stream);

#endif
