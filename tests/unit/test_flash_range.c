/* Parts of flash as people name them. */
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/flash_range.h"
#include "espota/table.h"
#include "espota/table_file.h"

#include "fixtures/flash_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct flash_device *device_with_a_table(void)
{
    struct flash_device *f = flash_device(ESPOTA_HASH_SHA256);
    struct espota_error error;
    struct espota_table table = { .offset = 0x8000, .has_md5 = true, .count = 3 };
    table.entry[0] = (struct espota_partition){ "nvs", 1, 2, 0x9000, 0x6000, 0 };
    table.entry[1] = (struct espota_partition){ "app", 0, 0x10, 0x10000, 0x10000, 0 };
    table.entry[2] = (struct espota_partition){ "upon", 1, 2, 0x1f000, 0x2000, 0 };
    assert_int_equal(espota_table_to_binary(&table, f->flash + 0x8000, &error), 0);
    return f;
}

static void a_part_of_flash_has_a_name_or_numbers(void **state)
{
    static const struct {
        const char *text;
        bool open_end;
        enum espota_status status;
        uint32_t offset, length;
    } cases[] = {
        { "all", false, ESPOTA_OK, 0, FLASH_DEVICE_SIZE },
        { "0x1000+4K", false, ESPOTA_OK, 0x1000, 0x1000 },
        { "64K+10", false, ESPOTA_OK, 0x10000, 10 },
        { "0x10000", true, ESPOTA_OK, 0x10000, FLASH_DEVICE_SIZE - 0x10000 },
        { "0x10000", false, ESPOTA_ERR_USAGE, 0, 0 },
        { "0x1000+0", false, ESPOTA_ERR_USAGE, 0, 0 },
        { "0x1000+", false, ESPOTA_ERR_USAGE, 0, 0 },
        { "0x3f000+8K", false, ESPOTA_ERR_USAGE, 0, 0 },
        { "0xfffff000+4K", false, ESPOTA_ERR_USAGE, 0, 0 },
        { "nvs", false, ESPOTA_OK, 0x9000, 0x6000 },
        { "other", false, ESPOTA_ERR_FAILED, 0, 0 },
    };
    (void)state;
    struct flash_device *f = device_with_a_table();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_flash_range range;
        struct espota_error error = { 0 };
        int result =
            espota_flash_range_parse(&range, cases[i].text, &f->device, 0, cases[i].open_end, &error);
        if (result != (int)cases[i].status ||
            (result == 0 && (range.offset != cases[i].offset || range.length != cases[i].length)))
            fail_msg("%s: %d, 0x%x+0x%x %s", cases[i].text, result, (unsigned)range.offset,
                     (unsigned)range.length, error.text);
    }
    free(f);
}

static void a_partition_that_shares_flash_is_not_changed(void **state)
{
    static const struct {
        const char *text;
        enum espota_status status;
    } cases[] = { { "nvs", ESPOTA_OK }, { "upon", ESPOTA_ERR_REFUSED }, { "0x1f000+4K", ESPOTA_OK } };
    (void)state;
    struct flash_device *f = device_with_a_table();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_flash_range range;
        struct espota_error error = { 0 };
        assert_int_equal(espota_flash_range_parse(&range, cases[i].text, &f->device, 0, false, &error), 0);
        assert_int_equal(espota_flash_range_check_alone(&range, &error), cases[i].status);
    }
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_of_flash_has_a_name_or_numbers),
        cmocka_unit_test(a_partition_that_shares_flash_is_not_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
