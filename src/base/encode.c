/* Encoding: the coder's model run over an image that is known. */
#include "espota/encode.h"

#include "base/delta.h"
#include "base/encode_match.h"
#include "espota/bytes.h"
#include "format/coder.h"

#include <stdlib.h>
#include <string.h>

#define SECTOR       ESPOTA_CODER_SECTOR
#define IMAGE_MAGIC  0xE9u
#define IMAGE_HEADER 24u
#define MAX_SEGMENTS 16u

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
    uint8_t *literals; /* of each word of the image */
    struct coder *coder, *saved;
    struct match_finder *finder;
    size_t memory;
    uint8_t chunk[SECTOR], rebuilt[SECTOR];
};

/* ---- the image's parts
 * ----------------------------------------------------------------------------------------- */
static int add_region(struct espota_encoder *e, struct region region)
{
    struct region *grown = realloc(e->region, (e->regions + 1) * sizeof *grown);
    if (grown == NULL)
        return -1;
    e->region = grown;
    e->region[e->regions++] = region;
    return 0;
}

static const struct coder_isa *isa_of(const struct espota_encoder *e)
{
    return e->isa == ESPOTA_ISA_XTENSA  ? &coder_isa_xtensa
           : e->isa == ESPOTA_ISA_RISCV ? &coder_isa_riscv
                                        : NULL;
}

/* Whole segments that an image at `offset` has, up to the first that does not fit. */
static unsigned count_segments(const struct espota_encoder *e, size_t offset)
{
    const uint8_t *header = e->image + offset;
    if (e->image_length - offset < IMAGE_HEADER || header[0] != IMAGE_MAGIC || header[1] == 0 ||
        header[1] > MAX_SEGMENTS)
        return 0;
    size_t at = offset + IMAGE_HEADER;
    for (unsigned i = 0; i < header[1]; i++) {
        if (e->image_length - at < 8 || espota_get_le32(e->image + at + 4) > e->image_length - at - 8)
            return i;
        at += 8 + espota_get_le32(e->image + at + 4);
    }
    return header[1];
}

static int add_segment(struct espota_encoder *e, uint32_t at, uint32_t left)
{
    struct region header = { .offset = at, .length = 8, .segments_left = left, .header = true };
    struct region data = { .offset = at + 8, .segments_left = left };
    data.address = espota_get_le32(e->image + at);
    data.length = espota_get_le32(e->image + at + 4);
    const struct coder_isa *isa = isa_of(e);
    data.code = isa != NULL && isa->holds_code(data.address);
    if (data.code && isa->is_code != NULL)
        data.code = isa->is_code(e->image + data.offset, data.length);
    if (data.code && data.offset % 4 == 0)
        isa->mark_literals(e->image + data.offset, data.length, data.address, e->literals + data.offset / 4);
    return add_region(e, header) != 0 || add_region(e, data) != 0 ? -1 : 0;
}

/* The parts of an image at `*at`, which moves behind them. */
static int add_image(struct espota_encoder *e, uint32_t *at, unsigned segments)
{
    int bad =
        add_region(e, (struct region){ .offset = *at, .length = IMAGE_HEADER, .segments_left = segments });
    *at += IMAGE_HEADER;
    for (unsigned left = segments; left > 0 && bad == 0; left--) {
        bad = add_segment(e, *at, left - 1);
        *at += 8 + espota_get_le32(e->image + *at + 4);
    }
    return bad;
}

/* Images begin at sectors; between them is something else. */
static int add_regions(struct espota_encoder *e)
{
    uint32_t at = 0, length = (uint32_t)e->image_length;
    while (at < length) {
        unsigned segments = at % SECTOR == 0 ? count_segments(e, at) : 0;
        if (segments > 0) {
            if (add_image(e, &at, segments) != 0)
                return -1;
            continue;
        }
        uint32_t next = (at | (SECTOR - 1)) + 1;
        while (next < length && count_segments(e, next) == 0)
            next += SECTOR;
        if (add_region(e, (struct region){ .offset = at, .length = next - at, .outside = true }) != 0)
            return -1;
        at = next;
    }
    return add_region(e, (struct region){ .offset = at, .length = UINT32_MAX - at, .outside = true });
}

static const struct region *region_at(struct espota_encoder *e, uint32_t offset)
{
    while (offset < e->region[e->at].offset)
        e->at--;
    while (offset - e->region[e->at].offset >= e->region[e->at].length)
        e->at++;
    return &e->region[e->at];
}

