#include "uart.h"

#include <stdlib.h>
#include <string.h>

void sim_uart_init(struct sim_uart *uart)
{
    memset(uart, 0, sizeof *uart);
    uart->limit = SIM_UART_FIFO;
}

void sim_uart_free(struct sim_uart *uart)
{
    free(uart->coming);
    sim_uart_init(uart);
}

static int grow(struct sim_uart *uart, struct espota_error *error)
{
    size_t room = uart->room ? 2 * uart->room : 1024;
    struct sim_uart_byte *coming = malloc(room * sizeof *coming);
    if (!coming)
        return espota_fail_memory(error, "simulating a line");
    for (size_t i = 0; i < uart->count; i++)
        coming[i] = uart->coming[(uart->first + i) % uart->room];
    free(uart->coming);
    uart->coming = coming;
    uart->room = room;
    uart->first = 0;
    return 0;
}

int sim_uart_send(struct sim_uart *uart, uint8_t value, uint64_t at_ns, struct espota_error *error)
{
    int result = uart->count == uart->room ? grow(uart, error) : 0;
    if (result == 0)
        uart->coming[(uart->first + uart->count++) % uart->room] = (struct sim_uart_byte){ at_ns, value };
    return result;
}

static void arrive(struct sim_uart *uart, uint64_t now_ns)
{
    for (; uart->count > 0 && uart->coming[uart->first].at_ns <= now_ns; uart->count--) {
        if (uart->held < uart->limit)
            uart->fifo[uart->held++] = uart->coming[uart->first].value;
        else
            uart->overruns++;
        uart->first = (uart->first + 1) % uart->room;
    }
}

size_t sim_uart_take(struct sim_uart *uart, uint64_t now_ns, uint8_t *out, size_t room)
{
    arrive(uart, now_ns);
    size_t taken = uart->held < room ? uart->held : room;
    memcpy(out, uart->fifo, taken);
    memmove(uart->fifo, uart->fifo + taken, uart->held - taken);
    uart->held -= taken;
    return taken;
}

uint64_t sim_uart_next(const struct sim_uart *uart)
{
    if (uart->held > 0)
        return 0;
    return uart->count > 0 ? uart->coming[uart->first].at_ns : UINT64_MAX;
}
