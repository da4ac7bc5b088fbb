/* ESP32. Sources: ESP32 Technical Reference Manual; ESP-IDF, components/soc/esp32/register. */
#include "chip.h"
#include "registers.h"

#define UART0_AHB   0x60000000u /* writes to the FIFO go by this way: ESP32 errata */
#define RTC         0x3ff48000u
#define RTC_CLOCK   (RTC + 0x70)
#define RTC_VOLTAGE (RTC + 0x7c)
#define CPU_CLOCK   0x3ff0003cu
#define SPI_CLOCK   0x3ff42018u

#define ANALOG         0x6000e010u /* registers of the analog part, by a bus of its own */
#define ANALOG_WRITE   (1u << 24)
#define ANALOG_BUSY    (1u << 25)
#define ANALOG_CONFIG  0x6000e044u
#define ANALOG_PLL_OFF (1u << 17)
#define PLL_BLOCK      0x66u
#define POWERED_DOWN   (1u << 18 | 1u << 10 | 1u << 8 | 1u << 6) /* that bus, and the PLL */

enum { SOURCE_AT = 27, PLL = 1, APB_MHZ = 80, CPU_160 = 1, SETTLE_CYCLES = 40 * 100, VOLTAGE_AT = 11 };

static void put_analog(uint8_t at, uint8_t value)
{
    bare_put(ANALOG, PLL_BLOCK | (uint32_t)at << 8 | (uint32_t)value << 16 | ANALOG_WRITE);
    while (bare_get(ANALOG) & ANALOG_BUSY)
        continue;
}

static uint8_t get_analog(uint8_t at)
{
    bare_put(ANALOG, PLL_BLOCK | (uint32_t)at << 8);
    while (bare_get(ANALOG) & ANALOG_BUSY)
        continue;
    return (uint8_t)(bare_get(ANALOG) >> 16);
}

static void settle(void)
{
    for (uint32_t start = bare_cycles(); bare_cycles() - start < SETTLE_CYCLES;)
        continue;
}

/* The PLL at 320 MHz. What it does not take, an emulator does not have: then it is left alone. Source:
 * ESP-IDF, components/hal/esp32/include/hal/clk_tree_ll.h, clk_ll_bbpll_set_config. */
static bool start_pll(bool crystal_26)
{
    const uint8_t settings[][2] = {
        { 0, 0x18 },
        { 1, 0x20 },
        { 4, 0x9a },
        { 10, 0x00 },
        { 12, 0x00 },
        { 11, 0x43 },
        { 9, 0x84 },
        { 2, crystal_26 ? 1 << 7 | 4 << 4 | 12 : 0 },
        { 3, crystal_26 ? 224 : 32 },
        { 5, crystal_26 ? 1 << 6 | 0 : 3 << 6 | 6 },
    };
    bool taken = true;
    bare_change(RTC, POWERED_DOWN, 0);
    bare_change(ANALOG_CONFIG, ANALOG_PLL_OFF, 0);
    for (unsigned i = 0; i < sizeof settings / sizeof settings[0]; i++)
        put_analog(settings[i][0], settings[i][1]);
    settle();
    for (unsigned i = 0; i < sizeof settings / sizeof settings[0]; i++)
        taken = taken && get_analog(settings[i][0]) == settings[i][1];
    return taken;
}

/* 160 MHz is what every ESP32 takes, at 1.25 V. The bus has 80 MHz then, and so have UART and flash, whose
 * dividers change with it: 20 MHz for the flash suit all wirings. */
static void run_by_pll(struct bare_device *device)
{
    const struct bare_uart *uart = &device->chip->uart;
    uint32_t divider = bare_uart_divider(uart) * APB_MHZ / (device->uart_hz / 1000000);
    while (!bare_uart_idle(uart))
        continue;
    for (unsigned i = 0; i < 20; i++) /* the last byte leaves */
        settle();
    bare_change(RTC_VOLTAGE, 7u << VOLTAGE_AT, 7u << VOLTAGE_AT);
    settle();
    bare_change(CPU_CLOCK, 3, CPU_160);
    bare_put(SPI_CLOCK, 3u << 12 | 1u << 6 | 3u);
    bare_change(RTC_CLOCK, 3u << SOURCE_AT, (uint32_t)PLL << SOURCE_AT);
    (void)bare_uart_set_divider(uart, divider);
    device->uart_hz = APB_MHZ * 1000000u;
    settle();
}

/* With the PLL the bus has 80 MHz, with the crystal the crystal's, and drives both the UART and the timers.
 * The PLL that ESP-IDF's bootloader set up for 80 MHz gives 160 as well. */
static void begin(struct bare_device *device)
{
    bool pll = (bare_get(RTC_CLOCK) >> SOURCE_AT & 3) == PLL;
    bare_find_rate(device);
    if (pll) {
        device->uart_hz = APB_MHZ * 1000000u;
        device->uart_rate = device->uart_hz / bare_uart_divider(&device->chip->uart) * 16;
        if ((bare_get(CPU_CLOCK) & 3) == 0)
            bare_change(CPU_CLOCK, 3, CPU_160);
    } else if (start_pll(device->uart_hz == 26000000)) {
        run_by_pll(device);
    }
    bare_group_timer_begin(device, device->uart_hz / 1000000, 0);
}

static const struct bare_step hashing[] = {
    { 0x3ff0001c, 0, 1u << 1 },
    { 0x3ff00020, 1u << 1 | 1u << 3, 0 },
};

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
    .sha = { .base = 0x3ff03000, .first_kind = true, .steps = hashing, .count = 2 },
};
