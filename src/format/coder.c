/* The image coder: sectors, segments and units, for both directions. */
#include "coder.h"

#include "coder_base.h"
#include "coder_deep.h"
#include "espota/bytes.h"

#include <string.h>

#define WINDOW_MAX 15u   /* log2 of bytes */
#define PAUSE      1024u /* what is filled between two calls of relax */

enum { FLAG_PLACE = CODER_FLAG_FRAME, FLAG_MODE = FLAG_PLACE + 1 };

/* 65536 / (1 + exp(-x)) for x = -8, -7.5 .. 8 */
static const uint16_t logistic[33] = { 22,    36,    60,    98,    162,   267,   439,   720,   1179,
                                       1921,  3108,  4971,  7812,  11955, 17625, 24743, 32768, 40793,
                                       47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097,
                                       65269, 65374, 65438, 65476, 65500, 65514 };

/* ---- begin
 * ----------------------------------------------------------------------------------------------------- */
/* Half of the table, as far as it is of use: a byte in either saves about as much then. */
static uint32_t window_for(unsigned table_log)
{
    return 1u << (table_log <= WINDOW_MAX ? table_log - 1 : WINDOW_MAX);
}

/* Of the quick model. */
static size_t quick_memory(unsigned table_log)
{
    return sizeof(struct coder) + CODER_SETS * sizeof(struct coder_set) + ((size_t)1 << table_log) +
           window_for(table_log);
}

static size_t memory_for(unsigned table_log)
{
    unsigned log = table_log & ~ESPOTA_CODER_DEEP;
    if (log < ESPOTA_CODER_TABLE_MIN || log > ESPOTA_CODER_TABLE_MAX)
        return 0;
    if (log == table_log)
        return quick_memory(log);
#ifdef ESPOTA_CODER_DEEP_MODEL
    return quick_memory(log) + coder_deep_size(log);
#else
    return 0;
#endif
}

static size_t memory_with_base(unsigned table_log)
{
#ifdef ESPOTA_CODER_BASE
    size_t size = memory_for(table_log);
    return size != 0 ? size + CODER_BASE_SETS * sizeof(struct coder_set) + sizeof(struct coder_base) : 0;
#else
    (void)table_log;
    return 0;
#endif
}

size_t coder_memory(unsigned table_log, bool with_base)
{
    return with_base ? memory_with_base(table_log) : memory_for(table_log);
}

static void fill_tables(struct coder *coder)
{
    for (uint32_t i = 0; i < 512; i++) {
        uint32_t low = logistic[i >> 4], high = logistic[(i >> 4) + 1];
        coder->squash[i] = (uint16_t)(low + ((high - low) * (i & 15) >> 4));
    }
}

static void fill_set(struct coder_set *set, uint8_t mixed)
{
    memset(set, 0, sizeof *set);
    set->mixed = mixed;
    for (unsigned i = 0; i < 4; i++)
        set->weight[i][0] = set->weight[i][1] = 3600;
    for (unsigned i = 0; i < 16; i++)
        set->direct[i] = 0x8000;
}

/* An image with a base goes on as it should: in code where its addresses say so. */
static void expect_order(struct coder *coder)
{
    coder->flag[FLAG_PLACE] = coder->flag[FLAG_MODE] = coder->flag[FLAG_MODE + 1] = 500;
    coder->flag[FLAG_MODE + 2] = coder->flag[FLAG_MODE + 3] = 65000;
}

static void fill_model(struct coder *coder)
{
    size_t bytes = (size_t)1 << (32 - coder->shift);
    for (size_t i = 0; i < bytes; i += PAUSE) {
        memset(coder->table + i, 0, PAUSE);
        coder_relax(coder);
    }
    for (unsigned i = 0; i < CODER_SETS; i++)
        fill_set(coder->set + i, coder->isa != NULL ? coder->isa->mixed[i] : 3);
    for (unsigned i = CODER_SETS; coder->base != NULL && i < CODER_SETS + CODER_BASE_SETS; i++)
        fill_set(coder->set + i, 3);
    for (unsigned i = 0; i < CODER_FLAGS; i++)
        coder->flag[i] = 32768;
    if (coder->base != NULL)
        expect_order(coder);
    for (size_t i = 0; i < coder->window_size; i += PAUSE) {
        memset(coder->window + i, 0, PAUSE);
        coder_relax(coder);
    }
}

