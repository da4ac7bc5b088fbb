/* The bare ports' driver of flash. */
#include "bare_flash_rig.h"

static void flash_is_erased_programmed_and_read_on_both_sides_of_16M(void **state)
{
    (void)state;
    static const struct {
        uint32_t at, length;
        uint8_t command;
    } erases[] = {
        { 0x1000, 4096, ERASE_SECTOR },    { 0x8000, 32768, ERASE_32K },
        { 0xff0000, 65536, ERASE_64K },    { 0x1000000, 65536, ERASE_64K_4 },
        { 0x1018000, 32768, ERASE_32K_4 }, { 0x1fff000, 4096, ERASE_SECTOR_4 },
    };
    struct bare_flash flash;
    uint8_t page[256], back[256];
    bare_flash_begin(&flash, &spi_under_test);
    for (size_t i = 0; i < sizeof page; i++)
        page[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof erases / sizeof erases[0]; i++) {
        uint32_t last = erases[i].at + erases[i].length - 256;
        assert_int_equal(bare_flash_erase(&flash, erases[i].at, erases[i].length), 0);
        assert_int_equal(world.command[0], erases[i].command);
        assert_true(finish(&flash) >= BUSY_POLLS);
        assert_int_equal(bare_flash_program(&flash, last, page, sizeof page), 0);
        assert_true(finish(&flash) >= 4 * BUSY_POLLS);
        assert_memory_equal(world.flash + last, page, sizeof page);
        assert_int_equal(bare_flash_read(&flash, last, back, sizeof back), 0);
        assert_memory_equal(back, page, sizeof back);
    }
}

static void an_operation_begins_and_goes_on_by_itself(void **state)
{
    (void)state;
    static const uint8_t data[100] = { 1, 2, 3 };
    struct bare_flash flash;
    bare_flash_begin(&flash, &spi_under_test);
    assert_int_equal(bare_flash_erase(&flash, 0, 4096), 0);
    assert_int_equal(bare_flash_busy(&flash), 1);
    finish(&flash);
    assert_int_equal(bare_flash_program(&flash, 0, data, sizeof data), 0);
    assert_int_equal(world.flash[63], 0);
    assert_int_equal(world.flash[64], 0xff); /* the next part waits until the first one is in flash */
    finish(&flash);
    assert_memory_equal(world.flash, data, sizeof data);
    assert_int_equal(bare_flash_busy(&flash), 0);
}

static void a_flash_that_stays_busy_is_given_up(void **state)
{
    (void)state;
    struct bare_flash flash;
    bare_flash_begin(&flash, &spi_under_test);
    assert_int_equal(bare_flash_erase(&flash, 0, 4096), 0);
    world.stuck = true;
    flash.polls = LONGEST_POLLS - 4;
    int busy;
    do
        busy = bare_flash_busy(&flash);
    while (busy == 1);
    assert_int_equal(busy, -1);
}

/* A flash with so many bytes of FF before its data, read in pages. */
static void check_reads(struct bare_flash *flash, enum own_read own_read, uint32_t blank)
{
    struct bare_spi spi = spi_under_test;
    uint8_t page[256];
    spi.reads = true;
    world.own_read = own_read;
    world.starts = 0;
    for (uint32_t i = 0; i < 8192; i++)
        world.flash[i] = i < blank ? 0xff : (uint8_t)(i * 7);
    bare_flash_begin(flash, &spi);
    for (uint32_t at = 0; at < 8192; at += sizeof page) {
        assert_int_equal(bare_flash_read(flash, at, page, sizeof page), 0);
        if (own_read == READS_ITSELF || blank == 0 || at >= blank + 64 * PROBE) /* found out by then */
            assert_memory_equal(page, world.flash + at, sizeof page);
    }
}

static void a_controller_that_reads_itself_is_proven_by_data(void **state)
{
    (void)state;
    struct bare_flash flash;
    check_reads(&flash, READS_ITSELF, 0);
    assert_int_equal(world.starts, 1);
    check_reads(&flash, READS_ITSELF, 4096);
    assert_int_equal(world.starts, 4096 / 64 / PROBE + 1);
    check_reads(&flash, READS_ITSELF, 8192);
    assert_int_equal(world.starts, 8192 / 64 / PROBE);
}

static void a_controller_that_does_not_is_found_out(void **state)
{
    (void)state;
    struct bare_flash flash;
    check_reads(&flash, READS_FF, 0);
    assert_int_equal(flash.reading, GIVEN_UP);
    check_reads(&flash, READS_FF, 5 * 1024);
    assert_int_equal(flash.reading, GIVEN_UP);
    check_reads(&flash, NEVER_ENDS, 0);
    assert_int_equal(flash.reading, GIVEN_UP);
    check_reads(&flash, NEVER_ENDS, 5 * 1024);
    assert_int_equal(flash.reading, GIVEN_UP);
}

static void the_size_is_what_the_id_says(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = { { 0x1640c8, 4u << 20 },  { 0x1840ef, 16u << 20 },
                                         { 0x1940ef, 32u << 20 }, { 0x1a20c2, 64u << 20 },
                                         { 0x20ba20, 64u << 20 }, { 0x21ba20, 128u << 20 },
                                         { 0x3825c2, 16u << 20 }, { 0, 0 },
                                         { 0xffffff, 0 } };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        assert_int_equal(bare_flash_size(sizes[i][0]), sizes[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(flash_is_erased_programmed_and_read_on_both_sides_of_16M, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_operation_begins_and_goes_on_by_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flash_that_stays_busy_is_given_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_controller_that_reads_itself_is_proven_by_data, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_controller_that_does_not_is_found_out, set_up, tear_down),
        cmocka_unit_test(the_size_is_what_the_id_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
