/* A NOR flash chip: erase sets whole sectors or blocks to FF, programming only clears bits. It lives in a
 * file, can take as long as a real one, and can lose power at any operation. */
#ifndef ESPOTA_SIM_FLASH_H
#define ESPOTA_SIM_FLASH_H

#include "espota/error.h"
#include "timing.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What becomes of the operation at which the power fails. BITS: some of its bits, here and there. */
enum sim_cut { SIM_CUT_NONE, SIM_CUT_BEFORE, SIM_CUT_TORN, SIM_CUT_AFTER, SIM_CUT_BITS };

/* How long operations take. */
struct sim_flash_timing {
    uint32_t sector_us, block32_us, block64_us; /* to erase 4K, 32K, 64K */
    uint32_t page_us;                           /* to program up to 256 bytes with one command */
    uint32_t first_ns, next_ns;                 /* the same for few: the first byte, each one more */
    uint32_t read_ns;    /* a byte, over the bus, by one line; programming pays it too */
    uint32_t dual_ns;    /* a byte that is read by two */
    uint32_t command_ns; /* any command, and each further 64 bytes of one */
};

/* Typical figures of a W25Q32JV, with SPI at 40 MHz. Source: Winbond, W25Q32JV, revision I, 9.6. The chips'
 * controller holds 64 bytes of a command's data (ESP32 Technical Reference Manual, 7.2, SPI_W0_REG to
 * SPI_W15_REG): the ROM programs a page by four commands, each of which takes its time. */
extern const struct sim_flash_timing sim_flash_typical;

struct sim_flash {
    uint8_t *data;
    uint32_t size;
    int fd;                      /* -1: memory only */
    bool powered;                /* false: every operation fails until power returns */
    const struct sim_time *time; /* NULL: nothing takes time */
    struct sim_flash_timing timing;
    uint64_t busy_until_ns; /* with time: an erase or a program command goes on so long */
    size_t left, most;      /* of a page, for further commands; bytes for one */
    bool parted;            /* the controller deselects it after 64 bytes, whatever its driver wants */
    uint64_t operations;    /* erases and programs since the start */
    uint64_t erases, programmed_bytes;
    uint64_t busy_ns; /* what they would have taken */
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

/* JEDEC: a Winbond, type 40, log2 of the size. */
uint32_t sim_flash_id(const struct sim_flash *flash);

/* 0; or -1 when out of range or without power. Each waits until the operation before is done; erasing and
 * programming return when they have begun, but for the pages before the last one. */
int sim_flash_read(struct sim_flash *flash, uint32_t offset, void *buffer, size_t length);
/* By two lines. */
int sim_flash_read_dual(struct sim_flash *flash, uint32_t offset, void *buffer, size_t length);
int sim_flash_erase(struct sim_flash *flash, uint32_t offset); /* one sector */
/* A sector, 32K or 64K, at a multiple of it. */
int sim_flash_erase_block(struct sim_flash *flash, uint32_t offset, uint32_t length);
int sim_flash_program(struct sim_flash *flash, uint32_t offset, const void *data, size_t length);
/* A page by one command, the flash selected until its last byte. */
int sim_flash_program_page(struct sim_flash *flash, uint32_t offset, const void *data, size_t length);

/* How long a command that programs so many bytes of a page takes. */
uint64_t sim_flash_program_ns(const struct sim_flash_timing *timing, size_t length);

/* Does an operation go on? */
bool sim_flash_busy(const struct sim_flash *flash);
/* The same by its status register, which takes a moment to read, as the driver does it: a page's next command
 * is given when it is time, and not before it is asked. @return 1, 0, or -1 without power. */
int sim_flash_poll(struct sim_flash *flash);
void sim_flash_wait(struct sim_flash *flash);

#endif
