/* ESP32-S3. Sources: ESP-IDF, components/soc/esp32s3/register; the CPU's clock:
 * components/esp_hw_support/port/esp32s3/rtc_clk.c. */
#include "chip.h"
#include "registers.h"

/* 160 MHz from the PLL, at the voltage that the ROM left; esptool's stub sets 240 at that, for which ESP-IDF
 * raises the voltage. */
static const struct bare_step fast[] = {
    { 0x600c0010, 3u, 1u << 2 | 1u },
    { 0x600c0060, 3u << 10, 1u << 10 },
};

static const struct bare_step hashing[] = {
    { 0x600c001c, 0, 1u << 2 },
    { 0x600c0024, 1u << 2 | 1u << 4 | 1u << 5, 0 },
};

const struct bare_chip bare_esp32s3 = {
    .id = 9,
    .isa = ESPOTA_ISA_XTENSA,
    .spi = BARE_SPI_LATER(0x60002000),
    .uart = { BARE_UART_C3(0x60000000), .crystals = { 40 } },
    .usb = 0x60038000,
    .mac = 0x60007044,
    .random = 0x6003507c,
    .timer = 0x60023000,
    .now_ms = bare_system_timer_ms,
    .cycles = bare_cycles,
    .timer_group = { 0x6001f000, 0x60020000 },
    .watchdog = { 0x60008098, 0x6000809c, 0x600080b0, BARE_WATCHDOG_RESET },
    .super_watchdog = { 0x600080b4, 0x600080b8, 0x8f1d312a, 1u << 31 },
    .software_reset = 0x60008000,
    .clock = { .source = 0x600c0060, .source_at = 10, .calibrated = 0x6000e040, .steps = fast, .count = 2 },
    .sha = { .base = 0x6003b000, .steps = hashing, .count = 2 },
};
