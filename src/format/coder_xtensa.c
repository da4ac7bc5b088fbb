/* The coder's model of Xtensa code: instructions of 2 and 3 bytes, literals between them. */
#include "coder_xtensa.h"
#include "coder_deep.h"

#include "espota/bytes.h"

#include <string.h>

enum {
    SET_FIRST = CODER_SET_CODE,          /* the first nibble */
    SET_OTHER,                           /* the others: set_of[first nibble] + step */
    SET_CALL = SET_OTHER + 45,           /* 2 bits, 8, 8 */
    SET_LITERAL_DISTANCE = SET_CALL + 5, /* 8, 8 */
    SET_WORD = SET_LITERAL_DISTANCE + 4, /* 8, 8, 8, 8 */
    FLAG_LITERAL = CODER_FLAG_CODE,      /* + 2 bits */
    FLAG_PADDING = FLAG_LITERAL + 4,     /* + lane, zeros */
};

/* ---- instructions: ISA reference manual, "Instruction Formats and Opcodes"
 * ------------------------------------- */
/* What an instruction does, without its operands. */
static uint32_t operation_of(uint32_t w)
{
    switch (w & 15) {
    case 0:
        return (w >> 16 & 0xFF) != 0 ? (w & 15) | (w >> 12 & 0xFF0) : (w & 15) | 1u << 20 | (w & 0xFFF0) << 4;
    case 2:
    case 7:
        return (w & 15) | (w >> 8 & 0xF0);
    case 3:
    case 4:
        return (w & 15) | (w >> 12 & 0xFF0);
    case 5:
        return w & 0x3F;
    case 6:
        return w & 0xFF;
    case 12:
        return (w & 15) | (w & 0xC0);
    case 13:
        return (w & 15) | (w >> 8 & 0xF0) | ((w >> 12 & 15) == 15 ? (w & 0xF0) << 4 : 0);
    default:
        return w & 15;
    }
}

/* The register that it sets; 16 and more: what it reads, or nothing. */
static uint32_t destination_of(uint32_t w)
{
    switch (w & 15) {
    case 0:
    case 10:
    case 11:
        return w >> 12 & 15;
    case 1:
    case 2:
    case 8:
    case 13:
        return w >> 4 & 15;
    case 12:
        return w >> 8 & 15;
    case 6:
    case 7:
    case 9:
        return 16 + (w >> 8 & 15);
    case 5:
        return 32 + (w >> 4 & 3);
    default:
        return 40;
    }
}

/* Does it never fall through? j, ret, retw, jx; ret.n, retw.n */
static bool ends_flow(uint32_t w, unsigned length)
{
    if (length == 2)
        return w == 0xF01D || w == 0xF00D;
    return (w & 0x3F) == 6 || w == 0x80 || w == 0x90 || (w & 0xFFF0FF) == 0xA0;
}

/* As measured over many images. */
static const uint8_t mixed[CODER_SETS] = { 0, 3, 2, 3, 3, 3, 3, 3, 0, 0, 3, 2, 3, 3, 3, 3, 3, 0, 3, 3, 3, 3,
                                           3, 1, 3, 3, 3, 1, 0, 0, 0, 0, 0, 2, 2, 3, 1, 0, 0, 0, 1, 0, 0, 0,
                                           3, 0, 0, 3, 3, 0, 0, 3, 0, 0, 3, 0, 0, 0, 1, 1, 3, 3, 2, 3, 3, 3,
                                           3, 0, 3, 3, 1, 0, 1, 3, 3, 3, 3, 0, 0, 3, 3, 3, 3, 3, 3, 3, 3, 3,
                                           3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3 };
static bool holds_code(uint32_t address)
{
    return (address >= 0x40020000 && address < 0x400A0000) ||
           (address >= 0x400C0000 && address < 0x40800000) || (address >= 0x42000000 && address < 0x44000000);
}

static void reset(struct coder *coder)
{
    memset(&coder->of.xtensa, 0, sizeof coder->of.xtensa);
}

static void note(struct coder_xtensa *x, uint32_t w, uint32_t whole, unsigned length)
{
    x->instruction[1] = x->instruction[0];
    x->instruction[0] = w;
    x->operation[2] = x->operation[1];
    x->operation[1] = x->operation[0];
    x->operation[0] = operation_of(w);
    x->destination[2] = x->destination[1];
    x->destination[1] = x->destination[0];
    x->destination[0] = destination_of(w);
    x->ended = ends_flow(whole, length);
}

/* ---- operands that are addresses
 * ------------------------------------------------------------------------------- */
static uint32_t code_call(struct coder *coder, struct coder_value w)
{
    const struct coder_xtensa *x = &coder->of.xtensa;
    uint32_t base = (coder->place.address >> 2) + 1, got = 0;
    struct coder_value target = CODER_BOTH(base + (w.actual >> 6), base + (w.expected >> 6));
    for (int i = 0; i < 3; i++) {
        uint32_t first = coder_hash(got << 2 | (uint32_t)i, 21);
        coder_set_contexts(coder, first, coder_hash(first, x->instruction[0]), 0);
        unsigned bits = i == 0 ? 2 : 8;
        got = got << bits | coder_bits(coder, coder_value_bits(target, 16 - 8 * (unsigned)i, bits), bits,
                                       SET_CALL + (i == 0 ? 0 : 2u * (unsigned)i - 1));
    }
    return (got - base) & 0x3FFFF;
}

