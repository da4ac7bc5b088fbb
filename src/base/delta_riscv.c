/* Units of RISC-V code for the matcher. */
#include "base/delta_units.h"

#include "espota/bytes.h"
#include "format/coder_riscv.h"

/* Of a number of twelve bits: in loads, addi and jalr; in stores. */
#define KEPT_LOWER 0x000FFFFFu
#define KEPT_STORE 0x01FFF07Fu

static uint32_t lower_of(uint32_t w, bool store)
{
    uint32_t low = store ? bits(w, 25, 7) << 5 | bits(w, 7, 5) : w >> 20;
    return (low ^ 0x800) - 0x800;
}

/* lui or auipc, and what adds the rest of an address to its register. */
static bool is_pair(const uint8_t *p, uint32_t left, uint32_t address, struct delta_unit *unit)
{
    if (left < 8)
        return false;
    uint32_t first = espota_get_le32(p), second = espota_get_le32(p + 4), class = class_of(second);
    bool adds =
        class == JALR || class == LOAD || class == STORE || (class == OP_IMM && bits(second, 12, 3) == 0);
    if (!adds || bits(second, 15, 5) != bits(first, 7, 5))
        return false;
    bool relative = class_of(first) == AUIPC;
    unit->target = (relative ? address : 0) + (first & 0xFFFFF000) + lower_of(second, class == STORE);
    if (!relative && !delta_is_address(unit->target))
        return false;
    unit->length = 8;
    unit->refers = true;
    unit->kept[0] = 0xFFF;
    unit->kept[1] = class == STORE ? KEPT_STORE : KEPT_LOWER;
    return true;
}

struct delta_unit delta_unit_riscv(const uint8_t *p, uint32_t left, uint32_t address, bool *ended)
{
    struct delta_unit unit = { .length = 1, .kept = { UINT32_MAX, UINT32_MAX } };
    *ended = false;
    if (left < 4)
        return unit;
    uint32_t w = espota_get_le32(p), class = class_of(w);
    unit.length = class >= 32 ? 4 : 2;
    if (class == JAL) {
        unit.refers = true;
        unit.kept[0] = 0xFFF;
        unit.target = address + ((jal_offset(w) ^ 1u << 20) - (1u << 20));
    } else if (class == LUI || class == AUIPC) {
        (void)is_pair(p, left, address, &unit);
    }
    return unit;
}
