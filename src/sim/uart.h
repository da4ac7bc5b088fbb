/* The receiving half of a UART: bytes on their way over the line, and a FIFO, which overflows when nobody
 * takes what has come. A byte that finds it full is lost, as on the chips. */
#ifndef ESPOTA_SIM_UART_H
#define ESPOTA_SIM_UART_H

#include "espota/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIM_UART_FIFO = 128, SIM_UART_MOST = 32 << 10 };

struct sim_uart_byte {
    uint64_t at_ns; /* when it has arrived */
    uint8_t value;
};

struct sim_uart {
    struct sim_uart_byte *coming; /* a ring of `room` */
    size_t room, first, count;
    /* Of `limit` bytes: SIM_UART_FIFO, or more where an interrupt empties the FIFO into memory. */
    size_t limit;
    uint8_t fifo[SIM_UART_MOST];
    size_t held;
    uint64_t overruns; /* bytes lost */
};

void sim_uart_init(struct sim_uart *uart);
void sim_uart_free(struct sim_uart *uart);

/* A byte that will have arrived at a time, none before those that were sent earlier. */
int sim_uart_send(struct sim_uart *uart, uint8_t value, uint64_t at_ns, struct espota_error *error);

/* What the FIFO holds now, at most `room` bytes. */
size_t sim_uart_take(struct sim_uart *uart, uint64_t now_ns, uint8_t *out, size_t room);

/* When there is something to take: 0, at once; UINT64_MAX, nothing is on its way. */
uint64_t sim_uart_next(const struct sim_uart *uart);

#endif
