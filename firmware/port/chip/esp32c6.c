/* ESP32-C6. Sources: ESP-IDF, components/soc/esp32c6/register; the CPU's clock:
 * components/esp_hw_support/port/esp32c6/rtc_clk.c. */
#include "chip.h"
#include "registers.h"

/* 160 MHz from the PLL, at the voltage that the ROM left: what esptool's stub sets, too. */
static const struct bare_step fast[] = {
    { 0x6009601c, 0xffu << 8, 5u << 8 },
    { 0x60096118, 0xffu << 8 | 1u << 16, 0 },
    { 0x60096110, 3u << 16, 1u << 16 },
};

static const struct bare_step hashing[] = {
    { 0x600960cc, 1u << 1, 1u },
    { 0x600960e0, 1u << 1, 0 },
    { 0x600960e4, 1u << 1, 0 },
};

const struct bare_chip bare_esp32c6 = {
    .id = 13,
    .isa = ESPOTA_ISA_RISCV,
    .spi = BARE_SPI_LATER(0x60003000),
    .uart = { BARE_UART_C6(0x60000000, 0x60096004, 12), .crystals = { 40 } },
    .usb = 0x6000f000,
    .mac = 0x600b0844,
    .random = 0x600b2808,
    .timer = 0x6000a000,
    .now_ms = bare_system_timer_ms,
    .cycles = bare_own_cycles,
    .timer_group = { 0x60008000, 0x60009000 },
    .watchdog = { 0x600b1c00, 0x600b1c04, 0x600b1c18, 0 },
    .super_watchdog = { 0x600b1c1c, 0x600b1c20, 0x50d83aa1, 1u << 18 },
    /* its watchdog's reset can make the USB port disappear: esptool, esptool/targets/esp32c6.py */
    .software_reset = 0x600b1034,
    .clock = { .source = 0x60096110, .source_at = 16, .calibrated = 0x600af818, .steps = fast, .count = 3 },
    .sha = { .base = 0x60089000, .steps = hashing, .count = 3 },
};
