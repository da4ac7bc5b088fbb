/* Matches: bytes that were in the image before, not far back. Instructions are moved as they are copied, so
 * that calls of one function from two places are the same. */
#include "coder_deep.h"

#include "espota/bytes.h"

#define LENGTH_MIN 4u
#define PAUSE      32u /* bytes that are copied between two calls of relax */

enum {
    SET_SLOT = CODER_SET_MATCH, /* + kind */
    SET_TOP = SET_SLOT + 2,     /* + kind */
    FLAG_MATCH = CODER_FLAG_MATCH,
    FLAG_AGAIN = FLAG_MATCH + 16,
};

enum kind { LENGTH, DISTANCE };

static unsigned log2_of(uint32_t value)
{
    unsigned log = 0;
    while (value >> log > 1)
        log++;
    return log;
}

/* 1..65535: how many bits, the two behind the first, the rest. */
static uint32_t code_number(struct coder *coder, uint32_t value, enum kind kind)
{
    coder_unexpected(coder);
    coder_set_contexts(coder, 0, 0, 0);
    coder->context[0] = coder_hash(200u + kind + (coder->code_here ? 2u : 0), 7);
    uint32_t slot = coder_bits(coder, CODER_BOTH(log2_of(value), 0), 4, SET_SLOT + kind), got = 1;
    unsigned top = slot < 2 ? 0 : 2;
    if (top != 0) {
        coder->context[0] = coder_hash(coder->context[0], slot);
        got = 4 | coder_bits(coder, CODER_BOTH(value >> (slot - 2) & 3, 0), 2, SET_TOP + kind);
    }
    return got << (slot - top) | coder_plain(coder, value & ((1u << (slot - top)) - 1), slot - top);
}

static struct coder_match code_match(struct coder *coder)
{
    struct coder_match actual = coder->actual_match, got = { .distance = coder->match_distance };
    bool again =
        coder_flag(coder, actual.distance == got.distance, FLAG_AGAIN + (coder->match_past & 3)) != 0;
    got.length = code_number(coder, actual.length - LENGTH_MIN + 1, LENGTH) + LENGTH_MIN - 1;
    if (!again)
        got.distance = code_number(coder, actual.distance, DISTANCE);
    return got;
}

static void copy(struct coder *coder, struct coder_match match)
{
    while (match.length > 0 && coder->filled < ESPOTA_CODER_SECTOR && coder->place.left > 0) {
        uint8_t unit[CODER_INSTRUCTION_MAX];
        for (uint32_t i = 0; i < sizeof unit; i++)
            unit[i] = coder_byte_back(coder, match.distance - i);
        uint32_t most = match.length < coder->place.left ? match.length : coder->place.left;
        unsigned length = coder_match_unit(coder, unit, match.distance, coder->place.address, most);
        uint32_t key = length > 1 ? coder->isa->seen(coder, unit) : 0;
        coder_emit_word(coder, espota_get_le32(unit), length);
        coder_unit_copied(coder, length > 1 ? key : coder->before >> 8, match.distance);
        if ((match.length ^ (match.length - length)) >= PAUSE)
            coder_relax(coder);
        match.length -= length;
    }
}

bool coder_match(struct coder *coder)
{
    if (coder->find != NULL)
        coder->find(coder);
    unsigned flag = FLAG_MATCH + (coder->code_here ? 8u : 0) + (coder->match_past & 7);
    bool is = coder_flag(coder, coder->actual_match.length != 0, flag) != 0;
    coder->match_past = coder->match_past << 1 | (is ? 1u : 0);
    if (!is)
        return false;
    struct coder_match match = code_match(coder);
    coder->match_distance = match.distance;
    copy(coder, match);
    return true;
}
