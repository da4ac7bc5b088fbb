/* What the Espressif chips have in common, at other addresses: UART, flash, MAC, watchdogs, restart. The
 * functions are for a bare_board whose context is a bare_chip. */
#ifndef ESPOTA_BARE_CHIP_H
#define ESPOTA_BARE_CHIP_H

#include "spi_flash.h"

#include <stddef.h>
#include <stdint.h>

struct bare_chip {
    struct bare_spi spi; /* of the flash */
    uint32_t uart;       /* its FIFO for reading; its status is at 0x1c */
    uint32_t uart_out;   /* its FIFO for writing */
    uint32_t fifo_mask;  /* of a count in its status: received in the low half, unsent in the high one */
    uint32_t mac;        /* in eFuse: low word, then high word */
    uint32_t random;
    uint32_t rtc;                            /* options, whose highest bit restarts */
    uint32_t rtc_watchdog, rtc_protect;      /* configuration, write protection */
    uint32_t timer_group, timer_group_other; /* their watchdogs are at 0x48, protected at 0x64 */
    uint32_t (*now_ms)(const void *context);
};

uint32_t bare_chip_flash_size(const void *context);
int bare_chip_flash_read(const void *context, uint32_t offset, void *out, size_t length);
int bare_chip_flash_erase(const void *context, uint32_t offset, uint32_t length);
int bare_chip_flash_program(const void *context, uint32_t offset, const void *data, size_t length);
size_t bare_chip_uart_read(const void *context, uint8_t *out, size_t room);
int bare_chip_uart_write(const void *context, const uint8_t *data, size_t length);
void bare_chip_mac(const void *context, uint8_t mac[6]);
uint32_t bare_chip_noise(const void *context);
void bare_chip_restart(const void *context);

/* Those functions, for the initialiser of a bare_board. */
#define BARE_CHIP_BOARD(chip, clock)                                                                         \
    .context = &(chip), .flash_size = bare_chip_flash_size, .flash_read = bare_chip_flash_read,              \
    .flash_erase = bare_chip_flash_erase, .flash_program = bare_chip_flash_program, .mac = bare_chip_mac,    \
    .now_ms = (clock), .noise = bare_chip_noise, .restart = bare_chip_restart

/* The bootloader leaves watchdogs behind, which an app has to stop or feed. */
void bare_chip_disable_watchdogs(const struct bare_chip *chip);

#endif
