#include "timing.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

enum { BILLION = 1000000000 };

static uint64_t real_now(void *context)
{
    struct timespec now;
    (void)context;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * BILLION + (uint64_t)now.tv_nsec;
}

static void real_wait(void *context, uint64_t ns)
{
    struct timespec until = { (time_t)(ns / BILLION), (long)(ns % BILLION) };
    (void)context;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

const struct sim_time sim_time_real = { NULL, real_now, real_wait };

enum { SHORTEST_SLEEP_NS = 1000000, MOST_OVERSLEPT_NS = 50000000 };

static uint64_t added_now(void *context)
{
    const struct sim_real_time *real = context;
    return real_now(NULL) + (uint64_t)real->ahead_ns;
}

static void added_wait(void *context, uint64_t ns)
{
    struct sim_real_time *real = context;
    int64_t wait = (int64_t)(ns - added_now(context));
    if (wait <= 0)
        return;
    real->ahead_ns += wait;
    if (real->ahead_ns < SHORTEST_SLEEP_NS)
        return;
    real_wait(NULL, ns);
    real->ahead_ns = (int64_t)(ns - real_now(NULL));
    if (real->ahead_ns < -MOST_OVERSLEPT_NS)
        real->ahead_ns = -MOST_OVERSLEPT_NS;
}

void sim_real_time_init(struct sim_real_time *real)
{
    *real = (struct sim_real_time){ .time = { real, added_now, added_wait } };
}

uint64_t sim_time_now(const struct sim_time *time)
{
    return time ? time->now_ns(time->context) : 0;
}

void sim_time_wait_until(const struct sim_time *time, uint64_t ns)
{
    if (time)
        time->wait_until(time->context, ns);
}

void sim_time_spend(const struct sim_time *time, uint64_t ns)
{
    if (time)
        time->wait_until(time->context, time->now_ns(time->context) + ns);
}
