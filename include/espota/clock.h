/** Time, where something waits. It is injected: a test or a fuzzer counts it instead of spending it. */
#ifndef ESPOTA_CLOCK_H
#define ESPOTA_CLOCK_H

#pragma GCC visibility push(default)

#include <stdint.h>

/** A clock. Wherever a pointer to one is NULL, the system's monotonic clock is meant. */
struct espota_clock {
    void *context;
    /** Milliseconds since any moment, never going back. */
    uint64_t (*now_ms)(void *context);
    void (*sleep_ms)(void *context, unsigned ms);
};

/** The system's monotonic milliseconds. */
uint64_t espota_now_ms(void);
void espota_sleep_ms(unsigned ms);

/** Milliseconds by `clock`. */
uint64_t espota_clock_now_ms(const struct espota_clock *clock);
/** Let `ms` milliseconds of `clock` pass. */
void espota_clock_sleep_ms(const struct espota_clock *clock, unsigned ms);

#pragma GCC visibility pop

#endif
