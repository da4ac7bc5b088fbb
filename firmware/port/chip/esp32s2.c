/* ESP32-S2. Sources: ESP-IDF, components/soc/esp32s2/register; the CPU's clock:
 * components/esp_hw_support/port/esp32s2/rtc_clk.c. */
#include "chip.h"
#include "registers.h"

#define SYSTEM_CLOCK 0x3f4c008cu

enum { SOURCE_AT = 10, PLL = 1, BY_CRYSTAL = 1 << 9, CRYSTAL_MHZ = 40, APB_MHZ = 80 };

/* With the PLL the bus, which drives the UART, has 80 MHz, with the crystal the crystal's. */
static void begin(struct bare_device *device)
{
    bool pll = (bare_get(SYSTEM_CLOCK) >> SOURCE_AT & 3) == PLL;
    device->uart_hz = (pll ? APB_MHZ : CRYSTAL_MHZ) * 1000000u;
    device->uart_rate = device->uart_hz / bare_uart_divider(&device->chip->uart) * 16;
    bare_group_timer_begin(device, CRYSTAL_MHZ, BY_CRYSTAL);
}

static const struct bare_step hashing[] = {
    { 0x3f4c0044, 0, 1u << 2 },
    { 0x3f4c004c, 1u << 2 | 1u << 4 | 1u << 5, 0 },
};

const struct bare_chip bare_esp32s2 = {
    .id = 2,
    .isa = ESPOTA_ISA_XTENSA,
    .spi = BARE_SPI_LATER(0x3f402000),
    .uart = { .base = 0x3f400000, .out = 0x60000000, .fifo_mask = 0x3ff },
    .mac = 0x3f41a044,
    .random = 0x60035110,
    .timer = 0x3f41f000,
    .now_ms = bare_group_timer_ms,
    .cycles = bare_cycles,
    .timer_group = { 0x3f41f000, 0x3f420000 },
    .watchdog = { 0x3f408094, 0x3f408098, 0x3f4080ac, BARE_WATCHDOG_RESET },
    .super_watchdog = { 0x3f4080b0, 0x3f4080b4, 0x8f1d312a, 1u << 31 },
    .begin = begin,
    .sha = { .base = 0x6003b000, .steps = hashing, .count = 2 },
};