/* Behind all else. */
static void begin_deep(struct coder *coder, unsigned table_log)
{
#ifdef ESPOTA_CODER_DEEP_MODEL
    unsigned log = table_log & ~ESPOTA_CODER_DEEP;
    if (log == table_log)
        return;
    uint8_t *end = coder->window + coder->window_size;
    coder->deep = (struct coder_deep *)(void *)(coder->base != NULL ? (uint8_t *)(coder->base + 1) : end);
    coder_deep_begin(coder, log);
#else
    (void)coder;
    (void)table_log;
#endif
}

static const struct coder_isa *model_of(enum espota_isa isa)
{
#ifdef ESPOTA_CODER_XTENSA
    if (isa == ESPOTA_ISA_XTENSA)
        return &coder_isa_xtensa;
#endif
#ifdef ESPOTA_CODER_RISCV
    if (isa == ESPOTA_ISA_RISCV)
        return &coder_isa_riscv;
#endif
    (void)isa;
    return NULL;
}

int coder_begin(struct coder *coder, size_t size, enum espota_isa isa, unsigned table_log, uint32_t offset,
                const struct espota_coder_image *image)
{
    bool based = image != NULL && image->base_length != 0;
    size_t needed = coder_memory(table_log, based);
    if (coder == NULL || needed == 0 || size < needed || (model_of(isa) == NULL && isa != ESPOTA_ISA_NONE))
        return -1;
    memset(coder, 0, sizeof *coder);
    unsigned log = table_log & ~ESPOTA_CODER_DEEP;
    coder->shift = 32 - log;
    coder->table = (uint8_t *)(coder->set + CODER_SETS + (based ? CODER_BASE_SETS : 0));
    coder->window = coder->table + ((size_t)1 << log);
    coder->window_size = window_for(log);
    coder->isa = model_of(isa);
    coder->image = image;
    coder->place.offset = offset;
    if (based)
        coder->base = (struct coder_base *)(void *)(coder->window + coder->window_size);
    fill_tables(coder);
    fill_model(coder);
    begin_deep(coder, table_log);
#ifdef ESPOTA_CODER_BASE
    return based ? coder_base_begin(coder) : 0;
#else
    return 0;
#endif
}

/* ---- where we are
 * ---------------------------------------------------------------------------------------------- */
/* The sector does not go on where the last one ended: forget what came before. */
static void code_place(struct coder *coder, const struct coder_place *actual)
{
    static const struct coder_place nowhere;
    if (coder_flag(coder, actual != NULL, FLAG_PLACE) == 0)
        return;
    if (actual == NULL)
        actual = &nowhere;
    coder->place.offset = coder_plain(coder, actual->offset, 32);
    coder->place.segments_left = coder_plain(coder, actual->segments_left, 8);
    coder->place.address = coder_plain(coder, actual->address, 32);
    coder->place.left = coder_plain(coder, actual->left, 32);
    coder->filled = 0;
    coder->in_header = false;
    coder->before = 0;
    if (coder->isa != NULL)
        coder->isa->reset(coder);
}

/* Code or data? Asked anew in each sector and segment. */
static void code_mode(struct coder *coder)
{
    coder->mode_known = true;
    if (coder->isa == NULL)
        return;
    unsigned flag =
        FLAG_MODE + (coder->code_here ? 1u : 0) + (coder->isa->holds_code(coder->place.address) ? 2u : 0);
    bool code = coder_flag(coder, coder->actual_code, flag) != 0;
    if (code && !coder->code_here)
        coder->isa->reset(coder);
    coder->code_here = code;
}

