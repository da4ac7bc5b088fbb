/* Inside the coder: instructions of Xtensa. ISA reference manual, "Instruction Formats and Opcodes". */
#ifndef ESPOTA_FORMAT_CODER_XTENSA_H
#define ESPOTA_FORMAT_CODER_XTENSA_H

#include "coder.h"

static inline uint32_t xtensa_get_le24(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

static inline unsigned xtensa_length(uint32_t first)
{
    return (first & 8) != 0 && (first & 15) < 14 ? 2 : 3;
}

/* Of an l32r that is at `address`. */
static inline uint32_t xtensa_literal(uint32_t w, uint32_t address)
{
    return ((address + 3) & ~3u) + ((0xFFFF0000u | w >> 8) << 2);
}

/* coder_xtensa_base.c */
void coder_xtensa_guess(struct coder *coder, struct coder_guess *guess);
uint32_t coder_xtensa_target(struct coder *coder, const struct coder_guess *guess, uint32_t word);

#endif
