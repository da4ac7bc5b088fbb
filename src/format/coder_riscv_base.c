/* The coder's base, for RISC-V: what an instruction of the base is likely to have become. */
#include "coder_base.h"
#include "coder_riscv.h"

#if defined(ESPOTA_CODER_BASE) && defined(ESPOTA_CODER_RISCV)

#include "espota/bytes.h"

#define AHEAD 24u /* bytes in which the other half of an address is looked for */

/* Kinds of units; the first ones are those of data. */
enum { KIND_PART = 5, KIND_SHORT, KIND_WIDE, KIND_CALL, KIND_UPPER, KIND_LOWER, KIND_JUMP, KIND_SHORT_JUMP };

/* ---- numbers of twelve bits that are added to a register
 * --------------------------------------------------------- */
static bool adds(uint32_t class)
{
    return class == JALR || class == OP_IMM || class == LOAD || class == STORE;
}

static uint32_t lower_of(uint32_t w, uint32_t class)
{
    uint32_t low = class == STORE ? bits(w, 25, 7) << 5 | bits(w, 7, 5) : w >> 20;
    return (low ^ 0x800) - 0x800;
}

static uint32_t with_lower(uint32_t w, uint32_t class, uint32_t low)
{
    return class == STORE ? (w & 0x01FFF07F) | bits(low, 5, 7) << 25 | bits(low, 0, 5) << 7
                          : (w & 0xFFFFF) | low << 20;
}

/* addi and its like that only add: not the shifts, and, or, ... */
static bool is_lower(uint32_t w, uint32_t class)
{
    return adds(class) && (class != OP_IMM || bits(w, 12, 3) == 0);
}

/* What is added to `rd` soon after the instruction of the guess; 0: nothing. */
static uint32_t lower_ahead(struct coder *coder, const struct coder_guess *guess, uint32_t rd)
{
    uint8_t ahead[AHEAD + 4];
    coder_base_read_old(coder, guess->offset + 4, ahead, sizeof ahead);
    for (uint32_t at = 0; at <= AHEAD;) {
        uint32_t w = espota_get_le32(ahead + at), class = class_of(w);
        if (is_lower(w, class) && bits(w, 15, 5) == rd)
            return lower_of(w, class);
        if (destination_of(w, class) == rd || class == JAL)
            break;
        at += class >= 32 ? 4 : 2;
    }
    return 0;
}

/* ---- addresses in two halves
 * ------------------------------------------------------------------------------------- */
static void guess_upper(struct coder *coder, struct coder_guess *guess, uint32_t class)
{
    uint32_t w = guess->was, rd = bits(w, 7, 5), here = class == AUIPC ? coder->place.address : 0;
    uint32_t old = (class == AUIPC ? guess->address : 0) + (w & 0xFFFFF000);
    guess->kind = KIND_UPPER;
    guess->target = old + lower_ahead(coder, guess, rd);
    coder->base->upper[rd] = (struct coder_move){ old, old };
    if (class == LUI && !coder_base_is_address(coder, guess->target))
        return;
    uint32_t now = coder_base_moved(coder, guess->target, &guess->quality);
    guess->word = (w & 0xFFF) | ((now - here + 0x800) & 0xFFFFF000);
}

static bool guess_lower(struct coder *coder, struct coder_guess *guess, uint32_t class)
{
    uint32_t w = guess->was;
    const struct coder_move *upper = &coder->base->upper[bits(w, 15, 5)];
    if (!is_lower(w, class) || upper->from == 0)
        return false;
    uint32_t target = upper->from + lower_of(w, class);
    if (!coder_base_is_address(coder, target))
        return false;
    guess->kind = KIND_LOWER;
    guess->target = target;
    uint32_t low = coder_base_moved(coder, target, &guess->quality) - upper->to;
    if (low + 0x800 < 0x1000)
        guess->word = with_lower(w, class, low);
    return true;
}

