/* Encoding: the coder's model run over an image that is known. */
#include "espota/encode.h"

#include "base/encode_parts.h"
#include "base/encode_patch.h"
#include "espota/bytes.h"
#include "format/coder.h"

#include <stdlib.h>
#include <string.h>

#define SECTOR       ESPOTA_CODER_SECTOR
#define CHUNK_MARGIN 16u /* what the end of a chunk may take */
/* Chunks are for no more sectors than that, so that decoder and line work at the same time, unless they are
 * so small. */
#define MANY_SECTORS 32u
#define SMALL_CHUNK  128u
/* What the head of a stream with a base can say. */
#define MOST_BASED    ((uint32_t)UINT16_MAX * SECTOR)
#define PADDING_MATCH 16u           /* bytes of padding that a match is worth */
#define RECORD_BITS   (12 * SECTOR) /* that are coded of a sector: more would be strange */

/* ---- one sector
 * ------------------------------------------------------------------------------------------------ */
static uint8_t byte_at(const struct espota_encoder *e, size_t offset)
{
    return offset < e->image_length ? e->image[offset] : 0xFF;
}

static void get_sector(const struct espota_encoder *e, uint8_t sector[SECTOR])
{
    for (size_t i = 0; i < SECTOR; i++)
        sector[i] = byte_at(e, e->offset + i);
}

static void look(struct coder *coder)
{
    struct espota_encoder *e = (struct espota_encoder *)(void *)coder->sink;
    uint32_t offset = coder->place.offset + coder->filled;
    const struct region *region = encode_region_at(e, offset);
    for (unsigned i = 0; i < CODER_UNIT_MAX; i++)
        coder->actual[i] = byte_at(e, offset + i);
    coder->actual_code = region->code;
    coder->actual_literal =
        offset % 4 == 0 && offset < e->image_length && e->parts->literals[offset / 4] != 0;
}

/* Behind the image: FF up to the sector's end. */
static void find_padding(struct coder *coder)
{
    uint32_t left = SECTOR - coder->filled;
    bool repeats = !coder->code_here && coder_byte_back(coder, 1) == 0xFF && left >= PADDING_MATCH;
    coder->actual_match = (struct coder_match){ repeats ? left : 0, 1 };
}

static void find(struct coder *coder)
{
    struct espota_encoder *e = (struct espota_encoder *)(void *)coder->sink;
    uint32_t offset = coder->place.offset + coder->filled;
    if (offset < e->image_length)
        match_finder_look(e->finder, coder, e->image, offset, e->image_length);
    else
        find_padding(coder);
}