static void note_literal(struct coder_xtensa *x, uint32_t word)
{
    x->literal = word & 0xFFFF;
    int32_t above = (int16_t)(x->literal - x->literal_top);
    if (above > 0 || above < -512)
        x->literal_top = x->literal;
}

static uint32_t code_literal_distance(struct coder *coder, struct coder_value w)
{
    struct coder_xtensa *x = &coder->of.xtensa;
    uint32_t base = (coder->place.address + 3) >> 2, got = 0;
    struct coder_value distance =
        CODER_BOTH(base - x->literal + (w.actual >> 8), base - x->literal + (w.expected >> 8));
    int32_t top = (int16_t)(x->literal_top - x->literal);
    uint32_t behind = (uint32_t)(top < -1 ? -1 : top > 255 ? 255 : top) + 1;
    for (int i = 0; i < 2; i++) {
        uint32_t first = coder_hash(got << 2 | (uint32_t)i, 31);
        coder_set_contexts(coder, first, coder_hash(first, behind << 16 | 34), 0);
        got = got << 8 | coder_bits(coder, coder_value_bits(distance, 8 - 8 * (unsigned)i, 8), 8,
                                    SET_LITERAL_DISTANCE + 2 * (unsigned)i);
    }
    note_literal(x, got + x->literal);
    return (x->literal - base) & 0xFFFF;
}

/* ---- instructions
 * ---------------------------------------------------------------------------------------------- */
/* In which order the nibbles behind the first are coded: those that say what it does first. 0: no more. */
static const uint8_t order[16][6] = {
    { 4, 5, 3, 2, 1, 0 }, { 1, 0 },       { 3, 2, 1, 5, 4, 0 }, { 5, 4, 3, 2, 1, 0 },
    { 5, 4, 3, 2, 1, 0 }, { 1, 0 },       { 1, 2, 3, 5, 4, 0 }, { 3, 2, 1, 5, 4, 0 },
    { 2, 1, 3, 0 },       { 2, 1, 3, 0 }, { 3, 2, 1, 0 },       { 3, 2, 1, 0 },
    { 1, 2, 3, 0 },       { 3, 1, 2, 0 }, { 1, 2, 3, 4, 5, 0 }, { 1, 2, 3, 4, 5, 0 },
};

static const uint8_t set_of[16] = { 0, 5, 6, 11, 11, 16, 17, 22, 27, 30, 33, 36, 39, 42, 11, 11 };

static void code_instruction(struct coder *coder)
{
    struct coder_xtensa *x = &coder->of.xtensa;
    struct coder_value value = CODER_BOTH(xtensa_get_le24(coder->actual), coder_expected(coder, true));
    uint32_t before = coder_hash(x->operation[0] ^ x->destination[0] << 24, 77),
             third = coder_hash(x->operation[0] ^ x->operation[1] * 0x9E3779B1u, 101);
    uint32_t second = coder->hinted ? coder_hash(coder->hint & 15, 79) : coder_hash(before, x->operation[1]);
    coder_set_contexts(coder, coder_hash(x->operation[0], 78), second, third);
    uint32_t first = coder_bits(coder, coder_value_bits(value, 0, 4), 4, SET_FIRST), w = first,
             so_far = first + 1;
    unsigned set = SET_OTHER + set_of[first], bits = first == 5 ? 2 : 4;
    for (const uint8_t *at = order[first]; *at != 0; at++) {
        so_far *= 0x9E3779B1u;
        second = coder->hinted ? coder_hash(coder->hint >> (4 * *at) & 15, 80) : before;
        coder_set_contexts(coder, so_far, so_far ^ second, 0);
        uint32_t nibble = coder_bits(coder, coder_value_bits(value, 4u * *at, bits), bits, set++);
        w |= nibble << (4 * *at);
        so_far ^= so_far >> 15;
        so_far += nibble + 1;
    }
    uint32_t whole = w;
    if (first == 5)
        whole |= code_call(coder, value) << 6;
    if (first == 1)
        whole |= code_literal_distance(coder, value) << 8;
    note(x, w, whole, xtensa_length(first));
    coder_emit_word(coder, whole, xtensa_length(first));
    coder_unit_done(coder, w);
}

/* ---- what lies between instructions
 * ---------------------------------------------------------------------------- */
static void code_word(struct coder *coder)
{
    struct coder_xtensa *x = &coder->of.xtensa;
    struct coder_value value = CODER_BOTH(espota_get_le32(coder->actual), coder_expected(coder, false));
    uint32_t got = 0;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t first = coder_hash(got, 41 + i);
        coder_set_contexts(coder, first, coder_hash(first, coder->before + 42), 0);
        got = got << 8 | coder_bits(coder, coder_value_bits(value, 24 - 8 * i, 8), 8, SET_WORD + 2 * i);
    }
    x->instruction[1] = x->instruction[0];
    x->instruction[0] = got;
    coder_emit_word(coder, got, 4);
    coder_unit_done(coder, got);
}

