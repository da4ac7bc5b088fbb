#include "espota/clock.h"

#include <errno.h>
#include <time.h>

uint64_t espota_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void espota_sleep_ms(unsigned ms)
{
    struct timespec left = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

uint64_t espota_clock_now_ms(const struct espota_clock *clock)
{
    return clock ? clock->now_ms(clock->context) : espota_now_ms();
}

void espota_clock_sleep_ms(const struct espota_clock *clock, unsigned ms)
{
    if (clock)
        clock->sleep_ms(clock->context, ms);
    else
        espota_sleep_ms(ms);
}
