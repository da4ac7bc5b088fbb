/* ESP32-C2. Sources: ESP-IDF, components/soc/esp32c2/register; the CPU's clock:
 * components/esp_hw_support/port/esp32c2/rtc_clk.c. */
#include "chip.h"
#include "registers.h"

/* 120 MHz from the PLL, at the voltage that the ROM left: what flash loaders of debuggers set, too. */
static const struct bare_step fast[] = {
    { 0x600c0008, 3u, 1u << 2 | 1u },
    { 0x600c0058, 3u << 10, 1u << 10 },
};

static const struct bare_step hashing[] = {
    { 0x600c0014, 0, 1u << 2 },
    { 0x600c001c, 1u << 2, 0 },
};

const struct bare_chip bare_esp32c2 = {
    .id = 12,
    .isa = ESPOTA_ISA_RISCV,
    .spi = BARE_SPI_LATER(0x60002000),
    .uart = { BARE_UART_C3(0x60000000), .crystals = { 40, 26 } },
    .mac = 0x60008840,
    .random = 0x600260b0,
    .timer = 0x60023000,
    .now_ms = bare_system_timer_ms,
    .cycles = bare_own_cycles,
    .timer_group = { 0x6001f000 },
    .watchdog = { 0x60008084, 0x60008088, 0x6000809c, BARE_WATCHDOG_RESET },
    .super_watchdog = { 0x600080a0, 0x600080a4, 0x8f1d312a, 1u << 31 },
    .software_reset = 0x60008000,
    .clock = { .source = 0x600c0058, .source_at = 10, .calibrated = 0x6004e840, .steps = fast, .count = 2 },
    .sha = { .base = 0x6003b000, .steps = hashing, .count = 2 },
};
