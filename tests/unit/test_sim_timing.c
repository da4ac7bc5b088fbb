/* What flash and UART of a simulated board take, and lose, in time. */
#include "sim/flash.h"
#include "sim/timing.h"
#include "sim/uart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MS      1000000u
#define PART_NS 187500u /* a command of 64 bytes: 30 us and 63 times 2.5 */
#define PAGE_NS (4 * PART_NS)

struct counted {
    struct sim_time time;
    uint64_t now;
};

static uint64_t counted_now(void *context)
{
    return ((struct counted *)context)->now;
}

static void counted_wait(void *context, uint64_t ns)
{
    struct counted *counted = context;
    if (ns > counted->now)
        counted->now = ns;
}

static void flash_in_time(struct sim_flash *flash, struct counted *counted)
{
    struct espota_error error;
    *counted = (struct counted){ { counted, counted_now, counted_wait }, 0 };
    assert_int_equal(sim_flash_memory(flash, 1 << 20, &error), 0);
    flash->time = &counted->time;
    flash->timing.read_ns = flash->timing.command_ns = 0;
}

static void an_erase_goes_on_while_the_chip_does_something_else(void **state)
{
    struct sim_flash flash;
    struct counted counted;
    (void)state;
    flash_in_time(&flash, &counted);
    assert_int_equal(sim_flash_erase(&flash, 4096), 0);
    assert_int_equal(counted.now, 0);
    assert_true(sim_flash_busy(&flash));
    counted.now = 44 * MS;
    assert_true(sim_flash_busy(&flash));
    counted.now = 45 * MS;
    assert_false(sim_flash_busy(&flash));
    sim_flash_close(&flash);
}

/* The controller holds 64 bytes: what comes behind them waits for the driver, which has to look. */
static void a_page_goes_on_when_somebody_looks(void **state)
{
    struct sim_flash flash;
    struct counted counted;
    uint8_t data[256] = { 0 };
    (void)state;
    flash_in_time(&flash, &counted);
    assert_int_equal(sim_flash_program(&flash, 0, data, sizeof data), 0);
    for (unsigned part = 1; part < 4; part++) {
        counted.now += 5 * MS;
        assert_false(sim_flash_busy(&flash));
        assert_int_equal(sim_flash_poll(&flash), 1);
        assert_true(sim_flash_busy(&flash));
    }
    counted.now += 5 * MS;
    assert_int_equal(sim_flash_poll(&flash), 0);
    assert_int_equal(flash.busy_ns, PAGE_NS);
    sim_flash_close(&flash);
}

/* Where the flash stays selected, one command is a page, and quicker than four; but not where the controller
 * deselects it. */
static void a_page_by_one_command_is_quicker(void **state)
{
    struct sim_flash flash;
    struct counted counted;
    uint8_t data[256] = { 0 };
    (void)state;
    flash_in_time(&flash, &counted);
    assert_int_equal(sim_flash_program_page(&flash, 0, data, sizeof data), 0);
    counted.now += MS;
    assert_int_equal(sim_flash_poll(&flash), 0);
    assert_int_equal(flash.busy_ns, 400000);
    flash.parted = true;
    assert_int_equal(sim_flash_program_page(&flash, 256, data, sizeof data), 0);
    sim_flash_wait(&flash);
    assert_int_equal(flash.busy_ns, 400000 + PAGE_NS);
    sim_flash_close(&flash);
}

static void two_lines_read_twice_as_fast(void **state)
{
    struct sim_flash flash;
    struct counted counted;
    uint8_t data[128];
    (void)state;
    flash_in_time(&flash, &counted);
    flash.timing = sim_flash_typical;
    assert_int_equal(sim_flash_read(&flash, 0, data, sizeof data), 0);
    assert_int_equal(counted.now, 2 * 3000 + 128 * 200);
    assert_int_equal(sim_flash_read_dual(&flash, 0, data, sizeof data), 0);
    assert_int_equal(counted.now, 4 * 3000 + 128 * 300);
    sim_flash_close(&flash);
}

