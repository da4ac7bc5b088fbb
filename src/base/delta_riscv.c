/* Units of RISC-V code for the matcher. */
#include "base/delta_units.h"

#include "espota/bytes.h"

struct delta_unit delta_unit_riscv(const uint8_t *p, uint32_t left, uint32_t address, bool *ended)
{
    struct delta_unit unit = { .length = 1, .kept = { UINT32_MAX, UINT32_MAX } };
    (void)address;
    *ended = false;
    if (left < 4)
        return unit;
    unit.length = (p[0] & 3) == 3 ? 4 : 2;
    return unit;
}
