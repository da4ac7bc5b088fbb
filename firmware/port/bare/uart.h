/* UART0 of an Espressif chip, as the loader in its ROM or the bootloader left it. Sources: ESP-IDF,
 * components/hal/CHIP/include/hal/uart_ll.h, components/soc/CHIP/register. */
#ifndef ESPOTA_BARE_UART_H
#define ESPOTA_BARE_UART_H

#include <stddef.h>
#include <stdint.h>

struct bare_uart {
    uint32_t base;            /* its FIFO for reading */
    uint32_t out;             /* its FIFO for writing */
    uint32_t fifo_mask;       /* of a count in its status: received in the low half, unsent in the high one */
    uint32_t update;          /* register whose lowest bit makes a new rate count; 0: it counts at once */
    uint32_t clock;           /* register that selects its clock and divides it; 0: it has none */
    uint8_t clock_divider_at; /* bits of 8 that divide, less 1 */
    uint8_t crystals[2];      /* in MHz, that drive it, the usual one first; one may be 0 */
};

/* What has come, at most `room` bytes. */
size_t bare_uart_read(const struct bare_uart *uart, uint8_t *out, size_t room);
/* As many as its FIFO has room for. */
size_t bare_uart_write(const struct bare_uart *uart, const uint8_t *data, size_t length);
/* All but what is being shifted out has left? */
int bare_uart_idle(const struct bare_uart *uart);

/* Sixteenths of a period of its clock that a bit takes. */
uint32_t bare_uart_divider(const struct bare_uart *uart);
/* 0, or -1 where the divider has no such value. */
int bare_uart_set_divider(const struct bare_uart *uart, uint32_t divider);

#endif
