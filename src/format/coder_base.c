/* The coder's base: an image that is there already, of which the one to be rebuilt is mostly made. Where the
 * map has a block, each unit is what is there in the base, with what it refers to moved: mostly. */
#include "coder_base.h"
#include "coder_deep.h"

#ifdef ESPOTA_CODER_BASE

#include "espota/bytes.h"

#include <string.h>

#define NEAR_MOVE 256u   /* a correction counts for what is as near, where the map knows a neighbour */
#define FAR_MOVE  65536u /* ... where it knows nothing */

enum { PIECES = ESPOTA_CODER_SECTOR / CODER_PIECE };
enum { KIND_BYTE, KIND_WORD, KIND_ADDRESS };

/* ---- what is read of flash
 * ------------------------------------------------------------------------------------- */
enum source { OF_BASE, OF_IMAGE };

static const uint8_t *line_at(struct coder *coder, enum source source, uint32_t offset)
{
    struct coder_base *base = coder->base;
    const struct espota_coder_image *image = coder->image;
    uint32_t first = offset & ~(CODER_LINE - 1), tag = first + 2 + (source == OF_IMAGE ? 1 : 0);
    for (uint32_t i = 0; i < CODER_LINES; i++) {
        if (base->line_of[i] == tag)
            return base->line[i];
    }
    uint32_t at = base->line_next, length = CODER_LINE;
    base->line_next = at + 1 < CODER_LINES ? at + 1 : 0;
    uint8_t *line = base->line[at];
    if (source == OF_BASE && image->base_length - first < length)
        length = image->base_length - first;
    memset(line, 0xFF, CODER_LINE);
    int bad = source == OF_BASE ? image->read_base(image->context, first, line, length)
                                : image->read(image->context, first, line, length);
    base->line_of[at] = bad != 0 ? 0 : tag;
    base->failed |= bad != 0;
    return line;
}

void coder_base_read_old(struct coder *coder, uint32_t offset, uint8_t *to, uint32_t length)
{
    while (length > 0) {
        uint32_t into = offset % CODER_LINE, part = CODER_LINE - into < length ? CODER_LINE - into : length;
        if (offset >= coder->image->base_length)
            memset(to, 0xFF, part);
        else
            memcpy(to, line_at(coder, OF_BASE, offset) + into, part);
        offset += part;
        to += part;
        length -= part;
    }
}

/* A byte of the image that is rebuilt already. */
static uint8_t new_byte(struct coder *coder, uint32_t offset)
{
    uint32_t into = offset - coder->place.offset;
    return into < ESPOTA_CODER_SECTOR ? coder->sector[into]
                                      : line_at(coder, OF_IMAGE, offset)[offset % CODER_LINE];
}

/* Code refers to the same literals again and again, from far away; to wait for flash takes longer than all
 * else. */
static struct coder_word *remembered(struct coder_word *words, uint32_t address)
{
    return &words[(address / 4 * 2654435761u >> 16) % CODER_WORDS];
}

uint32_t coder_base_old_word(struct coder *coder, uint32_t address)
{
    struct coder_word *w = remembered(coder->base->old_word, address);
    uint8_t word[4] = { 0 };
    uint32_t offset;
    if (w->address == address)
        return w->word;
    if (coder_segments_offset(&coder->base->old, address, &offset))
        coder_base_read_old(coder, offset, word, sizeof word);
    *w = (struct coder_word){ address, espota_get_le32(word) };
    return w->word;
}

bool coder_base_new_word(struct coder *coder, uint32_t address, uint32_t *word)
{
    uint32_t offset, known = coder->place.offset + coder->filled;
    if (!coder_segments_offset(&coder->base->new, address, &offset) || known < 4 || offset > known - 4)
        return false;
    struct coder_word *w = remembered(coder->base->new_word, address);
    if (w->address != address) {
        *w = (struct coder_word){ address, 0 };
        for (uint32_t i = 0; i < 4; i++)
            w->word |= (uint32_t)new_byte(coder, offset + i) << 8 * i;
    }
    *word = w->word;
    return true;
}

/* ---- where things have gone
 * ------------------------------------------------------------------------------------- */
/* The first move from `from` or behind it. */
static uint32_t first_move(const struct coder_move *move, uint32_t count, uint32_t from)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (move[middle].from < from)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* As the map has it. @return how sure: 1..3. */
static uint32_t mapped(struct coder *coder, uint32_t address, uint32_t *moved)
{
    struct coder_base *base = coder->base;
    uint32_t offset, shift, now;
    *moved = address;
    if (!coder_segments_offset(&base->old, address, &offset))
        return 3;
    enum coder_map_answer answer = CODER_MAP_INSIDE;
    if (offset - base->block.old < base->block.length)
        shift = base->block.shift;
    else
        answer = coder_map_find(&base->map, offset, &shift);
    if (answer == CODER_MAP_NOWHERE || !coder_segments_address(&base->new, offset + shift, &now))
        return 3;
    *moved = now;
    return answer == CODER_MAP_INSIDE ? 1 : 2;
}

