/* ESP32. Sources: ESP32 Technical Reference Manual; ESP-IDF, components/soc/esp32/register. */
#include "chip.h"
#include "registers.h"

#define UART0_AHB 0x60000000u /* writes to the FIFO go by this way: ESP32 errata */
#define RTC       0x3ff48000u
#define RTC_CLOCK (RTC + 0x70)
#define CPU_CLOCK 0x3ff0003cu

enum { SOURCE_AT = 27, PLL = 1, APB_MHZ = 80 };

/* With the PLL the bus has 80 MHz, with the crystal the crystal's, and drives both the UART and the timers.
 * The PLL that ESP-IDF's bootloader set up for 80 MHz gives 160 at the same voltage. */
static void begin(struct bare_device *device)
{
    bool pll = (bare_get(RTC_CLOCK) >> SOURCE_AT & 3) == PLL;
    bare_find_rate(device);
    if (pll) {
        device->uart_hz = APB_MHZ * 1000000u;
        device->uart_rate = device->uart_hz / bare_uart_divider(&device->chip->uart) * 16;
        if ((bare_get(CPU_CLOCK) & 3) == 0)
            bare_change(CPU_CLOCK, 3, 1);
    }
    bare_group_timer_begin(device, device->uart_hz / 1000000, 0);
}

const struct bare_chip bare_esp32 = {
    .id = 0,
    .isa = ESPOTA_ISA_XTENSA,
    .spi = BARE_SPI_ESP32(0x3ff42000),
    .uart = { .base = 0x3ff40000, .out = UART0_AHB, .fifo_mask = 0xff, .crystals = { 40, 26 } },
    .mac = 0x3ff5a004,
    .random = 0x3ff75144,
    .timer = 0x3ff5f000,
    .now_ms = bare_group_timer_ms,
    .cycles = bare_cycles,
    .timer_group = { 0x3ff5f000, 0x3ff60000 },
    .watchdog = { RTC + 0x8c, RTC + 0x90, RTC + 0xa4, 1u << 31 | 4u << 28 | 7u << 14 | 7u << 11 },
    .software_reset = RTC,
    .begin = begin,
};
