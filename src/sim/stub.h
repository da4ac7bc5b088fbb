/* The stub's own source (firmware/port/stub) on a board of the simulator: UART with its FIFO, flash, CPU. */
#ifndef ESPOTA_SIM_STUB_H
#define ESPOTA_SIM_STUB_H

#include "cpu.h"
#include "stub/stub.h"

#include <stdbool.h>
#include <stdint.h>

enum { SIM_STUB_MHZ = 160, SIM_STUB_RING = 32768, SIM_STUB_TABLE_LOG = 16 };

/* What is wrong with it, or with its first stage. DIES: it falls silent after so many bytes from the host,
 * each time that it runs. */
enum sim_stub_fault {
    SIM_STUB_GOOD,
    SIM_STUB_SILENT,
    SIM_STUB_BABBLES,
    SIM_STUB_DIES,
    SIM_FIRST_SILENT,
    SIM_FIRST_BABBLES,
    SIM_FIRST_DIES
};

struct sim_board;

struct sim_stub {
    struct stub stub;
    struct bare_board board;
    struct sim_cpu_hash sha256;
    uint8_t ring[SIM_STUB_RING];
    void *decoder_memory;
    uint32_t heard; /* bytes since it was started */
};

/* The ROM jumps to `entry`. What is in RAM runs if it is the stub for this chip, and nothing else does.
 * @return whether it runs. */
bool sim_stub_start(struct sim_board *board, uint32_t entry);
/* @return false when there was nothing to do. */
bool sim_stub_step(struct sim_board *board);
void sim_stub_stop(struct sim_board *board);

#endif