/* ---- one sector
 * ------------------------------------------------------------------------------------------------ */
static uint8_t byte_at(const struct espota_encoder *e, size_t offset)
{
    return offset < e->image_length ? e->image[offset] : 0xFF;
}

static void look(struct coder *coder)
{
    struct espota_encoder *e = (struct espota_encoder *)(void *)coder->sink;
    uint32_t offset = coder->place.offset + coder->filled;
    const struct region *region = region_at(e, offset);
    for (unsigned i = 0; i < CODER_UNIT_MAX; i++)
        coder->actual[i] = byte_at(e, offset + i);
    coder->actual_code = region->code;
    coder->actual_literal = offset % 4 == 0 && offset < e->image_length && e->literals[offset / 4] != 0;
}

static void find(struct coder *coder)
{
    struct espota_encoder *e = (struct espota_encoder *)(void *)coder->sink;
    uint32_t offset = coder->place.offset + coder->filled;
    if (offset < e->image_length)
        match_finder_look(e->finder, coder, e->image, offset, e->image_length);
    else
        coder->actual_match.length = 0;
}

/* The place of `offset`, in the sector to be coded. */
static struct coder_place place_at(struct espota_encoder *e, uint32_t offset)
{
    const struct region *region = region_at(e, offset);
    uint32_t into = offset - region->offset;
    struct coder_place place = { .offset = e->offset, .left = UINT32_MAX };
    if (region->outside || (region->header && into != 0))
        return place;
    place.segments_left = region->segments_left + (region->header ? 1u : 0);
    place.left = region->header ? 0 : region->length - into;
    place.address = region->address + (region->address != 0 ? into : 0);
    return place;
}

/* Does the decoder, where it goes on, know the place? */
static bool knows(const struct coder *coder, const struct coder_place *place)
{
    const struct coder_place *its = &coder->place;
    if (its->offset != place->offset)
        return false;
    if (coder->in_header)
        return true;
    if (place->left == UINT32_MAX)
        return its->segments_left == 0 && (its->left == 0 || its->left > UINT32_MAX / 2);
    return its->left == place->left && its->segments_left == place->segments_left &&
           (its->address == place->address || place->address == 0);
}

static void begin_chunk(struct espota_encoder *e)
{
    e->sink.size = e->sink.pending = 0;
    e->sink.low = 0;
    e->sink.holds = false;
    e->coder->range = UINT32_MAX;
}

/* Code the sector. @return the chunk's size; beyond its capacity where the model does not help. */
static size_t code_sector(struct espota_encoder *e)
{
    struct coder *coder = e->coder;
    uint32_t over = coder->place.offset == e->offset ? coder->filled : 0;
    struct coder_place goes_on = place_at(e, e->offset + over), anew = place_at(e, e->offset);
    begin_chunk(e);
    coder_sector(coder, e->rebuilt, knows(coder, &goes_on) ? NULL : &anew);
    coder_encode_end(coder);
    return e->sink.size;
}

/* ---- chunks
 * ---------------------------------------------------------------------------------------------------- */
static int append_word(struct espota_bytes *stream, unsigned kind, size_t length, struct espota_error *error)
{
    uint8_t word[2];
    espota_put_le16(word, (uint16_t)(kind << 14 | length));
    return espota_bytes_append(stream, word, sizeof word, error);
}

static int append_chunk(struct espota_bytes *stream, unsigned kind, const void *data, size_t size,
                        struct espota_error *error)
{
    int status = append_word(stream, kind, kind == ESPOTA_CHUNK_CODED ? size : 0, error);
    return status != 0 ? status : espota_bytes_append(stream, data, size, error);
}

bool espota_chunk_is_fill(const uint8_t *sector)
{
    return memcmp(sector, sector + 1, SECTOR - 1) == 0;
}

int espota_chunk_append_plain(struct espota_bytes *stream, const uint8_t *sector, struct espota_error *error)
{
    bool fill = espota_chunk_is_fill(sector);
    return append_chunk(stream, fill ? ESPOTA_CHUNK_FILL : ESPOTA_CHUNK_STORED, sector, fill ? 1 : SECTOR,
                        error);
}

