/* What the bare ports' driver of flash does faster, where the chip turns out to be able to. */
#include "bare_flash_rig.h"

/* The SPI controller with two rates, as the ESP32's. */
static struct bare_spi two_rates(uint8_t delay)
{
    struct bare_spi spi = spi_under_test;
    spi.slow = SLOW_CLOCK;
    spi.fast = FAST_CLOCK;
    spi.delay = delay;
    return spi;
}

/* Eight pages of `byte` where they have it, behind one that tells nothing. */
static void program_pages(struct bare_flash *flash, uint32_t at, int byte)
{
    memset(world.flash + at, 0xff, 9 * 256);
    for (unsigned p = 0; p < 9; p++) {
        uint8_t page[256];
        for (size_t i = 0; i < sizeof page; i++)
            page[i] = (uint8_t)(i * 7 + p + 1);
        if (p > 0)
            memset(page + 64, byte, 4);
        assert_int_equal(bare_flash_program(flash, at + p * 256, page, sizeof page), 0);
        finish(flash);
        assert_memory_equal(world.flash + at + p * 256, page, sizeof page);
    }
}

static void a_page_goes_by_one_command_where_the_flash_stays_selected(void **state)
{
    (void)state;
    static const uint32_t places[] = { 0x20000, 0x1020000 };
    struct bare_spi spi = two_rates(1);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct bare_flash flash;
        bare_flash_begin(&flash, &spi);
        world.keeps = true;
        world.programs = 0;
        program_pages(&flash, places[i], 0);
        assert_int_equal(flash.keeping, PROVEN);
        assert_int_equal(world.programs, 4 + 2 + 7); /* untold, told by a trial, known */
        assert_int_equal(world.ignored, 0);
    }
}

static void where_it_does_not_a_page_goes_by_parts(void **state)
{
    (void)state;
    struct bare_spi spi = two_rates(1);
    struct bare_flash flash;
    bare_flash_begin(&flash, &spi);
    program_pages(&flash, 0x20000, 0);
    assert_int_equal(flash.keeping, GIVEN_UP);
    assert_int_equal(world.programs, 9 * 4);
    assert_int_equal(world.ignored, 1);
}

static void what_a_flash_might_take_for_a_command_tells_nothing(void **state)
{
    (void)state;
    struct bare_spi spi = two_rates(1);
    static const int bytes[] = { 0xc7, 0x66, 0xff };
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
        struct bare_flash flash;
        bare_flash_begin(&flash, &spi);
        world.programs = 0;
        program_pages(&flash, 0x20000, bytes[i]);
        assert_int_equal(flash.keeping, UNPROVEN);
        assert_int_equal(world.programs, 9 * 4);
    }
    assert_int_equal(world.ignored, 0);
}

static void read_pages(struct bare_flash *flash, unsigned count)
{
    uint8_t page[256];
    for (uint32_t at = 0; at < count * sizeof page; at += sizeof page) {
        assert_int_equal(bare_flash_read(flash, at, page, sizeof page), 0);
        assert_memory_equal(page, world.flash + at, sizeof page);
    }
}

static void fill_flash(void)
{
    for (uint32_t i = 0; i < 65536; i++)
        world.flash[i] = (uint8_t)(i * 7 + i / 256);
}

static void two_lines_are_used_with_the_delay_that_gives_the_same(void **state)
{
    (void)state;
    fill_flash();
    for (uint8_t probable = 0; probable <= 1; probable++)
        for (world.late = 0; world.late <= MOST_DELAY; world.late++) {
            struct bare_spi spi = two_rates(probable);
            struct bare_flash flash;
            bare_flash_begin(&flash, &spi);
            read_pages(&flash, 16);
            assert_int_equal(flash.dual, PROVEN);
            assert_int_equal(flash.delay, world.late);
            world.starts = world.duals = 0;
            read_pages(&flash, 16);
            assert_int_equal(world.starts, 0);
            assert_int_equal(world.duals, 16 * 4);
        }
}

static void two_lines_that_give_something_else_are_given_up(void **state)
{
    (void)state;
    struct bare_spi spi = two_rates(1);
    struct bare_flash flash;
    fill_flash();
    world.one_line = true;
    bare_flash_begin(&flash, &spi);
    read_pages(&flash, 16);
    assert_int_equal(flash.dual, GIVEN_UP);
    assert_int_equal(world.duals, MOST_DELAY + 1);
}

/* Bytes that are all the same read the same with any delay. */
static void blank_flash_proves_nothing_of_two_lines(void **state)
{
    (void)state;
    struct bare_spi spi = two_rates(1);
    struct bare_flash flash;
    bare_flash_begin(&flash, &spi);
    read_pages(&flash, 16);
    assert_int_equal(flash.dual, UNPROVEN);
    assert_int_equal(world.duals, 0);
}

static void beyond_16M_one_line_is_read(void **state)
{
    (void)state;
    struct bare_spi spi = two_rates(1);
    struct bare_flash flash;
    uint8_t bytes[128];
    fill_flash();
    bare_flash_begin(&flash, &spi);
    world.late = 1;
    read_pages(&flash, 16);
    assert_int_equal(flash.dual, PROVEN);
    world.duals = 0;
    memset(world.flash + WITH_24_BITS, 0x11, sizeof bytes);
    assert_int_equal(bare_flash_read(&flash, WITH_24_BITS - 64, bytes, sizeof bytes), 0);
    assert_memory_equal(bytes, world.flash + WITH_24_BITS - 64, sizeof bytes);
    assert_int_equal(world.duals, 0);
}

static void the_rate_is_one_that_a_plain_read_has(void **state)
{
    (void)state;
    struct bare_flash flash;
    uint32_t clock = spi_under_test.base + spi_under_test.clock;
    *cell(clock) = UNDIVIDED;
    bare_flash_begin(&flash, &spi_under_test);
    assert_int_equal(*cell(clock), spi_under_test.half);
    *cell(clock) = 3 << 16 | 1 << 8 | 3; /* the bootloader's */
    bare_flash_begin(&flash, &spi_under_test);
    assert_int_equal(*cell(clock), 3 << 16 | 1 << 8 | 3);
    struct bare_spi spi = two_rates(1);
    bare_flash_begin(&flash, &spi);
    assert_int_equal(*cell(clock), SLOW_CLOCK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_page_goes_by_one_command_where_the_flash_stays_selected, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(where_it_does_not_a_page_goes_by_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_flash_might_take_for_a_command_tells_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(two_lines_are_used_with_the_delay_that_gives_the_same, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(two_lines_that_give_something_else_are_given_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(blank_flash_proves_nothing_of_two_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(beyond_16M_one_line_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_rate_is_one_that_a_plain_read_has, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
