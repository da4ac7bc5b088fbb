/* Inside the coder: instructions of RISC-V. RISC-V Unprivileged ISA: "RV32/64G Instruction Set Listings",
 * "RVC Instruction Set Listings". */
#ifndef ESPOTA_FORMAT_CODER_RISCV_H
#define ESPOTA_FORMAT_CODER_RISCV_H

#include "coder.h"

/* What an instruction is, first: quadrant and funct3 of a compressed one, or 32 and the opcode's bits 6..2.
 */
#define CLASS(quadrant, funct3) ((quadrant) << 3 | (funct3))
#define WIDE(opcode)            (32u + ((opcode) >> 2))

enum {
    C_JAL = CLASS(1, 1),
    C_ARITHMETIC = CLASS(1, 4),
    C_J = CLASS(1, 5),
    C_BEQZ = CLASS(1, 6),
    C_BNEZ = CLASS(1, 7),
    C_REGISTERS = CLASS(2, 4),
    C_SWSP = CLASS(2, 6),
    LOAD = WIDE(0x03),
    OP_IMM = WIDE(0x13),
    AUIPC = WIDE(0x17),
    STORE = WIDE(0x23),
    AMO = WIDE(0x2F),
    OP = WIDE(0x33),
    LUI = WIDE(0x37),
    BRANCH = WIDE(0x63),
    JALR = WIDE(0x67),
    JAL = WIDE(0x6F),
};

#define NO_REGISTER 40u

static inline uint32_t class_of(uint32_t w)
{
    return (w & 3) == 3 ? 32 + (w >> 2 & 31) : CLASS(w & 3, w >> 13 & 7);
}

static inline uint32_t bits(uint32_t w, unsigned low, unsigned count)
{
    return w >> low & (0xFFFFFFFFu >> (32 - count));
}

/* ---- offsets of jumps: their bits as they lie in the word, and in order
 * ----------------------------------------- */
static inline uint32_t jal_offset(uint32_t w)
{
    return bits(w, 21, 10) << 1 | bits(w, 20, 1) << 11 | bits(w, 12, 8) << 12 | bits(w, 31, 1) << 20;
}

static inline uint32_t jal_bits(uint32_t offset)
{
    return bits(offset, 1, 10) << 21 | bits(offset, 11, 1) << 20 | bits(offset, 12, 8) << 12 |
           bits(offset, 20, 1) << 31;
}

static inline uint32_t branch_offset(uint32_t w)
{
    return bits(w, 8, 4) << 1 | bits(w, 25, 6) << 5 | bits(w, 7, 1) << 11 | bits(w, 31, 1) << 12;
}

static inline uint32_t branch_bits(uint32_t offset)
{
    return bits(offset, 1, 4) << 8 | bits(offset, 5, 6) << 25 | bits(offset, 11, 1) << 7 |
           bits(offset, 12, 1) << 31;
}

static inline uint32_t short_jump_offset(uint32_t w)
{
    return bits(w, 3, 3) << 1 | bits(w, 11, 1) << 4 | bits(w, 2, 1) << 5 | bits(w, 7, 1) << 6 |
           bits(w, 6, 1) << 7 | bits(w, 9, 2) << 8 | bits(w, 8, 1) << 10 | bits(w, 12, 1) << 11;
}

static inline uint32_t short_jump_bits(uint32_t offset)
{
    return bits(offset, 1, 3) << 3 | bits(offset, 4, 1) << 11 | bits(offset, 5, 1) << 2 |
           bits(offset, 6, 1) << 7 | bits(offset, 7, 1) << 6 | bits(offset, 8, 2) << 9 |
           bits(offset, 10, 1) << 8 | bits(offset, 11, 1) << 12;
}

static inline uint32_t short_branch_offset(uint32_t w)
{
    return bits(w, 3, 2) << 1 | bits(w, 10, 2) << 3 | bits(w, 2, 1) << 5 | bits(w, 5, 2) << 6 |
           bits(w, 12, 1) << 8;
}

static inline uint32_t short_branch_bits(uint32_t offset)
{
    return bits(offset, 1, 2) << 3 | bits(offset, 3, 2) << 10 | bits(offset, 5, 1) << 2 |
           bits(offset, 6, 2) << 5 | bits(offset, 8, 1) << 12;
}

static inline uint32_t destination_of(uint32_t w, uint32_t class)
{
    if (class >= 32)
        return class == BRANCH || class == STORE ? NO_REGISTER : bits(w, 7, 5);
    if (class < 8)
        return 8 + bits(w, 2, 3);
    if (class == C_JAL)
        return 1;
    if (class == C_J || class == C_BEQZ || class == C_BNEZ || class == C_SWSP)
        return NO_REGISTER;
    return class == C_ARITHMETIC ? 8 + bits(w, 7, 3) : bits(w, 7, 5);
}

/* coder_riscv_base.c */
void coder_riscv_guess(struct coder *coder, struct coder_guess *guess);
uint32_t coder_riscv_target(struct coder *coder, const struct coder_guess *guess, uint32_t word);

#endif
