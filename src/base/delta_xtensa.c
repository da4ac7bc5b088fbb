/* Units of Xtensa code for the matcher. */
#include "base/delta_units.h"

#include "espota/bytes.h"
#include "format/coder_xtensa.h"

static bool is_entry(const uint8_t *p)
{
    return p[0] == 0x36 && (p[1] & 15) == 1 && p[2] < 4;
}

/* j, ret, retw, jx; ret.n, retw.n */
static bool ends_flow(uint32_t w, uint32_t length)
{
    if (length == 2)
        return (w & 0xFFFF) == 0xF01D || (w & 0xFFFF) == 0xF00D;
    return (w & 0x3F) == 6 || w == 0x80 || w == 0x90 || (w & 0xFFF0FF) == 0xA0;
}

static struct delta_unit bytes(uint32_t length)
{
    return (struct delta_unit){ .length = length, .kept = { UINT32_MAX, UINT32_MAX } };
}

static struct delta_unit literal(uint32_t word)
{
    return (struct delta_unit){ .length = 4, .kept = { 0xFF000000 }, .target = word, .refers = true };
}

static struct delta_unit instruction(const uint8_t *p, uint32_t address, bool *ended)
{
    uint32_t w = xtensa_get_le24(p);
    struct delta_unit unit = bytes(xtensa_length(w));
    *ended = ends_flow(w, unit.length);
    if ((w & 15) == 5) {
        unit.refers = true;
        unit.kept[0] = 0x3F;
        unit.target = (address & ~3u) + 4 + (((w >> 6 ^ 0x20000) - 0x20000) << 2);
    } else if ((w & 15) == 1) {
        unit.refers = true;
        unit.kept[0] = 0xFF;
        unit.target = xtensa_literal(w, address);
    }
    return unit;
}

struct delta_unit delta_unit_xtensa(const uint8_t *p, uint32_t left, uint32_t address, bool *ended)
{
    uint32_t next = 4 - address % 4, zeros = 0;
    if (left < 4)
        return bytes(1);
    if (next == 4 && delta_is_address(espota_get_le32(p)))
        return literal(espota_get_le32(p));
    while (*ended && zeros < 3 && p[zeros] == 0)
        zeros++;
    if (zeros > 0)
        return bytes(zeros);
    bool word_next = next < xtensa_length(p[0]) && left >= next + 4 &&
                     (is_entry(p + next) || delta_is_address(espota_get_le32(p + next)));
    return word_next ? bytes(next) : instruction(p, address, ended);
}
