/* ESP32-H2. Sources: ESP-IDF, components/soc/esp32h2/register; the CPU's clock:
 * components/esp_hw_support/port/esp32h2/rtc_clk.c. */
#include "chip.h"
#include "registers.h"

/* 48 MHz from the PLL, as ESP-IDF's bootloader has it. */
static const struct bare_step fast[] = {
    { 0x60096114, 0xffu, 1u },
    { 0x60096118, 0xffu, 3u },
    { 0x6009610c, 3u << 16, 1u << 16 },
    { 0x60096148, 0, 1u },
};

static const struct bare_step hashing[] = {
    { 0x600960c8, 1u << 1, 1u },
    { 0x600960dc, 1u << 1, 0 },
    { 0x600960e0, 1u << 1, 0 },
    { 0x600960e4, 1u << 1, 0 },
};

const struct bare_chip bare_esp32h2 = {
    .id = 16,
    .isa = ESPOTA_ISA_RISCV,
    .spi = BARE_SPI_LATER(0x60003000),
    .uart = { BARE_UART_C6(0x60000000, 0x60096004, 12), .crystals = { 32 } },
    .usb = 0x6000f000,
    .mac = 0x600b0844,
    .timer = 0x6000b000,
    .now_ms = bare_system_timer_ms,
    .cycles = bare_own_cycles,
    .timer_group = { 0x60009000, 0x6000a000 },
    .watchdog = { 0x600b1c00, 0x600b1c04, 0x600b1c1c, 0 },
    .super_watchdog = { 0x600b1c20, 0x600b1c24, 0x50d83aa1, 1u << 18 },
    /* its watchdog's reset can make the USB port disappear: esptool, esptool/targets/esp32c6.py */
    .software_reset = 0x600b1034,
    .clock = { .source = 0x6009610c, .source_at = 16, .calibrated = 0x600ad818, .steps = fast, .count = 4 },
    .sha = { .base = 0x60089000, .steps = hashing, .count = 4 },
};
