/* A NOR flash chip: erase sets whole 4K sectors to FF, programming only clears bits. It lives in a file, can
 * take as long as a real one, and can lose power at any operation. */
#ifndef ESPOTA_SIM_FLASH_H
#define ESPOTA_SIM_FLASH_H

#include "espota/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What becomes of the operation at which the power fails. BITS: some of its bits, here and there. */
enum sim_cut { SIM_CUT_NONE, SIM_CUT_BEFORE, SIM_CUT_TORN, SIM_CUT_AFTER, SIM_CUT_BITS };

struct sim_flash {
    uint8_t *data;
    uint32_t size;
    int fd;              /* -1: memory only */
    bool powered;        /* false: every operation fails until power returns */
    bool real_time;      /* erase and program take as long as on a typical 25Q chip */
    uint64_t operations; /* erases and programs since the start */
    uint64_t erases, programmed_bytes;
    uint64_t busy_us; /* what they would have taken */
    enum sim_cut cut;
    uint64_t cut_at; /* operation number, counted from 1 */
    uint32_t bits;   /* which bits BITS leaves: the state of its random numbers */
    /* Called whenever flash is as a power cut would leave it: in the middle of an operation and after it. */
    void (*watch)(void *context);
    void *watch_context;
};

/* Flash in a file, which is created blank with `size` when it does not exist; `size` 0: as it is. */
int sim_flash_open(struct sim_flash *flash, const char *path, uint32_t size, struct espota_error *error);
/* Flash in memory, blank. */
int sim_flash_memory(struct sim_flash *flash, uint32_t size, struct espota_error *error);
void sim_flash_close(struct sim_flash *flash);

/* 0; or -1 when out of range or without power. */
int sim_flash_read(struct sim_flash *flash, uint32_t offset, void *buffer, size_t length);
int sim_flash_erase(struct sim_flash *flash, uint32_t offset); /* one sector */
int sim_flash_program(struct sim_flash *flash, uint32_t offset, const void *data, size_t length);

#endif
