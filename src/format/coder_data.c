/* The coder's model of data: text, words, tables, byte by byte. */
#include "coder_deep.h"

enum { SET_BYTE = CODER_SET_DATA }; /* + 2 * lane */

static bool text(uint32_t byte)
{
    return byte >= 0x20 && byte < 0x7F;
}

void coder_data_byte_of(struct coder *coder, struct coder_value value)
{
    uint32_t before = coder->before, lane = coder->place.address & 3;
    uint32_t second = coder_hash((before & 0xFF) << 2 | lane, 56);
    if (coder->hinted)
        second = coder_hash((coder->hint & 0xFF) << 2 | lane, 57);
    else if (text(before >> 24) && text(before >> 16 & 0xFF))
        second = coder_hash(before >> 16, 52);
    coder_set_contexts(coder, coder_hash(before >> 24, 51), second, coder_hash(lane, 53));
    coder_emit(coder, coder_bits(coder, coder_value_bits(value, 0, 8), 8, SET_BYTE + 2 * lane));
    coder_unit_done(coder, coder->before >> 8);
}

void coder_data_byte(struct coder *coder)
{
    coder_data_byte_of(coder, CODER_BOTH(coder->actual[0], coder_expected(coder, false)));
}
