#include "uart.h"

#include "registers.h"

enum { DIVIDER = 0x14, STATUS = 0x1c, FIFO = 128 };

/* Bits that whole periods have in it: 20 on the chips whose clock is not divided before, 12 on later ones. */
#define LONGEST_DIVIDER       0xfffffu
#define LONGEST_LATER_DIVIDER 0xfffu

size_t bare_uart_read(const struct bare_uart *uart, uint8_t *out, size_t room)
{
    size_t count = bare_get(uart->base + STATUS) & uart->fifo_mask;
    count = count < room ? count : room;
    for (size_t i = 0; i < count; i++)
        out[i] = (uint8_t)bare_get(uart->base);
    return count;
}

static uint32_t unsent(const struct bare_uart *uart)
{
    return bare_get(uart->base + STATUS) >> 16 & uart->fifo_mask;
}

size_t bare_uart_write(const struct bare_uart *uart, const uint8_t *data, size_t length)
{
    uint32_t used = unsent(uart);
    size_t room = used < FIFO - 2 ? FIFO - 2 - used : 0;
    size_t count = length < room ? length : room;
    for (size_t i = 0; i < count; i++)
        bare_put(uart->out, data[i]);
    return count;
}

int bare_uart_idle(const struct bare_uart *uart)
{
    return unsent(uart) == 0;
}

static uint32_t clock_divider(const struct bare_uart *uart)
{
    return uart->clock ? (bare_get(uart->clock) >> uart->clock_divider_at & 0xff) + 1 : 1;
}

uint32_t bare_uart_divider(const struct bare_uart *uart)
{
    uint32_t value = bare_get(uart->base + DIVIDER);
    return ((value & 0xfffff) << 4 | (value >> 20 & 0xf)) * clock_divider(uart);
}

int bare_uart_set_divider(const struct bare_uart *uart, uint32_t divider)
{
    uint32_t longest = uart->clock ? LONGEST_LATER_DIVIDER : LONGEST_DIVIDER;
    divider /= clock_divider(uart);
    if (divider < 16 || divider >> 4 > longest)
        return -1;
    bare_put(uart->base + DIVIDER, divider >> 4 | (divider & 0xf) << 20);
    if (uart->update)
        bare_put(uart->update, 1);
    return 0;
}