/* The place of `offset`, in the sector to be coded. */
static struct coder_place place_at(struct espota_encoder *e, uint32_t offset)
{
    const struct region *region = encode_region_at(e, offset);
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

/* A quiet image: which pieces of the sector will not be as guessed? Found by coding it as if none were. */
static void foresee(struct espota_encoder *e, const struct coder_place *place)
{
    struct coder_base *base = e->coder->base;
    const struct coder_sink sink = e->sink;
    memcpy(e->foreseen, e->coder, e->memory);
    e->sink.record = NULL;
    base->to_miss = UINT32_MAX;
    base->missed = 0;
    coder_sector(e->coder, e->rebuilt, place);
    uint32_t missed = base->missed;
    memcpy(e->coder, e->foreseen, e->memory);
    base->to_miss = missed;
    e->sink = sink;
}

static bool is_quiet(const struct espota_encoder *e)
{
    return e->base != NULL && e->coder->base->quiet;
}

/* Code the sector into the chunk that was begun. @return false: what would come out is another one. */
static bool code_sector(struct espota_encoder *e, const uint8_t *sector)
{
    struct coder *coder = e->coder;
    uint32_t over = coder->place.offset == e->offset ? coder->filled : 0;
    e->coded++;
    struct coder_place goes_on = place_at(e, e->offset + over), anew = place_at(e, e->offset);
    const struct coder_place *place = knows(coder, &goes_on) ? NULL : &anew;
    if (is_quiet(e))
        foresee(e, place);
    coder_sector(coder, e->rebuilt, place);
    return memcmp(e->rebuilt, sector, SECTOR) == 0;
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
    const uint64_t hash = encode_sector_hash(sector), *of = e->parts->hash;
    uint32_t at = e->begin;
    while (at < e->offset && (of[at / SECTOR] != hash || memcmp(e->image + at, sector, SECTOR) != 0))
        at += SECTOR;
    return at;
}

/* May this chunk be sent as it is so far? */
static bool has_room(const struct espota_encoder *e)
{
    return e->sink.size + e->sink.pending + CHUNK_MARGIN <= SECTOR;
}

/* With a base, a chunk goes on with the next sectors, while they are coded too, and it has room for them. */
static bool goes_on(struct espota_encoder *e, uint8_t sector[SECTOR])
{
    size_t size = e->sink.size + e->sink.pending;
    if (e->ahead + 1 >= (size < SMALL_CHUNK ? ESPOTA_CHUNK_SECTORS : MANY_SECTORS) || e->offset >= e->end ||
        !has_room(e) || !keeps_up(e))
        return false;
    get_sector(e, sector);
    return is_quiet(e) || (!espota_chunk_is_fill(sector) && earlier(e, sector) == e->offset);
}

/* As it went on in the chunk before, the sector was coded already: the bits are the same in a chunk of its
 * own. */
static bool code_again(struct espota_encoder *e)
{
    struct coder *coder = e->coder;
    if (e->behind_at != e->offset)
        return false;
    const uint16_t more = coder->base->more[3]; /* what was said of the chunk before is not in `behind` */
    const uint32_t sectors = coder->base->sectors;
    memcpy(coder, e->behind, e->memory);
    coder->base->more[3] = more;
    coder->base->sectors = sectors;
    begin_chunk(e);
    coder_encode_again(coder, &e->record);
    return true;
}

/* It has no room in this chunk: keep what was coded, for the next. */
static void keep_coded(struct espota_encoder *e)
{
    if (e->record.count > e->record.room)
        return;
    memcpy(e->behind, e->coder, e->memory);
    e->behind_at = e->offset;
}

/* Code it into the chunk that another sector began. @return false: all is as it was before. */
static bool add_sector(struct espota_encoder *e, const uint8_t *sector)
{
    const struct coder_sink sink = e->sink;
    memcpy(e->before, e->coder, e->memory);
    (void)coder_base_goes_on(e->coder, true);
    e->record.count = 0;
    e->sink.record = &e->record;
    bool good = code_sector(e, sector);
    e->sink.record = NULL;
    if (good && has_room(e))
        return true;
    if (good)
        keep_coded(e);
    memcpy(e->coder, e->before, e->memory);
    e->sink = sink;
    return false;
}

static void add_sectors(struct espota_encoder *e)
{
    uint8_t sector[SECTOR];
    const uint32_t first = e->offset;
    e->ahead = 0;
    for (e->offset += SECTOR; goes_on(e, sector) && add_sector(e, sector); e->offset += SECTOR) {
        e->ahead++;
        account(e, 0, true);
    }
    e->offset = first;
    (void)coder_base_goes_on(e->coder, false);
}

/* By the model, unless that does not help: then it is as if it had never seen the sector. */
static int append_coded(struct espota_encoder *e, const uint8_t *sector, struct espota_bytes *stream,
                        struct espota_error *error)
{
    memcpy(e->saved, e->coder, e->memory);
    begin_chunk(e);
    bool good = code_again(e) || code_sector(e, sector);
    if (good && e->base != NULL)
        add_sectors(e);
    coder_encode_end(e->coder);
    if (good && e->sink.size < SECTOR)
        return append_chunk(stream, ESPOTA_CHUNK_CODED, e->chunk, e->sink.size, error);
    e->ahead = 0;
    e->behind_at = UINT32_MAX;
    memcpy(e->coder, e->saved, e->memory);
    return append_chunk(stream, ESPOTA_CHUNK_STORED, sector, SECTOR, error);
}

static int append_sector(struct espota_encoder *e, const uint8_t *sector, struct espota_bytes *stream,
                         struct espota_error *error)
{
    uint8_t from[4];
    if (is_quiet(e) && keeps_up(e)) /* whatever it holds is where it was */
        return append_coded(e, sector, stream, error);
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
    if (e->ahead > 0) {
        e->ahead--;
        e->offset += SECTOR;
        return 1;
    }
    get_sector(e, sector);
    size_t before = stream->size;
    int status =
        e->patch != NULL ? encode_patch_sector(e, stream, error) : append_sector(e, sector, stream, error);
    if (status == 0)
        account(e, stream->size - before, stream->data[before + 1] >> 6 == ESPOTA_CHUNK_CODED);
    e->offset += SECTOR;
    return status != 0 ? -status : 1;
}

/* ---- stretches
 * ------------------------------------------------------------------------------------------------- */
static int check(const struct encode_job *job, struct espota_error *error)
{
    bool fits = job->offset % SECTOR == 0 && job->length % SECTOR == 0 &&
                job->length <= UINT32_MAX / 2 - job->offset && job->image_length < UINT32_MAX / 2;
    if (fits && (unsigned)job->isa <= ESPOTA_ISA_RISCV && espota_decoder.memory(job->table_log) != 0)
        return 0;
    return espota_fail(error, ESPOTA_ERR_USAGE,
                       "cannot encode %u bytes at %u of an image of %zu (instruction set %u, table %u)",
                       job->length, job->offset, job->image_length, (unsigned)job->isa, job->table_log);
}

static int append_map(struct espota_encoder *e, struct espota_bytes *stream, struct espota_error *error)
{
    struct coder_map_source source = delta_map_source(e->base);
    int more = (source.layout & ESPOTA_LAYOUT_UNMAPPED) != ESPOTA_LAYOUT_UNMAPPED;
    while (more > 0) {
        begin_chunk(e);
        more = coder_base_map(e->coder, &source);
        coder_encode_end(e->coder);
        int status = append_chunk(stream, ESPOTA_CHUNK_CODED, e->chunk, e->sink.size, error);
        if (status != 0)
            return status;
    }
    return 0;
}

static int allocate_record(struct espota_encoder *e)
{
    e->record.room = RECORD_BITS;
    e->record.bit = malloc(RECORD_BITS * sizeof *e->record.bit);
    e->behind = malloc(e->memory);
    e->foreseen = malloc(e->memory);
    return e->record.bit != NULL && e->behind != NULL && e->foreseen != NULL ? 0 : -1;
}

static int take_apart(struct espota_encoder *e, const struct encode_parts *known)
{
    if (known == NULL && e->base != NULL)
        known = delta_base_parts(e->base);
    bool fits = known != NULL && known->isa == e->isa && known->length == e->image_length;
    e->parts = fits ? known : &e->own;
    return fits ? 0 : encode_parts_make(&e->own, e->isa, e->image, e->image_length);
}

static int allocate(struct espota_encoder *e, unsigned table_log)
{
    e->memory = coder_memory(table_log, e->base != NULL);
    e->behind_at = UINT32_MAX;
    if (e->base != NULL && allocate_record(e) != 0)
        return -1;
    e->coder = malloc(e->memory);
    e->saved = malloc(e->memory);
    e->before = malloc(e->memory);
    e->finder = match_finder_new();
    return e->coder != NULL && e->saved != NULL && e->before != NULL && e->finder != NULL ? 0 : -1;
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

static int start(struct espota_encoder *e, const struct encode_job *job, struct espota_bytes *stream,
                 struct espota_error *error)
{
    const unsigned table_log = job->table_log;
    int status = allocate(e, table_log) != 0 || take_apart(e, job->parts) != 0
                     ? espota_fail_memory(error, "encode an image")
                     : encode_append_head(e, table_log, stream, error);
    if (status != 0)
        return status;
    e->around = (struct espota_coder_image){ .context = e, .read = read_image, .read_base = read_base };
    if (e->base != NULL) {
        e->around.base_length = delta_base_length(e->base);
        e->around.layout = delta_map_source(e->base).layout;
    }
    (void)coder_begin(e->coder, e->memory, e->isa, table_log, e->offset, &e->around);
    e->sink.out = e->chunk;
    e->sink.capacity = sizeof e->chunk;
    e->coder->sink = &e->sink;
    e->coder->look = look;
    e->coder->find = find;
    return e->base != NULL ? append_map(e, stream, error) : 0;
}

int encode_begin(struct espota_encoder **encoder, const struct encode_job *job, struct espota_bytes *stream,
                 struct espota_error *error)
{
    const struct espota_base *base = job->base;
    *encoder = NULL;
    int status = check(job, error);
    if (status != 0)
        return status;
    struct espota_encoder *e = calloc(1, sizeof *e);
    if (e == NULL)
        return espota_fail_memory(error, "encode an image");
    bool known = base != NULL && delta_base_patch(base) == NULL && espota_base_helps(base) &&
                 job->offset + job->length <= MOST_BASED;
    *e = (struct espota_encoder){ .isa = job->isa,
                                  .base = known ? base : NULL,
                                  .image = job->image,
                                  .image_length = job->image_length,
                                  .begin = job->offset,
                                  .offset = job->offset,
                                  .end = job->offset + job->length };
    if (base != NULL && encode_is_patch(e, job->table_log, base)) {
        e->patch = delta_base_patch(base);
        status = encode_patch_begin(e, stream, error);
    } else {
        status = start(e, job, stream, error);
    }
    if (status != 0) {
        espota_encoder_end(e);
        return status;
    }
    *encoder = e;
    return 0;
}

int espota_encoder_begin(struct espota_encoder **encoder, enum espota_isa isa, unsigned table_log,
                         const struct espota_base *base, const uint8_t *image, size_t image_length,
                         uint32_t offset, uint32_t length, struct espota_bytes *stream,
                         struct espota_error *error)
{
    const struct encode_job job = { .isa = isa,
                                    .table_log = table_log,
                                    .base = base,
                                    .image = image,
                                    .image_length = image_length,
                                    .offset = offset,
                                    .length = length };
    return encode_begin(encoder, &job, stream, error);
}

void espota_encoder_end(struct espota_encoder *e)
{
    if (e == NULL)
        return;
    encode_parts_free(&e->own);
    free(e->coder);
    free(e->saved);
    free(e->before);
    free(e->foreseen);
    free(e->behind);
    free(e->record.bit);
    free(e->finder);
    free(e);
}