static uint32_t apart(uint32_t a, uint32_t b)
{
    return a > b ? a - b : b - a;
}

uint32_t coder_base_moved(struct coder *coder, uint32_t address, uint32_t *quality)
{
    const struct coder_base *base = coder->base;
    uint32_t at = first_move(base->move, base->moves, address), moved;
    if (at < base->moves && base->move[at].from == address) {
        *quality = 0;
        return base->move[at].to;
    }
    *quality = mapped(coder, address, &moved);
    if (*quality < 2 || base->moves == 0)
        return moved;
    if (at == base->moves || (at > 0 && address - base->move[at - 1].from <= base->move[at].from - address))
        at--;
    const struct coder_move *near = &base->move[at];
    return apart(near->from, address) < (*quality == 2 ? NEAR_MOVE : FAR_MOVE)
               ? address + (near->to - near->from)
               : moved;
}

/* The oldest gives way. */
static void forget_one(struct coder_base *base)
{
    uint32_t at = first_move(base->move, base->moves, base->order[base->oldest]);
    memmove(base->move + at, base->move + at + 1, (base->moves - at - 1) * sizeof *base->move);
    base->moves--;
}

static void learn_move(struct coder_base *base, uint32_t from, uint32_t to)
{
    uint32_t at = first_move(base->move, base->moves, from);
    if (at < base->moves && base->move[at].from == from) {
        base->move[at].to = to;
        return;
    }
    if (base->moves == CODER_MOVES) {
        forget_one(base);
        at = first_move(base->move, base->moves, from);
    }
    memmove(base->move + at + 1, base->move + at, (base->moves - at) * sizeof *base->move);
    base->move[at] = (struct coder_move){ from, to };
    base->moves++;
    base->order[base->oldest] = from;
    base->oldest = base->oldest + 1 < CODER_MOVES ? base->oldest + 1 : 0;
}

/* ---- words
 * ------------------------------------------------------------------------------------------------------ */
/* RAM in which there are variables without contents in the image. */
static bool is_ram(uint32_t word)
{
    return (word >= 0x3FC80000 && word < 0x40000000) || (word >= 0x40800000 && word < 0x40880000);
}

bool coder_base_is_address(const struct coder *coder, uint32_t word)
{
    uint32_t offset;
    return is_ram(word) || coder_segments_offset(&coder->base->old, word, &offset);
}

void coder_base_guess_word(struct coder *coder, struct coder_guess *guess)
{
    guess->length = 4;
    guess->target = guess->was;
    guess->kind = KIND_WORD;
    if (coder_base_is_address(coder, guess->was)) {
        guess->kind = KIND_ADDRESS;
        guess->word = coder_base_moved(coder, guess->was, &guess->quality);
    } else {
        uint8_t before = 0;
        if (coder->base->values > 0)
            coder_base_read_old(coder, guess->offset - 1, &before, 1);
        coder_values_guess(coder->base, guess, before);
        guess->quality = guess->word != guess->was ? 1 : 0;
    }
}

static void guess_data(struct coder *coder, struct coder_guess *guess)
{
    if (guess->room >= 4 && (coder->place.address & 3) == 0 && !coder->in_header) {
        coder_base_guess_word(coder, guess);
        return;
    }
    guess->length = 1;
    guess->kind = KIND_BYTE;
    guess->was = guess->word = guess->old[0];
}

/* ---- units
 * ------------------------------------------------------------------------------------------------------ */
static void set_guess(struct coder *coder, struct coder_guess *guess)
{
    const struct coder_base *base = coder->base;
    uint32_t at = coder->place.offset + coder->filled, into = at - base->block.old - base->block.shift;
    memset(guess, 0, sizeof *guess);
    guess->offset = base->block.old + into;
    guess->room = base->block.length - into;
    if (guess->room > coder->place.left)
        guess->room = coder->place.left;
    coder_base_read_old(coder, guess->offset, guess->old, sizeof guess->old);
    if (!coder_segments_address(&base->old, guess->offset, &guess->address))
        guess->address = 0;
    guess->was = guess->word = espota_get_le32(guess->old);
    if (coder->code_here && guess->address != 0 && coder->isa->guess != NULL)
        coder->isa->guess(coder, guess);
    else
        guess_data(coder, guess);
    if (base->stays)
        guess->word = guess->was;
}

static bool is_actual(const struct coder *coder, uint32_t word, uint32_t length)
{
    uint32_t mask = 0xFFFFFFFFu >> (32 - 8 * length);
    return ((espota_get_le32(coder->actual) ^ word) & mask) == 0;
}

