/* The recovery agent on an ESP32, at UART0. Sources: ESP32 Technical Reference Manual; ESP-IDF,
 * components/soc/esp32/register. */
#include "bare.h"
#include "chip.h"
#include "registers.h"

#include "espota/version.h"

#define TIMER_GROUP0 0x3ff5f000u
#define UART0_AHB    0x60000000u /* writes to the FIFO go by this way: ESP32 errata */

#define WIFI_CLOCKS 0x3ff000ccu
#define CLOCKS      0x3ff000c0u
#define I2S0        (1u << 4)
#define TEST_MUX    0x3ff480a8u
#define SENS        0x3ff48800u
#define SYSCON      0x3ff66000u
#define I2S         0x3ff4f000u
#define PATTERN     0xadadadadu

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

/* As the second-stage bootloader has it while it runs: the second ADC measures the reference voltage, and
 * what it measures goes by I2S into the random number generator. Registers: ESP-IDF,
 * components/soc/esp32/register/soc (sens_reg.h, syscon_reg.h, i2s_reg.h, dport_reg.h, rtc_cntl_reg.h). */
static const struct bare_step entropy_on[] = {
    { WIFI_CLOCKS, 0, 1u << 15 },                /* of the generator */
    { TEST_MUX, 3u << 30, 2u << 30 | 1u << 29 }, /* the reference voltage, to the ADC */
    { SENS + 0x2c, 1u << 8 | 1u << 9, 1u << 4 }, /* test input; not by the ULP */
    { CLOCKS, 0, I2S0 },                         /* of I2S */
    { SYSCON + 0x2c, ~0u, PATTERN },             /* four words of channel, width, attenuation */
    { SYSCON + 0x30, ~0u, PATTERN },
    { SYSCON + 0x34, ~0u, PATTERN },
    { SYSCON + 0x38, ~0u, PATTERN },
    { SENS + 0x0c, 0, 3u << 18 }, /* power of the ADCs */
    { SENS, 0, 1u << 27 },        /* under digital control */
    { SENS + 0x90, 0, 1u << 28 },
    { SYSCON + 0x10, 0xffu << 7 | 3u << 3 | 1u << 25, 1u << 2 | 4u << 7 | 1u << 5 },
    { SYSCON + 0x18, 0xffu | 0xffu << 16, 8u | 10u << 16 },
    { I2S + 0xb0, 0x3fu << 6, 20u << 6 }, /* bit clock */
    { SYSCON + 0x10, 0, 1u << 26 },       /* data to I2S */
    { I2S + 0xa8, 1u << 0, 1u << 5 | 1u << 4 | 1u << 3 },
    { I2S + 0x08, 0, 1u << 5 }, /* receive */
};

static const struct bare_step entropy_off[] = {
    { I2S + 0x08, 1u << 5, 0 },
    { I2S + 0xa8, 1u << 0 | 1u << 5 | 1u << 4 | 1u << 3, 0 },
    { CLOCKS, I2S0, 0 },
    { SENS, 1u << 27, 0 },
    { SENS + 0x90, 1u << 28, 0 },
    { SENS + 0x2c, 1u << 4, 0 },
    { SYSCON + 0x10, 1u << 2 | 1u << 5 | 1u << 26, 0 },
    { SENS + 0x0c, 3u << 18, 0 },
    { SYSCON + 0x18, 0xffu << 16, 8u << 16 },
    { CLOCKS + 4, 0, I2S0 }, /* reset of I2S */
    { CLOCKS + 4, I2S0, 0 },
    { TEST_MUX, 3u << 30 | 1u << 29, 0 },
};

static void entropy(bool on)
{
    if (on)
        bare_walk(entropy_on, sizeof entropy_on / sizeof entropy_on[0]);
    else
        bare_walk(entropy_off, sizeof entropy_off / sizeof entropy_off[0]);
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
        .entropy = entropy,
        .cycles = cycles,
        .chip_id = 0,
        .name = "espota recovery " ESPOTA_VERSION,
        .stream = { { bare_chip_uart_read, bare_chip_uart_write } },
    };
    bare_chip_disable_watchdogs(&chip);
    start_clock();
    bare_spi_begin(&chip.spi);
    bare_serve(&board);
    return 0;
}
