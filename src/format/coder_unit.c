/* What units of all kinds need. */
#include "coder.h"

void coder_relax(struct coder *coder)
{
    if (coder->image != NULL && coder->image->relax != NULL)
        coder->image->relax(coder->image->context);
}

static void emit_slowly(struct coder *coder, uint32_t byte)
{
    uint8_t value = (uint8_t)byte;
    if (coder->in_header)
        coder->header[(sizeof coder->header - coder->place.left) & 7] = value;
    if (coder->filled < ESPOTA_CODER_SECTOR)
        coder->sector[coder->filled] = value;
    else
        coder->over[coder->filled - ESPOTA_CODER_SECTOR] = value;
    coder->window[coder->windowed++ & (coder->window_size - 1)] = value;
    coder->filled++;
    coder->place.address++;
    coder->place.left--;
    coder->before = coder->before >> 8 | (uint32_t)value << 24;
}

void coder_emit(struct coder *coder, uint32_t byte)
{
    coder_emit_word(coder, byte, 1);
}

void coder_emit_word(struct coder *coder, uint32_t word, unsigned count)
{
    if (count == 0)
        return;
    if (coder->in_header || coder->filled + 4 > ESPOTA_CODER_SECTOR) {
        for (; count > 0; count--, word >>= 8)
            emit_slowly(coder, word);
        return;
    }
    uint8_t *to = coder->sector + coder->filled, *window = coder->window;
    uint32_t at = coder->windowed, mask = coder->window_size - 1;
    coder->filled += count;
    coder->windowed += count;
    coder->place.address += count;
    coder->place.left -= count;
    coder->before = count == 4 ? word : coder->before >> 8 * count | word << (32 - 8 * count);
    for (uint8_t *end = to + count; to < end; word >>= 8) {
        *to++ = (uint8_t)word;
        window[at++ & mask] = (uint8_t)word;
    }
}

unsigned coder_match_unit(const struct coder *coder, uint8_t unit[CODER_INSTRUCTION_MAX], uint32_t distance,
                          uint32_t here, uint32_t most)
{
    uint8_t first = unit[0];
    if (!coder->code_here || distance < CODER_INSTRUCTION_MAX)
        return 1;
    unsigned length = coder->isa->move(unit, here - distance, here);
    if (length <= most)
        return length;
    unit[0] = first;
    return 1;
}
