/* The coder's model of RISC-V code, with compressed instructions. */
#include "coder.h"

#include <string.h>

static bool holds_code(uint32_t address)
{
    return (address >> 20) == 0x403 || (address >> 24) == 0x42;
}

static void reset(struct coder *coder)
{
    memset(&coder->of.riscv, 0, sizeof coder->of.riscv);
}

static void unit(struct coder *coder)
{
    coder_data_byte(coder);
}

static unsigned move(uint8_t instruction[CODER_INSTRUCTION_MAX], uint32_t from, uint32_t to)
{
    (void)from;
    (void)to;
    return (instruction[0] & 3) == 3 ? 4 : 2;
}

static void seen(struct coder *coder, const uint8_t *instruction)
{
    (void)coder;
    (void)instruction;
}

static void mark_literals(const uint8_t *code, uint32_t length, uint32_t address, uint8_t *literals)
{
    (void)code;
    (void)length;
    (void)address;
    (void)literals;
}

const struct coder_isa coder_isa_riscv = { holds_code, reset, unit, move, seen, mark_literals };
