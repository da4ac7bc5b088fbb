/* The bare ports' drivers, on a chip whose registers are known: its UART, its clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* in the place of registers.h: the drivers are compiled here as they are */
#define ESPOTA_BARE_REGISTERS_H
struct bare_step {
    uint32_t address, clear, set;
};
static uint32_t bare_get(uint32_t address);
static void bare_put(uint32_t address, uint32_t value);
static void bare_change(uint32_t address, uint32_t clear, uint32_t set)
{
    bare_put(address, (bare_get(address) & ~clear) | set);
}
static void bare_walk(const struct bare_step *steps, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bare_change(steps[i].address, steps[i].clear, steps[i].set);
}

#include "chip.c"
#include "spi_flash.c"
#include "uart.c"
#include "usb_jtag.c"

#include "../chip/esp32.c"

enum { CELLS = 64 };

/* ---- the chip -------------------------------------------------------------------------------------------
 */

static struct {
    struct {
        uint32_t address, value;
    } cell[CELLS]; /* registers without a meaning of their own here */
    unsigned cells;
    bool has_pll;
    uint8_t pll[256];
    uint32_t ticks;
} world;

static uint32_t *cell(uint32_t address)
{
    for (unsigned i = 0; i < world.cells; i++)
        if (world.cell[i].address == address)
            return &world.cell[i].value;
    assert_true(world.cells < CELLS);
    world.cell[world.cells].address = address;
    return &world.cell[world.cells++].value;
}

/* The ESP32's analog part: a write keeps, a read gives back, if there is a PLL. */
static void run_analog(uint32_t value)
{
    uint8_t at = (uint8_t)(value >> 8);
    assert_int_equal(value & 0xff, PLL_BLOCK);
    if (value & ANALOG_WRITE)
        world.pll[at] = (uint8_t)(value >> 16);
    *cell(ANALOG) = world.has_pll ? (uint32_t)world.pll[at] << 16 : 0;
}

static uint32_t bare_get(uint32_t address)
{
    if (address == bare_esp32.timer + 4)
        return world.ticks++;
    return *cell(address);
}

static void bare_put(uint32_t address, uint32_t value)
{
    if (address == ANALOG)
        run_analog(value);
    else
        *cell(address) = value;
}

uint32_t bare_cycles(void)
{
    return world.ticks += 1000;
}

static int set_up(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    return 0;
}

/* ---- UART and CPU ---------------------------------------------------------------------------------------
 */

static void set_divider(uint32_t sixteenths)
{
    *cell(bare_esp32.uart.base + DIVIDER) = sixteenths >> 4 | (sixteenths & 0xf) << 20;
}

static uint32_t rate_now(const struct bare_device *device)
{
    uint32_t divider = bare_uart_divider(&device->chip->uart);
    return divider ? device->uart_hz / divider * 16 : 0;
}

static void the_crystal_is_the_one_that_makes_a_usual_rate(void **state)
{
    (void)state;
    static const uint32_t crystals[] = { 40, 26 };
    static const uint32_t rates[] = { 9600, 57600, 115200, 230400, 460800, 921600, 1500000, 2000000 };
    for (size_t c = 0; c < 2; c++)
        for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
            struct bare_device device;
            set_divider((crystals[c] * 16000000 + rates[r] / 2) / rates[r]);
            bare_device_begin(&device, &bare_esp32);
            assert_int_equal(device.uart_hz, crystals[c] * 1000000);
            assert_in_range(device.uart_rate, rates[r] - rates[r] / 100, rates[r] + rates[r] / 100);
        }
}

static void with_the_pll_the_rate_stays_and_can_be_changed(void **state)
{
    (void)state;
    static const uint32_t crystals[] = { 40, 26 };
    static const uint32_t rates[] = { 115200, 921600, 2000000 };
    world.has_pll = true;
    for (size_t c = 0; c < 2; c++) {
        struct bare_device device;
        *cell(RTC_CLOCK) = 0;
        set_divider(crystals[c] * 16000000 / 115200);
        bare_device_begin(&device, &bare_esp32);
        assert_int_equal(device.uart_hz, 80000000);
        assert_in_range(rate_now(&device), 114000, 116400);
        assert_int_equal(*cell(RTC_CLOCK) >> SOURCE_AT & 3, 1);
        assert_int_equal(*cell(CPU_CLOCK) & 3, 1);
        assert_int_equal(world.pll[3], crystals[c] == 40 ? 32 : 224);
        for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
            assert_int_equal(bare_device_uart_set_rate(&device, rates[r]), 0);
            assert_in_range(rate_now(&device), rates[r] - rates[r] / 100, rates[r] + rates[r] / 100);
        }
        assert_int_equal(bare_device_uart_set_rate(&device, 1), -1);
        assert_int_equal(bare_device_uart_set_rate(&device, 0), -1);
        assert_in_range(rate_now(&device), 1980000, 2020000);
    }
}

static void with_the_pll_a_low_rate_stays(void **state)
{
    (void)state;
    struct bare_device device;
    world.has_pll = true;
    set_divider(40 * 16000000 / 9600);
    bare_device_begin(&device, &bare_esp32);
    assert_int_equal(device.uart_hz, 80000000);
    assert_in_range(rate_now(&device), 9500, 9700);
}

static void a_pll_that_does_not_take_its_settings_is_left_alone(void **state)
{
    (void)state;
    struct bare_device device;
    set_divider(40 * 16000000 / 115200);
    bare_device_begin(&device, &bare_esp32);
    assert_int_equal(device.uart_hz, 40000000);
    assert_in_range(rate_now(&device), 114000, 116400);
    assert_int_equal(*cell(RTC_CLOCK) >> SOURCE_AT & 3, 0);
}

static void what_a_bootloader_set_up_stays(void **state)
{
    (void)state;
    struct bare_device device;
    *cell(RTC_CLOCK) = (uint32_t)PLL << SOURCE_AT;
    set_divider(80 * 16000000 / 115200);
    bare_device_begin(&device, &bare_esp32);
    assert_int_equal(device.uart_hz, 80000000);
    assert_in_range(device.uart_rate, 114000, 116400);
    assert_in_range(rate_now(&device), 114000, 116400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_crystal_is_the_one_that_makes_a_usual_rate, set_up),
        cmocka_unit_test_setup(with_the_pll_the_rate_stays_and_can_be_changed, set_up),
        cmocka_unit_test_setup(with_the_pll_a_low_rate_stays, set_up),
        cmocka_unit_test_setup(a_pll_that_does_not_take_its_settings_is_left_alone, set_up),
        cmocka_unit_test_setup(what_a_bootloader_set_up_stays, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
