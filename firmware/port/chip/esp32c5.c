/* ESP32-C5. Sources: ESP-IDF, components/soc/esp32c5/register; the CPU's clock:
 * components/esp_hw_support/port/esp32c5/rtc_clk.c. */
#include "chip.h"
#include "registers.h"

/* 80 MHz from the PLL, as ESP-IDF's bootloader has it. */
static const struct bare_step fast[] = {
    { 0x60096118, 0xffu, 1u },
    { 0x6009611c, 0xffu, 3u },
    { 0x60096110, 3u << 16, 2u << 16 },
    { 0x60096144, 0, 1u },
};

static const struct bare_step hashing[] = {
    { 0x600960d0, 1u << 1, 1u },
    { 0x600960e4, 1u << 1, 0 },
    { 0x600960e8, 1u << 1, 0 },
    { 0x600960ec, 1u << 1, 0 },
};

const struct bare_chip bare_esp32c5 = {
    .id = 23,
    .isa = ESPOTA_ISA_RISCV,
    .spi = BARE_SPI_LATER(0x60003000),
    .uart = { BARE_UART_C6(0x60000000, 0x60096004, 12), .crystals = { 48, 40 } },
    .usb = 0x6000f000,
    .mac = 0x600b4844,
    .timer = 0x6000a000,
    .now_ms = bare_system_timer_ms,
    .cycles = bare_cycles,
    .timer_group = { 0x60008000, 0x60009000 },
    .watchdog = { 0x600b1c00, 0x600b1c04, 0x600b1c18, BARE_WATCHDOG_RESET },
    .super_watchdog = { 0x600b1c1c, 0x600b1c20, 0x50d83aa1, 1u << 18 },
    .clock = { .source = 0x60096110, .source_at = 16, .calibrated = 0x600af818, .steps = fast, .count = 4 },
    .sha = { .base = 0x60089000, .steps = hashing, .count = 4 },
};
