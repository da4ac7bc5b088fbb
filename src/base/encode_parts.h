/* Inside the encoder: its state, and the parts of the image. */
#ifndef ESPOTA_BASE_ENCODE_PARTS_H
#define ESPOTA_BASE_ENCODE_PARTS_H

#include "base/delta.h"
#include "base/encode_match.h"
#include "espota/encode.h"
#include "format/coder.h"

/* A part of the image: what is coded as one. */
struct region {
    uint32_t offset, length, address;
    uint32_t segments_left;     /* that follow it in its image */
    bool outside, header, code; /* no part of an image; header of a segment; a segment of code */
};

/* An image, taken apart: the same for all of its streams. */
struct encode_parts {
    enum espota_isa isa;
    size_t length;
    struct region *region;
    size_t regions;
    uint8_t *literals; /* of each word: is it data among code? */
    uint64_t *hash;    /* of each sector that is whole */
};

/* What is to be encoded: the arguments of espota_encoder_begin. */
struct encode_job {
    enum espota_isa isa;
    unsigned table_log;
    const struct espota_base *base;
    const uint8_t *image;
    size_t image_length;
    uint32_t offset, length;
    const struct encode_parts *parts; /* of the image, of somebody else; NULL: the encoder makes its own */
};

struct espota_encoder {
    struct coder_sink sink;
    struct coder_record record; /* of the sector that did not fit in a chunk any more: */
    struct coder *behind;       /* the model, that sector coded */
    uint32_t behind_at;         /* its offset; UINT32_MAX: none */
    enum espota_isa isa;
    const struct espota_base *base; /* NULL: none */
    struct espota_coder_image around;
    const uint8_t *image;
    size_t image_length;
    uint32_t begin, offset, end;         /* of the stretch; and of what is still to be coded */
    uint32_t line_ns, decode_ns, window; /* the pace, if that is set */
    uint64_t behind_ns; /* so long the decoder works on after the line has brought all so far */
    const struct encode_parts *parts;
    struct encode_parts own;
    size_t at; /* the region of the last look */
    struct coder *coder;
    struct coder *saved, *before, *foreseen; /* it before a chunk, a sector of it, and a look ahead */
    uint32_t ahead; /* sectors that the last chunk holds beyond that of the last call */
    uint32_t coded; /* so often a sector went through the model */
    struct match_finder *finder;
    size_t memory;
    uint8_t chunk[ESPOTA_CODER_SECTOR], rebuilt[ESPOTA_CODER_SECTOR];
    /* where the stream is that of a patch: the patch, how much of it was given, and its next chunk */
    const struct espota_patch *patch;
    size_t given;
    uint32_t next_chunk;
};

/* Take the image apart; encode_parts_free, whatever it returns. @return 0, or -1: no memory. */
int encode_parts_make(struct encode_parts *parts, enum espota_isa isa, const uint8_t *image, size_t length);
void encode_parts_free(struct encode_parts *parts);
/* Sectors that are the same have the same. */
uint64_t encode_sector_hash(const uint8_t *sector);

/* espota_encoder_begin. */
int encode_begin(struct espota_encoder **encoder, const struct encode_job *job, struct espota_bytes *stream,
                 struct espota_error *error);
/* The head of a stream, flash offset 0 where it has a base. */
int encode_append_head(const struct espota_encoder *e, unsigned table_log, struct espota_bytes *stream,
                       struct espota_error *error);
/* The part at `offset`: quick where that is near the last one. */
const struct region *encode_region_at(struct espota_encoder *e, uint32_t offset);

#endif
