/* The wire between a board and the outside: how long bytes take, and what becomes of them on a bad one. */
#ifndef ESPOTA_SIM_LINE_H
#define ESPOTA_SIM_LINE_H

#include "espota/sim.h"

struct sim_line {
    uint32_t random; /* state of the generator */
    uint32_t drop_per_million, flip_per_million;
    bool real_time;
    uint32_t baud;
    uint64_t busy_until_us; /* when the last byte will have gone through */
};

void sim_line_init(struct sim_line *line, const struct espota_sim_options *options);

/* Let bytes through: takes the time that they take, and drops and flips some, in place. @return how many are
 * left. */
size_t sim_line_pass(struct sim_line *line, uint8_t *data, size_t length);

#endif
