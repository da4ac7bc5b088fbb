/* Counted time: bytes, flash and ROM take theirs, and the same work always takes the same. */
#include "espota/error.h"
#include "espota/rom_device.h"
#include "espota/smart_write.h"

#include "fixtures/code_like.h"
#include "fixtures/memory_board.h"
#include "fixtures/timed_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { OFFSET = 0x10000, SIZE = 64 << 10, MS = 1000000 };

static struct timed_use write_through_rom(const struct timed_line *line, uint8_t fill)
{
    struct timed_board *b = timed_board_new(line, 4 << 20, "esp32");
    struct espota_rom_options options = { .before = ESPOTA_BEFORE_NO_RESET,
                                          .after = ESPOTA_AFTER_NO_RESET,
                                          .baud = line->baud };
    struct espota_device *device;
    struct espota_smart_write result = { 0 };
    struct espota_error error;
    uint8_t *image = malloc(SIZE);
    code_like_fill(image, SIZE, 1, false);
    memset(b->flash.data, fill, b->flash.size);
    assert_int_equal(espota_rom_open(&device, &b->link, &options, &error), 0);
    assert_int_equal(espota_smart_write(device, OFFSET, image, SIZE, &result, &error), 0);
    assert_memory_equal(b->flash.data + OFFSET, image, SIZE);
    espota_device_close(device);
    struct timed_use use = timed_board_mark(b);
    timed_board_free(b);
    free(image);
    return use;
}

static void the_same_work_takes_the_same_time(void **state)
{
    static const struct timed_line line = { "", 921600, 500000 };
    struct timed_use one = write_through_rom(&line, 0), two = write_through_rom(&line, 0);
    (void)state;
    assert_int_equal(one.total_ns, two.total_ns);
    assert_int_equal(one.bytes_out, two.bytes_out);
    assert_int_equal(one.waits, two.waits);
}

static void a_byte_takes_ten_bits_and_a_sector_45_ms(void **state)
{
    static const struct timed_line slow = { "", 115200, 500000 }, fast = { "", 921600, 500000 };
    struct timed_use a = write_through_rom(&slow, 0), b = write_through_rom(&fast, 0),
                     blank = write_through_rom(&fast, 0xff);
    (void)state;
    assert_true(a.total_ns > a.bytes_out * 10 * 1000000000 / 115200);
    assert_true(a.total_ns - b.total_ns > a.bytes_out * 10 * 1000000000 / 115200 * 8 / 10);
    assert_int_equal(b.erases, 1); /* a block of 64K */
    assert_in_range((b.flash_ns - blank.flash_ns) / MS, 0, 150);
}

static void latency_is_paid_for_each_wait(void **state)
{
    static const struct timed_line near = { "", 921600, 500000 }, far = { "", 921600, 25000000 };
    struct timed_use a = write_through_rom(&near, 0), b = write_through_rom(&far, 0);
    (void)state;
    assert_true(b.total_ns - a.total_ns > a.waits * 40 * MS);
}

static void flash_needs_whole_blocks_where_they_pay(void **state)
{
    static uint8_t before[128 << 10], after[128 << 10];
    (void)state;
    memset(before, 1, sizeof before);
    memset(after, 2, sizeof after);
    const uint64_t pages = 16 * 400000;
    assert_int_equal(timed_flash_needs_ns(&sim_flash_typical, before, after, 64 << 10),
                     150 * MS + 16 * pages);
    assert_int_equal(timed_flash_needs_ns(&sim_flash_typical, before, before, 64 << 10), 0);
    assert_int_equal(timed_flash_needs_ns(&sim_flash_typical, before, after, 4096), 45 * MS + pages);
    memset(before, 0xff, sizeof before);
    assert_int_equal(timed_flash_needs_ns(&sim_flash_typical, before, after, 8192), 2 * pages);
    memset(after + 256, 0xff, 256);
    assert_int_equal(timed_flash_needs_ns(&sim_flash_typical, before, after, 4096), pages - 400000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_work_takes_the_same_time),
        cmocka_unit_test(a_byte_takes_ten_bits_and_a_sector_45_ms),
        cmocka_unit_test(latency_is_paid_for_each_wait),
        cmocka_unit_test(flash_needs_whole_blocks_where_they_pay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
