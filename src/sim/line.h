/* The wire between a board and the outside: how long bytes take, and what becomes of them on a bad one. */
#ifndef ESPOTA_SIM_LINE_H
#define ESPOTA_SIM_LINE_H

#include "sim.h"

#include "espota/clock.h"

struct sim_line {
    struct espota_sim_faults faults;
    uint32_t random; /* state of the generator */
    bool real_time;
    const struct espota_clock *clock; /* for stalls */
    uint32_t baud;                    /* of the chip */
    uint32_t host_baud;               /* of the other end; 0: not known, so the same */
    uint64_t busy_until_ns;           /* when the last byte will have gone through */
};

void sim_line_init(struct sim_line *line, const struct espota_sim_options *options);

/* Let bytes through, of which `out` gets at most twice as many: takes the time that they take, and loses,
 * repeats, changes and holds up some. @return how many came through. */
size_t sim_line_pass(struct sim_line *line, const uint8_t *data, size_t length, uint8_t *out);

#endif
