/* Smart read: what travels, what does not, and what a bad line does to it. */
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/observer.h"
#include "espota/smart_read.h"
#include "espota/table.h"

#include "fixtures/flash_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SECTOR = ESPOTA_SECTOR_SIZE, LENGTH = 3 * SECTOR + 100 };

/* In flash: two sectors of data, a blank one, and a hundred bytes. */
static struct flash_device *filled(void)
{
    struct flash_device *f = flash_device(ESPOTA_HASH_SHA256);
    for (size_t i = 0; i < LENGTH; i++)
        if (i / SECTOR != 2)
            f->flash[i] = (uint8_t)(i * 7 + i / 251);
    return f;
}

static void only_what_is_neither_known_nor_blank_travels(void **state)
{
    static const struct {
        const char *what;
        uint32_t known; /* bytes from the start that an earlier run read already */
        unsigned failures, flips;
        uint32_t read;
        unsigned repeats;
    } cases[] = {
        { "nothing is known", 0, 0, 0, 2 * SECTOR + 100, 0 },
        { "a sector is known", SECTOR, 0, 0, SECTOR + 100, 0 },
        { "all is known", LENGTH, 0, 0, 0, 0 },
        { "reads get lost", 0, 2, 0, 2 * SECTOR + 100, 2 },
        { "a read is wrong in a bit", 0, 0, 1, 3 * SECTOR + 100, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t data[LENGTH] = { 0 };
        struct flash_device *f = filled();
        struct espota_smart_read result;
        struct espota_error error = { 0 };
        memcpy(data, f->flash, cases[i].known);
        f->failures = cases[i].failures;
        f->flips = cases[i].flips;
        if (espota_smart_read(&f->device, 0, data, LENGTH, &result, &error) != 0)
            fail_msg("%s: %s", cases[i].what, error.text);
        assert_memory_equal(data, f->flash, LENGTH);
        assert_int_equal(result.total, LENGTH);
        assert_int_equal(result.done, LENGTH);
        assert_int_equal(result.read, cases[i].read);
        assert_int_equal(result.repeats, cases[i].repeats);
        assert_int_equal(f->advanced, LENGTH);
        assert_int_equal(f->phase, ESPOTA_PHASE_READ);
        free(f);
    }
}

/* The image that was flashed lies elsewhere in the file than in flash, in whole sectors. */
static void sectors_that_the_caller_knows_do_not_travel(void **state)
{
    static uint8_t image[4 * SECTOR];
    uint8_t data[LENGTH] = { 0 };
    struct flash_device *f = filled();
    struct espota_smart_read result;
    struct espota_error error = { 0 };
    (void)state;
    memcpy(image + 2 * SECTOR, f->flash + SECTOR, SECTOR);
    struct espota_known known[] = { { image, 100 }, { image, sizeof image } };
    assert_int_equal(espota_smart_read_knowing(&f->device, 0, data, LENGTH, known, 2, &result, &error), 0);
    assert_memory_equal(data, f->flash, LENGTH);
    assert_int_equal(result.read, SECTOR + 100);
    assert_int_equal(f->advanced, LENGTH);
    free(f);
}

static void a_sector_that_is_there_twice_travels_once(void **state)
{
    static uint8_t data[8 * SECTOR];
    struct flash_device *f = filled();
    struct espota_smart_read result;
    struct espota_error error = { 0 };
    (void)state;
    memcpy(f->flash + 5 * SECTOR, f->flash + SECTOR, SECTOR);
    memcpy(f->flash + 7 * SECTOR, f->flash + SECTOR, SECTOR);
    f->flips = 1;
    assert_int_equal(espota_smart_read(&f->device, 0, data, sizeof data, &result, &error), 0);
    assert_memory_equal(data, f->flash, sizeof data);
    assert_int_equal(result.read, 4 * SECTOR); /* three different ones, and the first again after the flip */
    assert_int_equal(f->advanced, sizeof data);
    free(f);
}

static void a_line_that_never_gets_it_right_is_given_up(void **state)
{
    uint8_t data[LENGTH] = { 0 };
    struct flash_device *f = filled();
    struct espota_smart_read result;
    struct espota_error error = { 0 };
    (void)state;
    f->flips = 1000;
    assert_int_equal(espota_smart_read(&f->device, 0, data, LENGTH, &result, &error), ESPOTA_ERR_VERIFY);
    assert_non_null(strstr(error.text, "the line is too noisy"));
    assert_int_equal(result.done, 0);
    free(f);
}

static void what_is_not_in_flash_is_not_read(void **state)
{
    uint8_t data[2];
    struct flash_device *f = filled();
    struct espota_smart_read result;
    struct espota_error error = { 0 };
    (void)state;
    assert_int_not_equal(espota_smart_read(&f->device, FLASH_DEVICE_SIZE - 1, data, 2, &result, &error), 0);
    assert_int_equal(result.read, 0);
    assert_int_equal(espota_smart_read(&f->device, FLASH_DEVICE_SIZE - 1, data, 1, &result, &error), 0);
    assert_int_equal(data[0], 0xff);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_neither_known_nor_blank_travels),
        cmocka_unit_test(sectors_that_the_caller_knows_do_not_travel),
        cmocka_unit_test(a_sector_that_is_there_twice_travels_once),
        cmocka_unit_test(a_line_that_never_gets_it_right_is_given_up),
        cmocka_unit_test(what_is_not_in_flash_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