/* By the model, unless that does not help: then it is as if it had never seen the sector. */
static int append_coded(struct espota_encoder *e, const uint8_t *sector, struct espota_bytes *stream,
                        struct espota_error *error)
{
    memcpy(e->saved, e->coder, e->memory);
    size_t size = code_sector(e);
    if (size < SECTOR && memcmp(e->rebuilt, sector, SECTOR) == 0)
        return append_chunk(stream, ESPOTA_CHUNK_CODED, e->chunk, size, error);
    memcpy(e->coder, e->saved, e->memory);
    return append_chunk(stream, ESPOTA_CHUNK_STORED, sector, SECTOR, error);
}

/* Would the line go on while the decoder works on this sector too? */
static bool keeps_up(const struct espota_encoder *e)
{
    return e->behind_ns + (uint64_t)e->decode_ns * SECTOR <= (uint64_t)e->line_ns * e->window;
}

static void account(struct espota_encoder *e, size_t sent, bool coded)
{
    uint64_t line = (uint64_t)e->line_ns * sent;
    e->behind_ns += coded ? (uint64_t)e->decode_ns * SECTOR : 0;
    e->behind_ns -= e->behind_ns < line ? e->behind_ns : line;
}

void espota_encoder_pace(struct espota_encoder *e, uint32_t line_ns, uint32_t decode_ns, uint32_t window)
{
    e->window = window;
    e->line_ns = line_ns;
    e->decode_ns = decode_ns;
    e->behind_ns = 0;
}

/* Where in this stretch the sector was before. @return its offset, or that of the sector itself. */
static uint32_t earlier(const struct espota_encoder *e, const uint8_t *sector)
{
    uint32_t at = e->begin;
    while (at < e->offset && memcmp(e->image + at, sector, SECTOR) != 0)
        at += SECTOR;
    return at;
}

static int append_sector(struct espota_encoder *e, const uint8_t *sector, struct espota_bytes *stream,
                         struct espota_error *error)
{
    uint8_t from[4];
    if (espota_chunk_is_fill(sector))
        return espota_chunk_append_plain(stream, sector, error);
    uint32_t at = earlier(e, sector);
    espota_put_le32(from, at);
    if (at != e->offset)
        return append_chunk(stream, ESPOTA_CHUNK_COPY, from, sizeof from, error);
    if (!keeps_up(e))
        return append_chunk(stream, ESPOTA_CHUNK_STORED, sector, SECTOR, error);
    return append_coded(e, sector, stream, error);
}

int espota_encoder_sector(struct espota_encoder *e, struct espota_bytes *stream, struct espota_error *error)
{
    uint8_t sector[SECTOR];
    if (e->offset >= e->end)
        return 0;
    for (size_t i = 0; i < SECTOR; i++)
        sector[i] = byte_at(e, e->offset + i);
    size_t before = stream->size;
    int status = append_sector(e, sector, stream, error);
    if (status == 0)
        account(e, stream->size - before, stream->data[before + 1] >> 6 == ESPOTA_CHUNK_CODED);
    e->offset += SECTOR;
    return status != 0 ? -status : 1;
}

/* ---- stretches
 * ------------------------------------------------------------------------------------------------- */
static int check(enum espota_isa isa, unsigned table_log, size_t image_length, uint32_t offset,
                 uint32_t length, struct espota_error *error)
{
    bool fits = offset % SECTOR == 0 && length % SECTOR == 0 && length <= UINT32_MAX / 2 - offset &&
                image_length < UINT32_MAX / 2;
    if (fits && (unsigned)isa <= ESPOTA_ISA_RISCV && espota_decoder.memory(table_log) != 0)
        return 0;
    return espota_fail(error, ESPOTA_ERR_USAGE,
                       "cannot encode %u bytes at %u of an image of %zu (instruction set %u, table %u)",
                       length, offset, image_length, (unsigned)isa, table_log);
}

static int append_head(const struct espota_encoder *e, unsigned table_log, struct espota_bytes *stream,
                       struct espota_error *error)
{
    uint8_t head[ESPOTA_STREAM_HEAD_SIZE + ESPOTA_STREAM_BASE_SIZE] = { ESPOTA_STREAM_CODED, (uint8_t)e->isa,
                                                                        (uint8_t)table_log };
    espota_put_le32(head + 4, e->offset);
    espota_put_le32(head + 8, e->end - e->offset);
    if (e->base == NULL)
        return espota_bytes_append(stream, head, ESPOTA_STREAM_HEAD_SIZE, error);
    head[ESPOTA_STREAM_BASES] = 1;
    delta_base_head(e->base, head + ESPOTA_STREAM_HEAD_SIZE);
    return espota_bytes_append(stream, head, sizeof head, error);
}

