/* The stub's first stage, its own source (firmware/port/stub/first.c), on a board of the simulator. */
#ifndef ESPOTA_SIM_FIRST_H
#define ESPOTA_SIM_FIRST_H

#include <stdbool.h>
#include <stdint.h>

struct sim_board;

struct sim_first;

/* The ROM jumps to `entry`. @return whether that is the first stage, which runs then. */
bool sim_first_start(struct sim_board *board, uint32_t entry);
/* @return false when there was nothing to do. `*entry`: of what it loaded and would start now, or 0. */
bool sim_first_step(struct sim_board *board, uint32_t *entry);
void sim_first_stop(struct sim_board *board);

#endif
