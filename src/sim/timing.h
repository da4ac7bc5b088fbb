/* Time as a board spends it: what its chip and its flash take for what they do. A model counts it,
 * `--real-time` sleeps it; where a pointer to one is NULL, nothing takes time. */
#ifndef ESPOTA_SIM_TIMING_H
#define ESPOTA_SIM_TIMING_H

#include <stdint.h>

struct sim_time {
    void *context;
    uint64_t (*now_ns)(void *context);
    /* Nothing is to be done before; returns at once when that is past. */
    void (*wait_until)(void *context, uint64_t ns);
};

/* That of the machine. */
extern const struct sim_time sim_time_real;

/* The same for many short waits: they are added up, and slept together; what a sleep took too long is taken
 * off those that come. */
struct sim_real_time {
    struct sim_time time;
    int64_t ahead_ns; /* of the machine's clock */
};
void sim_real_time_init(struct sim_real_time *real);

/* 0 without time. */
uint64_t sim_time_now(const struct sim_time *time);
void sim_time_wait_until(const struct sim_time *time, uint64_t ns);
/* Be busy for so long. */
void sim_time_spend(const struct sim_time *time, uint64_t ns);

#endif