/* ---- jumps
 * ------------------------------------------------------------------------------------------------------ */
static bool jump_offset(uint32_t w, uint32_t class, uint32_t *offset)
{
    uint32_t sign;
    if (class == JAL) {
        *offset = jal_offset(w);
        sign = 1u << 20;
    } else if (class == BRANCH) {
        *offset = branch_offset(w);
        sign = 1u << 12;
    } else if (class == C_J || class == C_JAL) {
        *offset = short_jump_offset(w);
        sign = 1u << 11;
    } else if (class == C_BEQZ || class == C_BNEZ) {
        *offset = short_branch_offset(w);
        sign = 1u << 8;
    } else {
        return false;
    }
    *offset = (*offset ^ sign) - sign;
    return true;
}

static uint32_t with_offset(uint32_t w, uint32_t class, uint32_t offset)
{
    if (class == JAL)
        return (w & 0xFFF) | jal_bits(offset);
    if (class == BRANCH)
        return (w & 0x01FFF07F) | branch_bits(offset);
    if (class == C_J || class == C_JAL)
        return (w & 0xE003) | short_jump_bits(offset);
    return (w & 0xE383) | short_branch_bits(offset);
}

static bool guess_jump(struct coder *coder, struct coder_guess *guess, uint32_t class)
{
    uint32_t offset, again;
    if (!jump_offset(guess->was, class, &offset))
        return false;
    bool call = class == C_JAL || (class == JAL && bits(guess->was, 7, 5) != 0);
    guess->kind = call ? KIND_CALL : class >= 32 ? KIND_JUMP : KIND_SHORT_JUMP;
    uint32_t target = guess->address + offset;
    uint32_t now = coder_base_moved(coder, target, &guess->quality) - coder->place.address;
    uint32_t word = with_offset(guess->was, class, now);
    if (jump_offset(word, class, &again) && again == now)
        guess->word = word;
    if (call)
        guess->target = target;
    return true;
}

/* ---- units
 * ------------------------------------------------------------------------------------------------------ */
void coder_riscv_guess(struct coder *coder, struct coder_guess *guess)
{
    uint32_t w = guess->was, class = class_of(w), rd = destination_of(w, class);
    guess->length = class >= 32 ? 4 : 2;
    if (guess->length > guess->room || (coder->place.address & 1) != 0) {
        guess->length = 1;
        guess->is_part = true;
        guess->kind = KIND_PART;
        guess->was = guess->word = w & 0xFF;
        return;
    }
    if (guess->length == 2)
        w = guess->was = guess->word = w & 0xFFFF;
    guess->is_instruction = true;
    guess->kind = guess->length == 2 ? KIND_SHORT : KIND_WIDE;
    if (!guess_lower(coder, guess, class) && !guess_jump(coder, guess, class)) {
        if (rd < 32)
            coder->base->upper[rd].from = 0;
        if (class == LUI || class == AUIPC)
            guess_upper(coder, guess, class);
    } else if (rd < 32) {
        guess->sets = rd;
    }
}

uint32_t coder_riscv_target(struct coder *coder, const struct coder_guess *guess, uint32_t w)
{
    uint32_t class = class_of(w), here = coder->place.address - guess->length, offset;
    if (class != class_of(guess->was))
        return 0;
    struct coder_move *upper = coder->base->upper;
    if (guess->kind == KIND_UPPER) {
        upper[bits(guess->was, 7, 5)].to = (class == AUIPC ? here : 0) + (w & 0xFFFFF000);
        return 0;
    }
    if (guess->kind == KIND_CALL)
        return jump_offset(w, class, &offset) ? here + offset : 0;
    uint32_t now = upper[bits(guess->was, 15, 5)].to + lower_of(w, class);
    if (guess->sets != 0)
        upper[guess->sets].from = 0;
    return now;
}

#else
typedef int coder_riscv_base_is_empty; /* a file of C is not */
#endif
