/* The recovery agent on an ESP32, at UART0. Sources: ESP32 Technical Reference Manual; ESP-IDF,
 * components/soc/esp32/register. */
#include "bare.h"
#include "chip.h"
#include "registers.h"

#include "espota/version.h"

#define TIMER_GROUP0 0x3ff5f000u
#define UART0_AHB    0x60000000u /* writes to the FIFO go by this way: ESP32 errata */

int main(void);

/* Timer 0 counts 80 MHz / 40000. */
static void start_clock(void)
{
    bare_put(TIMER_GROUP0, 0);
    bare_put(TIMER_GROUP0 + 0x18, 0);
    bare_put(TIMER_GROUP0 + 0x1c, 0);
    bare_put(TIMER_GROUP0 + 0x20, 0);
    bare_put(TIMER_GROUP0, 1u << 31 | 1u << 30 | 40000u << 13);
}

static uint32_t now_ms(const void *context)
{
    (void)context;
    bare_put(TIMER_GROUP0 + 0x0c, 0);
    return bare_get(TIMER_GROUP0 + 0x04) / 2;
}

static uint32_t cycles(const void *context)
{
    uint32_t count;
    (void)context;
    __asm__ volatile("rsr.ccount %0" : "=r"(count));
    return count;
}

static const struct bare_chip chip = {
    .spi = { .base = 0x3ff42000,
             .user = 0x1c,
             .user1 = 0x20,
             .user2 = 0x24,
             .mosi_length = 0x28,
             .miso_length = 0x2c,
             .data = 0x80,
             .address_shift = 8 },
    .uart = 0x3ff40000,
    .uart_out = UART0_AHB,
    .fifo_mask = 0xff,
    .mac = 0x3ff5a004,
    .random = 0x3ff75144,
    .rtc = 0x3ff48000,
    .rtc_watchdog = 0x3ff4808c,
    .rtc_protect = 0x3ff480a4,
    .timer_group = TIMER_GROUP0,
    .timer_group_other = 0x3ff60000,
    .now_ms = now_ms,
};

int main(void)
{
    static const struct bare_board board = {
        BARE_CHIP_BOARD(chip, now_ms),
        .cycles = cycles,
        .chip_id = 0,
        .name = "espota recovery " ESPOTA_VERSION,
        .stream = { { bare_chip_uart_read, bare_chip_uart_write } },
    };
    bare_chip_calm_watchdogs(&chip);
    start_clock();
    bare_spi_begin(&chip.spi);
    bare_serve(&board);
    return 0;
}
