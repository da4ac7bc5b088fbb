/* The first stage on a chip: STUB_CHIP is its name, STUB_CHIP_SOURCE its description, of which the compiler
 * takes the addresses alone: there is no data, since the memory that it lies in takes words alone. */
#include STUB_CHIP_SOURCE

#include "first.h"

#define CONCATENATED(a, b) a##b
#define DESCRIPTION(name)  CONCATENATED(bare_, name)
#define CHIP               DESCRIPTION(STUB_CHIP)

enum { UART_DIVIDER = 0x14, UART_STATUS = 0x1c, UART_FIFO = 128 - 2, LAST_BYTE_CYCLES = 16000 };
enum { USB_CONTROL = 0x04, USB_FLUSH = 1 << 0, USB_ROOM = 1 << 1, USB_RECEIVED = 1 << 2, USB_POLLS = 50000 };

/* What the linker leaves; whatever is in it before is of no matter. */
extern uint8_t first_packed[], first_unpacked[];

static bool on_usb(const struct first *first)
{
    return CHIP.usb && first->context;
}

static void send_by_uart(const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        while ((bare_get(CHIP.uart.base + UART_STATUS) >> 16 & CHIP.uart.fifo_mask) >= UART_FIFO)
            continue;
        bare_put(CHIP.uart.out, data[i]);
    }
}

/* A host that does not fetch what was sent is not there. */
static void send_by_usb(const uint8_t *data, size_t length)
{
    uint32_t polls = 0;
    for (size_t i = 0; i < length && polls < USB_POLLS;) {
        if (bare_get(CHIP.usb + USB_CONTROL) & USB_ROOM)
            bare_put(CHIP.usb, data[i++]);
        else
            polls++;
    }
    bare_put(CHIP.usb + USB_CONTROL, USB_FLUSH);
}

static void first_port_send(struct first *first, const uint8_t *data, size_t length)
{
    if (on_usb(first))
        send_by_usb(data, length);
    else
        send_by_uart(data, length);
}

static uint32_t first_port_chip(struct first *first)
{
    (void)first;
    return CHIP.id;
}

static uint32_t first_port_divider(struct first *first)
{
    (void)first;
    return bare_get(CHIP.uart.base + UART_DIVIDER);
}

static void first_port_set_divider(struct first *first, uint32_t value)
{
    uint32_t start;
    while (bare_get(CHIP.uart.base + UART_STATUS) >> 16 & CHIP.uart.fifo_mask)
        continue;
    start = first_port_cycles(first);
    while (first_port_cycles(first) - start < LAST_BYTE_CYCLES)
        continue;
    bare_put(CHIP.uart.base + UART_DIVIDER, value);
    if (CHIP.uart.update)
        bare_put(CHIP.uart.update, 1);
}

static uint32_t first_port_cycles(struct first *first)
{
    (void)first;
    return CHIP.cycles();
}

static void first_port_store(struct first *first, uint32_t address, const uint32_t *words, size_t count)
{
    (void)first;
    for (size_t i = 0; i < count; i++)
        bare_put(address + 4 * (uint32_t)i, words[i]);
}

/* What was stored is code from now on. */
static void first_port_start(struct first *first, uint32_t entry)
{
    (void)first;
#ifdef __XTENSA__
    __asm__ volatile("memw\n\tisync" ::: "memory");
#else
    __asm__ volatile("fence.i" ::: "memory");
#endif
    ((void (*)(void))(uintptr_t)entry)();
}

static bool take_by_uart(struct first *first)
{
    if (!(bare_get(CHIP.uart.base + UART_STATUS) & CHIP.uart.fifo_mask))
        return false;
    first->context = NULL;
    first_take(first, (uint8_t)bare_get(CHIP.uart.base));
    return true;
}

static bool take_by_usb(struct first *first)
{
    if (!CHIP.usb || !(bare_get(CHIP.usb + USB_CONTROL) & USB_RECEIVED))
        return false;
    first->context = first;
    first_take(first, (uint8_t)bare_get(CHIP.usb));
    return true;
}

int main(void);

int main(void)
{
    struct first first;
    first.packed = first_packed;
    first.unpacked = first_unpacked;
    first_begin(&first);
    for (;;)
        if (!take_by_uart(&first) && !take_by_usb(&first))
            first_idle(&first);
}