static void the_next_operation_and_a_read_wait_for_the_one_before(void **state)
{
    struct sim_flash flash;
    struct counted counted;
    uint8_t data[256] = { 0 };
    (void)state;
    flash_in_time(&flash, &counted);
    assert_int_equal(sim_flash_erase_block(&flash, 0x10000, 0x10000), 0);
    assert_int_equal(sim_flash_program(&flash, 0x10000, data, sizeof data), 0);
    assert_int_equal(counted.now, 150 * MS);
    assert_int_equal(sim_flash_read(&flash, 0x10000, data, sizeof data), 0);
    assert_int_equal(counted.now, 150 * MS + PAGE_NS);
    assert_int_equal(sim_flash_erase_block(&flash, 0x8000, 0x8000), 0);
    sim_flash_wait(&flash);
    assert_int_equal(counted.now, 270 * MS + PAGE_NS);
    sim_flash_close(&flash);
}

static void blocks_are_erased_at_their_multiples_alone(void **state)
{
    struct sim_flash flash;
    struct espota_error error;
    (void)state;
    assert_int_equal(sim_flash_memory(&flash, 1 << 20, &error), 0);
    assert_int_equal(sim_flash_erase_block(&flash, 0x8000, 0x10000), -1);
    assert_int_equal(sim_flash_erase_block(&flash, 0x1000, 0x8000), -1);
    assert_int_equal(sim_flash_erase_block(&flash, 0, 0x2000), -1);
    memset(flash.data, 0, 0x20000);
    assert_int_equal(sim_flash_erase_block(&flash, 0x10000, 0x10000), 0);
    assert_int_equal(flash.data[0xffff], 0);
    assert_int_equal(flash.data[0x10000], 0xff);
    assert_int_equal(flash.data[0x1ffff], 0xff);
    sim_flash_close(&flash);
}

static void pages_are_programmed_one_after_the_other(void **state)
{
    struct sim_flash flash;
    struct counted counted;
    uint8_t data[512] = { 0 };
    (void)state;
    flash_in_time(&flash, &counted);
    assert_int_equal(sim_flash_program(&flash, 128, data, sizeof data), 0);
    sim_flash_wait(&flash);
    assert_int_equal(counted.now, 2 * PAGE_NS);
    sim_flash_close(&flash);
}

/* Four bytes are quick, a whole page is by far quicker than its parts; a chip that is slower by the byte than
 * by the page takes no longer than for a page. */
static void programming_takes_a_time_for_each_command(void **state)
{
    struct sim_flash_timing timing = sim_flash_typical;
    (void)state;
    assert_int_equal(sim_flash_program_ns(&timing, 0), 0);
    assert_int_equal(sim_flash_program_ns(&timing, 4), 30000 + 3 * 2500);
    assert_int_equal(sim_flash_program_ns(&timing, 64), PART_NS);
    assert_int_equal(sim_flash_program_ns(&timing, 256), 400000);
    timing.next_ns = 12000;
    assert_int_equal(sim_flash_program_ns(&timing, 64), 400000);
}

static void a_fifo_that_nobody_empties_loses_what_comes(void **state)
{
    struct sim_uart uart;
    struct espota_error error;
    uint8_t out[256];
    (void)state;
    sim_uart_init(&uart);
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(sim_uart_send(&uart, (uint8_t)i, 5000 * (i + 1), &error), 0);
    assert_int_equal(sim_uart_next(&uart), 5000);
    assert_int_equal(sim_uart_take(&uart, 4999, out, sizeof out), 0);
    assert_int_equal(sim_uart_take(&uart, 5000 * 128, out, sizeof out), 128);
    assert_int_equal(out[127], 127);
    assert_int_equal(uart.overruns, 0);
    assert_int_equal(sim_uart_take(&uart, 5000 * 200, out, 8), 8);
    assert_int_equal(sim_uart_next(&uart), 0);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(sim_uart_send(&uart, 0xee, 2000000, &error), 0);
    assert_int_equal(sim_uart_take(&uart, 2000000, out, sizeof out), 128);
    assert_int_equal(out[0], 136);
    assert_int_equal(out[63], 199);
    assert_int_equal(out[64], 0xee);
    assert_int_equal(uart.overruns, 36);
    sim_uart_free(&uart);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_erase_goes_on_while_the_chip_does_something_else),
        cmocka_unit_test(a_page_goes_on_when_somebody_looks),
        cmocka_unit_test(the_next_operation_and_a_read_wait_for_the_one_before),
        cmocka_unit_test(a_page_by_one_command_is_quicker),
        cmocka_unit_test(two_lines_read_twice_as_fast),
        cmocka_unit_test(blocks_are_erased_at_their_multiples_alone),
        cmocka_unit_test(pages_are_programmed_one_after_the_other),
        cmocka_unit_test(programming_takes_a_time_for_each_command),
        cmocka_unit_test(a_fifo_that_nobody_empties_loses_what_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
