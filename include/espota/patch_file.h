/** A patch in a file: what an agent that holds one image, the base, needs to rebuild another one. The file is
 * a head and the coded stream of the whole image as it travels; firmware/PROTOCOL.md, "Patch files".
 *
 * Pure code: no allocation, no I/O, no globals. Nothing in a file is believed: parsing walks all of it once.
 * That its parts fit together says nothing of what comes of it: that is told by the SHA-256 of the image. */
#ifndef ESPOTA_PATCH_FILE_H
#define ESPOTA_PATCH_FILE_H

#pragma GCC visibility push(default)

#include "espota/coder.h"
#include "espota/hash.h"

#include <stddef.h>
#include <stdint.h>

#define ESPOTA_PATCH_MAGIC                                                                                   \
    "espota patch\r\n\x1a\n" /* 16 bytes, without the terminator: no text survives it */
#define ESPOTA_PATCH_VERSION   2u
#define ESPOTA_PATCH_HEAD_SIZE 112u
/* Behind the stream, of each of its chunks: how many sectors it is for. */
#define ESPOTA_PATCH_COUNT_SIZE 2u

struct espota_patch_head {
    enum espota_isa isa;
    unsigned table_log; /* of the context table that the decoder has to have */
    uint16_t chip_id;   /* as in the headers of both images */
    uint32_t base_length, image_length;
    uint8_t base_sha256[ESPOTA_SHA256_LENGTH], image_sha256[ESPOTA_SHA256_LENGTH];
    uint32_t stream_length, map_length; /* of the map's chunks, in the stream */
    uint32_t crc;                       /* of all that follows the head */
};

struct espota_patch {
    struct espota_patch_head head;
    /* both in the file */
    const uint8_t *stream;  /* head, base, map, chunks: head.stream_length bytes */
    const uint8_t *sectors; /* of each chunk, how many it is for: espota_patch_sectors */
    uint32_t chunks;
    uint32_t kinds[4]; /* chunks of each kind */
};

enum espota_patch_verdict {
    ESPOTA_PATCH_OK = 0,
    ESPOTA_PATCH_NO_MAGIC,  /* no patch file */
    ESPOTA_PATCH_UNKNOWN,   /* of a later version, or with another table than any decoder has */
    ESPOTA_PATCH_TRUNCATED, /* it ends too early, or has more behind it */
    ESPOTA_PATCH_DAMAGED,   /* a CRC is wrong */
    ESPOTA_PATCH_MALFORMED, /* head and stream contradict each other, or the stream is none */
};

/** Parse a whole file. `patch` points into it. Bases and images of 2 GB and more are malformed. */
enum espota_patch_verdict espota_patch_parse(struct espota_patch *patch, const uint8_t *file, size_t size);

/** How many sectors a chunk behind the map is for: at least one. `chunk` is below patch->chunks. */
uint32_t espota_patch_sectors(const struct espota_patch *patch, uint32_t chunk);

/** Write the head of a file whose stream follows. */
void espota_patch_put_head(const struct espota_patch_head *head, uint8_t out[ESPOTA_PATCH_HEAD_SIZE]);

/** Bytes of the chunk that begins a stream's `left` bytes at `at`, its word included; 0 where there is no
 * whole one.
 */
size_t espota_stream_chunk_size(const uint8_t *at, size_t left);

#pragma GCC visibility pop

#endif
