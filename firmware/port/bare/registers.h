/* Reaching peripherals. */
#ifndef ESPOTA_BARE_REGISTERS_H
#define ESPOTA_BARE_REGISTERS_H

#include <stdint.h>

static inline uint32_t bare_get(uint32_t address)
{
    return *(volatile const uint32_t *)(uintptr_t)address;
}

static inline void bare_put(uint32_t address, uint32_t value)
{
    *(volatile uint32_t *)(uintptr_t)address = value;
}

static inline void bare_change(uint32_t address, uint32_t clear, uint32_t set)
{
    bare_put(address, (bare_get(address) & ~clear) | set);
}

/* Steps that set a peripheral up, in order. */
struct bare_step {
    uint32_t address, clear, set;
};

static inline void bare_walk(const struct bare_step *steps, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bare_change(steps[i].address, steps[i].clear, steps[i].set);
}

#endif
