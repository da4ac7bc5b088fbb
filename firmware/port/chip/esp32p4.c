/* ESP32-P4. Sources: ESP-IDF, components/soc/esp32p4/register. */
#include "chip.h"
#include "registers.h"

const struct bare_chip bare_esp32p4 = {
    .id = 18,
    .isa = ESPOTA_ISA_RISCV,
    .spi = BARE_SPI_LATER(0x5008d000),
    .uart = { BARE_UART_C6(0x500ca000, 0x500e606c, 0), .crystals = { 40 } },
    .usb = 0x500d2000,
    .mac = 0x5012d044,
    .timer = 0x500e2000,
    .now_ms = bare_system_timer_ms,
    .cycles = bare_cycles,
    .timer_group = { 0x500c2000, 0x500c3000 },
    .watchdog = { 0x50116000, 0x50116004, 0x50116018, BARE_WATCHDOG_RESET },
    .super_watchdog = { 0x5011601c, 0x50116020, 0x50d83aa1, 1u << 18 },
};