/* Nothing of this segment is left. */
static void next_segment(struct coder *coder)
{
    struct coder_place *place = &coder->place;
    coder->code_here = false;
    if (coder->in_header) {
        place->address = espota_get_le32(coder->header);
        place->left = espota_get_le32(coder->header + 4);
        coder->in_header = coder->mode_known = false;
    } else if (place->segments_left > 0) {
        place->segments_left--;
        place->address = 0;
        place->left = sizeof coder->header;
        coder->in_header = true;
    } else {
        place->address = 0;
        place->left = UINT32_MAX;
    }
}

/* ---- sectors
 * --------------------------------------------------------------------------------------------------- */
static void code_unit(struct coder *coder)
{
    if (coder->look != NULL)
        coder->look(coder);
    if (!coder->mode_known && !coder->in_header)
        code_mode(coder);
#ifdef ESPOTA_CODER_BASE
    if (coder->base != NULL && coder_base_unit(coder))
        return;
#endif
    if (coder_match(coder))
        return;
    if (coder->code_here)
        coder->isa->unit(coder);
    else
        coder_data_byte(coder);
}

void coder_sector(struct coder *coder, uint8_t *sector, const struct coder_place *actual_place)
{
    code_place(coder, actual_place);
    coder->sector = sector;
    memcpy(sector, coder->over, coder->filled);
    coder->mode_known = false;
    while (coder->filled < ESPOTA_CODER_SECTOR) {
        while (coder->place.left == 0)
            next_segment(coder);
        code_unit(coder);
        coder_relax(coder);
    }
    coder->filled -= ESPOTA_CODER_SECTOR;
    coder->place.offset += ESPOTA_CODER_SECTOR;
}

/* ---- the decoder
 * ----------------------------------------------------------------------------------------------- */
static void open_chunk(struct coder *coder, const uint8_t *chunk, size_t length)
{
    coder->next = chunk;
    coder->end = chunk + length;
    coder->range = UINT32_MAX;
    coder->beyond = 0;
    coder->code = 0;
    for (int i = 0; i < 4; i++) {
        coder->code <<= 8;
        if (coder->next < coder->end)
            coder->code |= *coder->next++;
        else
            coder->beyond++;
    }
}

static int decoder_begin(void *memory, size_t size, enum espota_isa isa, unsigned table_log, uint32_t offset,
                         const struct espota_coder_image *image)
{
    return coder_begin(memory, size, isa, table_log, offset, image);
}

/* Is all right behind a chunk? */
static int end_chunk(const struct coder *coder)
{
    return coder->next == coder->end && coder->beyond <= 4 ? 0 : -1;
}

#ifdef ESPOTA_CODER_BASE
static int decoder_sector(void *memory, const uint8_t *chunk, size_t length,
                          uint8_t sector[ESPOTA_CODER_SECTOR])
{
    struct coder *coder = memory;
    if (chunk != NULL)
        open_chunk(coder, chunk, length);
    else if (coder->base == NULL || coder->base->sectors == 0 || coder->base->sectors >= ESPOTA_CHUNK_SECTORS)
        return -1;
    coder_sector(coder, sector, NULL);
    if (coder->base == NULL)
        return end_chunk(coder);
    if (coder->base->failed || coder->beyond > 4)
        return -1;
    return coder_base_goes_on(coder, false) ? 1 : end_chunk(coder);
}
#else
static int decoder_sector(void *memory, const uint8_t *chunk, size_t length,
                          uint8_t sector[ESPOTA_CODER_SECTOR])
{
    struct coder *coder = memory;
    open_chunk(coder, chunk, length);
    coder_sector(coder, sector, NULL);
    return end_chunk(coder);
}
#endif

static int decoder_map(void *memory, const uint8_t *chunk, size_t length)
{
#ifdef ESPOTA_CODER_BASE
    struct coder *coder = memory;
    if (coder->base == NULL)
        return -1;
    open_chunk(coder, chunk, length);
    int more = coder_base_map(coder, NULL);
    return end_chunk(coder) == 0 ? more : -1;
#else
    (void)memory;
    (void)chunk;
    (void)length;
    return -1;
#endif
}

const struct espota_decoder_ops espota_decoder = {
    .memory = memory_for,
    .memory_with_base = memory_with_base,
    .begin = decoder_begin,
    .map = decoder_map,
    .sector = decoder_sector,
};
