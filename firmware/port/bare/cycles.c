/* The CPU's cycle counter. */
#include "chip.h"

#ifdef __XTENSA__

uint32_t bare_cycles(void)
{
    uint32_t count;
    __asm__ volatile("rsr.ccount %0" : "=r"(count));
    return count;
}

#else

uint32_t bare_cycles(void)
{
    uint32_t count;
    __asm__ volatile("csrr %0, mcycle" : "=r"(count));
    return count;
}

/* Which event counts, that it counts, the count. Source: ESP-IDF, components/riscv/include/riscv/csr.h. */
uint32_t bare_own_cycles(void)
{
    uint32_t count;
    __asm__ volatile("csrw 0x7e0, %0" : : "r"(1));
    __asm__ volatile("csrw 0x7e1, %0" : : "r"(1));
    __asm__ volatile("csrr %0, 0x7e2" : "=r"(count));
    return count;
}

#endif
