/* A board of an emulated 32-bit CPU: QEMU's riscv32 machine 'virt'. Its flash is the upper 16M of
 * RAM, with the rules of NOR flash, in a file that the host can look into. Sources: QEMU, hw/riscv/virt.c;
 * 16550 UART. */
#include "virt.h"

#include "registers.h"

#include "espota/table.h"
#include "espota/version.h"

#include <string.h>

#define FLASH      0x81000000u
#define FLASH_SIZE 0x1000000u
#define UART       0x10000000u
#define TIMER      0x0200bff8u /* 10 MHz */
#define TEST       0x00100000u
#define TEST_RESET 0x7777u

static uint8_t *flash(uint32_t offset)
{
    return (uint8_t *)(uintptr_t)(FLASH + offset);
}

static bool beyond(uint32_t offset, size_t length)
{
    return offset > FLASH_SIZE || length > FLASH_SIZE - offset;
}

static uint32_t flash_id(void *context)
{
    (void)context;
    return 0x1640ef;
}

static uint16_t cpu_mhz(void *context)
{
    (void)context;
    return 0;
}

static uint32_t flash_size(void *context)
{
    (void)context;
    return 4u << 20; /* of the chip that it plays */
}

static int flash_read(void *context, uint32_t offset, void *out, size_t length)
{
    (void)context;
    if (beyond(offset, length))
        return -1;
    memcpy(out, flash(offset), length);
    return 0;
}

static int flash_erase(void *context, uint32_t offset, uint32_t length)
{
    (void)context;
    if (beyond(offset, length))
        return -1;
    memset(flash(offset), 0xff, length);
    return 0;
}

static int flash_program(void *context, uint32_t offset, const void *data, size_t length)
{
    const uint8_t *from = data;
    (void)context;
    if (beyond(offset, length))
        return -1;
    for (size_t i = 0; i < length; i++)
        flash(offset)[i] &= from[i];
    return 0;
}

static uint8_t get_byte(uint32_t address)
{
    return *(volatile const uint8_t *)(uintptr_t)address;
}

/* Its UART passes bytes one by one unless it has its FIFOs. */
void virt_begin(void)
{
    *(volatile uint8_t *)(uintptr_t)(UART + 2) = 7;
}

static size_t uart_read(void *context, uint8_t *out, size_t room)
{
    (void)context;
    size_t count = 0;
    while (count < room && get_byte(UART + 5) & 1)
        out[count++] = get_byte(UART);
    return count;
}

static size_t uart_write(void *context, const uint8_t *data, size_t length)
{
    (void)context;
    size_t count = 0;
    while (count < length && get_byte(UART + 5) & 0x20)
        *(volatile uint8_t *)(uintptr_t)UART = data[count++];
    return count;
}

static void mac(void *context, uint8_t out[6])
{
    (void)context;
    static const uint8_t own[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
    memcpy(out, own, sizeof own);
}

static uint32_t now_ms(void *context)
{
    (void)context;
    uint32_t high, low;
    do {
        high = bare_get(TIMER + 4);
        low = bare_get(TIMER);
    } while (bare_get(TIMER + 4) != high);
    return (uint32_t)(((uint64_t)high << 32 | low) / 10000);
}

static uint32_t noise(void *context)
{
    (void)context;
    return bare_get(TIMER); /* an emulator has nothing better */
}

static uint32_t cycles(void *context)
{
    uint32_t count;
    (void)context;
    __asm__ volatile("csrr %0, mcycle" : "=r"(count));
    return count;
}

static void restart(void *context)
{
    (void)context;
    bare_put(TEST, TEST_RESET);
    for (;;)
        continue;
}

/* There is no line that a rate would be of. */
static uint32_t uart_rate(void *context)
{
    (void)context;
    return 115200;
}

static int uart_set_rate(void *context, uint32_t baud)
{
    (void)context;
    return baud >= 300 && baud <= 4000000 ? 0 : -1;
}

const struct bare_board virt_board = { .chip_id = 5,
                                       .name = "espota on virt " ESPOTA_VERSION,
                                       .isa = ESPOTA_ISA_RISCV,
                                       .flash_id = flash_id,
                                       .flash_size = flash_size,
                                       .cpu_mhz = cpu_mhz,
                                       .erase_steps = 32768u | 65536u,
                                       .flash_read = flash_read,
                                       .flash_erase = flash_erase,
                                       .flash_program = flash_program,
                                       .mac = mac,
                                       .now_ms = now_ms,
                                       .noise = noise,
                                       .cycles = cycles,
                                       .restart = restart,
                                       .always_slot = true,
                                       .stream = { { uart_read, uart_write, uart_rate, uart_set_rate } } };
