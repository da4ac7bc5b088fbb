/* The coder's base, for Xtensa: what an instruction of the base is likely to have become. */
#include "coder_base.h"
#include "coder_xtensa.h"

#if defined(ESPOTA_CODER_BASE) && defined(ESPOTA_CODER_XTENSA)

#include "espota/bytes.h"

#define LITERALS_AROUND 64u /* words in which a literal is looked for */

/* Kinds of units; the first ones are those of data. */
enum { KIND_LITERAL = 3, KIND_PADDING, KIND_PART, KIND_NARROW, KIND_OTHER, KIND_CALL, KIND_L32R, KIND_JUMP };

static bool is_entry(const uint8_t *p)
{
    return p[0] == 0x36 && (p[1] & 15) == 1 && p[2] < 4;
}

static uint32_t sign_extended(uint32_t value, unsigned bits)
{
    uint32_t sign = 1u << (bits - 1);
    return ((value & (2 * sign - 1)) ^ sign) - sign;
}

/* ---- literals between functions
 * --------------------------------------------------------------------------------- */
static bool guess_literal(struct coder *coder, struct coder_guess *guess)
{
    struct coder_xtensa *x = &coder->of.xtensa;
    if ((guess->address & 3) != 0 || guess->room < 4)
        return false;
    bool is_address = coder_base_is_address(coder, guess->was);
    if (!is_address && (!x->after_literal || is_entry(guess->old)))
        return false;
    coder_base_guess_word(coder, guess);
    if (!is_address)
        guess->kind = KIND_LITERAL;
    x->after_literal = true;
    x->ended = false;
    return true;
}

/* Bytes that are no instruction, and do not change. */
static void guess_part(struct coder_guess *guess, uint32_t length, uint32_t kind)
{
    guess->length = length;
    guess->kind = kind;
    guess->is_part = kind == KIND_PART;
    guess->was = guess->word = guess->was & (0xFFFFFFu >> (24 - 8 * length));
}

static bool guess_padding(const struct coder *coder, struct coder_guess *guess)
{
    uint32_t zeros = 0, most = guess->room < 3 ? guess->room : 3;
    if (!coder->of.xtensa.ended)
        return false;
    while (zeros < most && guess->old[zeros] == 0)
        zeros++;
    if (zeros > 0)
        guess_part(guess, zeros, KIND_PADDING);
    return zeros > 0;
}

/* How many bytes there are before something that begins at a word: a literal or a function. */
static uint32_t bytes_before_word(const struct coder *coder, const struct coder_guess *guess)
{
    uint32_t next = 4 - (guess->address & 3);
    if (next + 4 > guess->room || next > 2)
        return guess->room;
    const uint8_t *word = guess->old + next;
    return is_entry(word) || coder_base_is_address(coder, espota_get_le32(word)) ? next : guess->room;
}

/* ---- what refers to other places
 * -------------------------------------------------------------------------------- */
static void guess_call(struct coder *coder, struct coder_guess *guess)
{
    uint32_t w = guess->was, here = (coder->place.address & ~3u) + 4;
    guess->kind = KIND_CALL;
    guess->target = (guess->address & ~3u) + 4 + sign_extended(w >> 6, 18) * 4;
    uint32_t target = coder_base_moved(coder, guess->target, &guess->quality);
    guess->word = (w & 0x3F) | ((target - here) << 4 & 0xFFFFC0);
}

/* The literal of this value that is nearest to `address`. */
static uint32_t find_literal(struct coder *coder, uint32_t address, uint32_t value, uint32_t *quality)
{
    uint32_t word;
    for (uint32_t i = 0; i < LITERALS_AROUND; i++) {
        for (int side = 0; side < 2; side++) {
            uint32_t at = side == 0 ? address + 4 * i : address - 4 * i;
            if (coder_base_new_word(coder, at, &word) && word == value) {
                *quality = i == 0 ? 0 : 1;
                return at;
            }
        }
    }
    *quality = 2 + (*quality > 1);
    return address;
}

static void guess_l32r(struct coder *coder, struct coder_guess *guess)
{
    uint32_t w = guess->was, here = (coder->place.address + 3) & ~3u, quality;
    guess->kind = KIND_L32R;
    guess->target = xtensa_literal(w, guess->address);
    uint32_t target = coder_base_moved(coder, guess->target, &guess->quality);
    uint32_t value = coder_base_old_word(coder, guess->target);
    if (coder_base_is_address(coder, value))
        value = coder_base_moved(coder, value, &quality);
    target = find_literal(coder, target, value, &guess->quality);
    guess->word = (w & 0xFF) | ((target - here) << 6 & 0xFFFF00);
}

/* Where in the word the offset of a jump or branch is: its lowest bit; 0: it is none. */
static unsigned offset_bit(uint32_t w)
{
    if ((w & 15) == 7)
        return 16;
    if ((w & 15) != 6)
        return 0;
    static const uint8_t by_n[4] = { 6, 12, 16, 16 };
    uint32_t n = w >> 4 & 3, m = w >> 6 & 3, r = w >> 12 & 15;
    if (n == 3 && (m == 0 || (m == 1 && r != 0 && r != 1 && (r < 8 || r > 10))))
        return 0;
    return by_n[n];
}

/* Most stay as they are: their function has moved as a whole. */
static void guess_jump(struct coder *coder, struct coder_guess *guess, unsigned bit)
{
    unsigned bits = 24 - bit;
    uint32_t w = guess->was, target = guess->address + 4 + sign_extended(w >> bit, bits);
    guess->kind = KIND_JUMP;
    uint32_t now = coder_base_moved(coder, target, &guess->quality) - coder->place.address - 4;
    if (sign_extended(now, bits) == now)
        guess->word = (w & ((1u << bit) - 1)) | (now << bit & 0xFFFFFF);
}

static void guess_instruction(struct coder *coder, struct coder_guess *guess)
{
    uint32_t w = guess->was = guess->word = guess->was & (guess->length == 2 ? 0xFFFF : 0xFFFFFF);
    guess->is_instruction = true;
    guess->kind = guess->length == 2 ? KIND_NARROW : KIND_OTHER;
    unsigned bit = offset_bit(w);
    if ((w & 15) == 5)
        guess_call(coder, guess);
    else if ((w & 15) == 1)
        guess_l32r(coder, guess);
    else if (bit != 0)
        guess_jump(coder, guess, bit);
}

void coder_xtensa_guess(struct coder *coder, struct coder_guess *guess)
{
    if (guess_literal(coder, guess) || guess_padding(coder, guess))
        return;
    uint32_t most = bytes_before_word(coder, guess);
    guess->length = xtensa_length(guess->old[0]);
    if (guess->length > most)
        guess_part(guess, most < 3 ? most : 3, KIND_PART);
    else
        guess_instruction(coder, guess);
}

uint32_t coder_xtensa_target(struct coder *coder, const struct coder_guess *guess, uint32_t w)
{
    uint32_t here = coder->place.address - 3;
    if (guess->kind == KIND_CALL && ((w ^ guess->was) & 0x3F) == 0)
        return (here & ~3u) + 4 + sign_extended(w >> 6, 18) * 4;
    if (guess->kind == KIND_L32R && ((w ^ guess->was) & 0xFF) == 0)
        return xtensa_literal(w, here);
    return 0;
}

#else
typedef int coder_xtensa_base_is_empty; /* a file of C is not */
#endif