/* In a quiet image: does all of the sector come as guessed, or of the piece? */
static bool is_sure(struct coder *coder)
{
    struct coder_base *base = coder->base;
    uint32_t offset = coder->place.offset + coder->filled, piece = offset / CODER_PIECE + 1;
    if (!base->quiet || piece == base->piece)
        return base->sure;
    uint32_t missed = CODER_ACTUAL(base->to_miss);
    if (base->piece == 0 || (piece - 1) / PIECES != (base->piece - 1) / PIECES)
        base->sector_sure = coder_flag_at(coder, missed == 0, &base->sure_flag[0]) != 0;
    base->piece = piece;
    if (!base->sector_sure)
        base->sure = coder_flag_at(coder, ~missed >> (piece - 1) % PIECES & 1,
                                   &base->sure_flag[base->sure ? 2 : 1]) != 0;
    else
        base->sure = true;
    return base->sure;
}

/* Is it as it was guessed, or as it was? @return false: neither. */
static bool take_guess(struct coder *coder, const struct coder_guess *guess)
{
    struct coder_base *base = coder->base;
    uint32_t flag = guess->kind * 32 + guess->quality * 8 + (base->hits & 7), word = guess->word;
    bool hit =
        is_sure(coder) || coder_flag_at(coder, is_actual(coder, word, guess->length), &base->flag[flag]) != 0;
    base->hits = base->hits << 1 | (hit ? 0 : 1);
#ifdef ESPOTA_CODER_ENCODER
    if (!hit)
        base->missed |= 1u << coder->filled / CODER_PIECE % PIECES;
#endif
    if (!hit) {
        word = guess->was;
        if (word == guess->word ||
            coder_flag_at(coder, is_actual(coder, word, guess->length), &base->unchanged[guess->kind]) == 0)
            return false;
    }
    if (guess->is_instruction) {
        uint8_t bytes[4];
        espota_put_le32(bytes, word);
        coder->isa->seen(coder, bytes);
    }
    coder_emit_word(coder, word, guess->length);
    return true;
}

static void code_missed(struct coder *coder, const struct coder_guess *guess)
{
    coder->hinted = true;
    coder->hint = guess->word;
    if (coder->code_here && !guess->is_part)
        coder->isa->unit(coder);
    else
        for (uint32_t i = 0; i < guess->length; i++, coder->hint >>= 8)
            coder_data_byte_of(coder, CODER_BOTH(coder->actual[i], coder_expected(coder, false)));
    coder->hinted = false;
}

static void learn(struct coder *coder, const struct coder_guess *guess)
{
    uint32_t got = coder->before >> (32 - 8 * guess->length);
    if (guess->kind == KIND_ADDRESS) {
        if (got != guess->word && coder_base_is_address(coder, got))
            learn_move(coder->base, guess->target, got);
    } else if (guess->length == 4 && !guess->is_instruction) {
        coder_values_learn(coder->base, got);
    } else if (guess->is_instruction && guess->target != 0) {
        uint32_t now = coder->isa->target(coder, guess, got);
        if (now != 0 && got != guess->word)
            learn_move(coder->base, guess->target, now);
    }
}

bool coder_base_unit(struct coder *coder)
{
    struct coder_guess guess;
    struct coder_base *base = coder->base;
    uint32_t at = coder->place.offset + coder->filled;
    bool on = at - base->block.old - base->block.shift < base->block.length && at < base->map.near_end;
    if (!on && !coder_map_at(&base->map, at, &base->block)) {
        base->block.length = 0;
        return false;
    }
    set_guess(coder, &guess);
    if (!take_guess(coder, &guess))
        code_missed(coder, &guess);
    learn(coder, &guess);
    return true;
}

bool coder_base_goes_on(struct coder *coder, bool actual)
{
    struct coder_base *base = coder->base;
    bool more = coder_flag_at(coder, actual, &base->more[3]) != 0;
    base->sectors = more ? base->sectors + 1 : 0;
    return more;
}

int coder_base_begin(struct coder *coder)
{
    const struct espota_coder_image *image = coder->image;
    struct coder_base *base = coder->base;
    if (image->read == NULL || image->read_base == NULL)
        return -1;
    memset(base, 0, sizeof *base);
    for (uint32_t i = 0; i < CODER_GUESS_FLAGS; i++)
        base->flag[i] = 60000;
    for (uint32_t i = 0; i < CODER_KINDS; i++)
        base->unchanged[i] = 0x8000;
    base->more[0] = base->more[1] = base->more[2] = 0x8000;
    base->more[3] = 63000;
    coder_values_begin(base);
    if (coder_segments_parse(&base->old, image->base_length, image->read_base, image->context) != 0)
        return -1;
    return coder_base_lay_out(coder);
}

#else
typedef int coder_base_is_empty; /* a file of C is not */
#endif