static bool code_literal(struct coder *coder)
{
    struct coder_xtensa *x = &coder->of.xtensa;
    if ((coder->place.address & 3) != 0 || coder->place.left < 4)
        return false;
    unsigned flag = FLAG_LITERAL + (x->after_literal ? 2u : 0) + (x->ended ? 1u : 0);
    x->after_literal = coder_flag(coder, coder->actual_literal, flag) != 0;
    if (x->after_literal)
        code_word(coder);
    return x->after_literal;
}

/* Up to three zeros where nothing falls through to. */
static bool code_padding(struct coder *coder)
{
    struct coder_xtensa *x = &coder->of.xtensa;
    unsigned lane = coder->place.address & 3, zeros = 0, actual = 0;
    if (!x->ended || coder->place.left < 4)
        return false;
    x->ended = false;
    while (actual < 3 && coder->actual[actual] == 0)
        actual++;
    while (zeros < 3 && coder_flag(coder, actual > zeros, FLAG_PADDING + lane * 4 + zeros) != 0)
        zeros++;
    coder_emit_word(coder, 0, zeros);
    return zeros > 0;
}

/* ---- instructions that are repeated
 * ---------------------------------------------------------------------------------------- */
static unsigned move(uint8_t instruction[CODER_INSTRUCTION_MAX], uint32_t from, uint32_t to)
{
    uint32_t w = xtensa_get_le24(instruction), first = w & 15;
    if (first == 5)
        w += ((from >> 2) - (to >> 2)) << 6;
    else if (first == 1)
        w += (((from + 3) >> 2) - ((to + 3) >> 2)) << 8;
    else
        return xtensa_length(first);
    instruction[1] = (uint8_t)(w >> 8);
    instruction[2] = (uint8_t)(w >> 16);
    instruction[0] = (uint8_t)w;
    return 3;
}

static uint32_t seen(struct coder *coder, const uint8_t *instruction)
{
    struct coder_xtensa *x = &coder->of.xtensa;
    unsigned length = xtensa_length(instruction[0]);
    uint32_t whole = xtensa_get_le24(instruction) & (length == 2 ? 0xFFFF : 0xFFFFFF), w = whole;
    if ((w & 15) == 5) {
        w &= 0x3F;
    } else if ((w & 15) == 1) {
        note_literal(x, ((coder->place.address + 3) >> 2) + (w >> 8));
        w &= 0xFF;
    }
    x->after_literal = false;
    note(x, w, whole, length);
    return w;
}

static void unit(struct coder *coder)
{
    if (code_literal(coder) || code_padding(coder))
        return;
    if (coder->place.left < 3)
        coder_data_byte(coder);
    else
        code_instruction(coder);
}

/* ---- encoder alone
 * --------------------------------------------------------------------------------------------- */
#ifdef ESPOTA_CODER_ENCODER
/* A word that may be an address of data or code. */
static bool looks_like_address(uint32_t v)
{
    return (v >= 0x3C000000 && v < 0x3D000000) || (v >= 0x3F000000 && v < 0x40400000) ||
           (v >= 0x42000000 && v < 0x42800000) || (v >= 0x50000000 && v < 0x50002000);
}

/* Words that look like addresses; and those that an l32r among instructions refers to. */
static void mark_literals(const uint8_t *code, uint32_t length, uint32_t address, uint8_t *literals)
{
    bool ended = false;
    for (uint32_t i = 0; i + 4 <= length; i += 4)
        literals[i / 4] = looks_like_address(espota_get_le32(code + i));
    for (uint32_t i = 0; i + 4 <= length;) {
        if (i % 4 == 0 && literals[i / 4] != 0) {
            i += 4;
            ended = false;
            continue;
        }
        if (ended && code[i] == 0) {
            i++;
            continue;
        }
        unsigned size = xtensa_length(code[i]);
        uint32_t w = size == 2 ? espota_get_le16(code + i) : xtensa_get_le24(code + i),
                 target = xtensa_literal(w, address + i) - address;
        if ((w & 15) == 1 && size == 3 && target < length)
            literals[target / 4] = 1;
        ended = ends_flow(w, size);
        i += size;
    }
}

#endif

#if !defined(ESPOTA_CODER_BASE) || !defined(ESPOTA_CODER_XTENSA)
#define coder_xtensa_guess  NULL
#define coder_xtensa_target NULL
#endif

const struct coder_isa coder_isa_xtensa = {
    .mixed = mixed,
    .holds_code = holds_code,
    .reset = reset,
    .unit = unit,
    .move = move,
    .seen = seen,
#ifdef ESPOTA_CODER_ENCODER
    .mark_literals = mark_literals,
#endif
    .guess = coder_xtensa_guess,
    .target = coder_xtensa_target,
};
