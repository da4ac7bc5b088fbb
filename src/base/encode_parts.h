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

struct espota_encoder {
    struct coder_sink sink;
    enum espota_isa isa;
    const struct espota_base *base; /* NULL: none */
    struct espota_coder_image around;
    const uint8_t *image;
    size_t image_length;
    uint32_t begin, offset, end;         /* of the stretch; and of what is still to be coded */
    uint32_t line_ns, decode_ns, window; /* the pace, if that is set */
    uint64_t behind_ns; /* so long the decoder works on after the line has brought all so far */
    struct region *region;
    size_t regions, at;
    uint8_t *literals;                    /* of each word of the image */
    struct coder *coder, *saved, *before; /* the latter before a chunk, and before a sector of it */
    uint32_t ahead;                       /* sectors that the last chunk holds beyond that of the last call */
    struct match_finder *finder;
    size_t memory;
    uint8_t chunk[ESPOTA_CODER_SECTOR], rebuilt[ESPOTA_CODER_SECTOR];
    /* where the stream is that of a patch: the patch, how much of it was given, and its next chunk */
    const struct espota_patch *patch;
    size_t given;
    uint32_t next_chunk;
};

/* Take the image apart. @return 0, or -1: no memory. */
int encode_add_regions(struct espota_encoder *e);
/* The part at `offset`: quick where that is near the last one. */
const struct region *encode_region_at(struct espota_encoder *e, uint32_t offset);

#endif