static int append_map(struct espota_encoder *e, struct espota_bytes *stream, struct espota_error *error)
{
    struct coder_map_source source = delta_map_source(e->base);
    for (int more = 1; more > 0;) {
        begin_chunk(e);
        more = coder_base_map(e->coder, &source);
        coder_encode_end(e->coder);
        int status = append_chunk(stream, ESPOTA_CHUNK_CODED, e->chunk, e->sink.size, error);
        if (status != 0)
            return status;
    }
    return 0;
}

static int allocate(struct espota_encoder *e, unsigned table_log)
{
    e->memory = coder_memory(table_log, e->base != NULL);
    e->coder = malloc(e->memory);
    e->saved = malloc(e->memory);
    e->literals = calloc(e->image_length / 4 + 1, 1);
    e->finder = match_finder_new();
    if (e->coder == NULL || e->saved == NULL || e->literals == NULL || e->finder == NULL)
        return -1;
    return add_regions(e);
}

/* What the decoder reads. */
static int read_image(void *context, uint32_t offset, void *buffer, size_t length)
{
    const struct espota_encoder *e = context;
    if (offset > e->image_length || length > e->image_length - offset)
        return -1;
    memcpy(buffer, e->image + offset, length);
    return 0;
}

static int read_base(void *context, uint32_t offset, void *buffer, size_t length)
{
    const struct espota_encoder *e = context;
    return delta_base_read(e->base, offset, buffer, length);
}

static int start(struct espota_encoder *e, unsigned table_log, struct espota_bytes *stream,
                 struct espota_error *error)
{
    e->around = (struct espota_coder_image){ .context = e, .read = read_image, .read_base = read_base };
    if (e->base != NULL)
        e->around.base_length = delta_base_length(e->base);
    (void)coder_begin(e->coder, e->memory, e->isa, table_log, e->offset, &e->around);
    e->sink.out = e->chunk;
    e->sink.capacity = sizeof e->chunk;
    e->coder->sink = &e->sink;
    e->coder->look = look;
    e->coder->find = find;
    return e->base != NULL ? append_map(e, stream, error) : 0;
}

int espota_encoder_begin(struct espota_encoder **encoder, enum espota_isa isa, unsigned table_log,
                         const struct espota_base *base, const uint8_t *image, size_t image_length,
                         uint32_t offset, uint32_t length, struct espota_bytes *stream,
                         struct espota_error *error)
{
    *encoder = NULL;
    int status = check(isa, table_log, image_length, offset, length, error);
    if (status != 0)
        return status;
    struct espota_encoder *e = calloc(1, sizeof *e);
    if (e == NULL)
        return espota_fail_memory(error, "encode an image");
    *e = (struct espota_encoder){ .isa = isa,
                                  .base = base != NULL && espota_base_helps(base) ? base : NULL,
                                  .image = image,
                                  .image_length = image_length,
                                  .begin = offset,
                                  .offset = offset,
                                  .end = offset + length };
    status = allocate(e, table_log) != 0 ? espota_fail_memory(error, "encode an image")
                                         : append_head(e, table_log, stream, error);
    if (status == 0)
        status = start(e, table_log, stream, error);
    if (status != 0) {
        espota_encoder_end(e);
        return status;
    }
    *encoder = e;
    return 0;
}

void espota_encoder_end(struct espota_encoder *e)
{
    if (e == NULL)
        return;
    free(e->region);
    free(e->literals);
    free(e->coder);
    free(e->saved);
    free(e->finder);
    free(e);
}

int espota_encode(enum espota_isa isa, unsigned table_log, const struct espota_base *base,
                  const uint8_t *image, size_t image_length, uint32_t offset, uint32_t length,
                  struct espota_bytes *stream, struct espota_error *error)
{
    struct espota_encoder *encoder;
    int status = espota_encoder_begin(&encoder, isa, table_log, base, image, image_length, offset, length,
                                      stream, error);
    if (status != 0)
        return status;
    do
        status = espota_encoder_sector(encoder, stream, error);
    while (status > 0);
    espota_encoder_end(encoder);
    return -status;
}
