/* SWU archives, there and back, and what is none. */
#include "espota/swu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t image[5000];

static struct espota_bytes made(const char *name, const char *version)
{
    struct espota_bytes archive = { 0 };
    struct espota_error error;
    const struct espota_swu_contents contents = { name, version, image, sizeof image };
    image[0] = 0xE9;
    assert_int_equal(espota_swu_make(&archive, &contents, &error), 0);
    return archive;
}

static void there_and_back(void **state)
{
    struct espota_bytes archive = made("app.bin", "2.0"), again = made("app.bin", "2.0"), back = { 0 };
    struct espota_error error;
    (void)state;
    assert_true(espota_swu_is(archive.data, archive.size));
    assert_int_equal(archive.size, again.size);
    assert_memory_equal(archive.data, again.data, archive.size);
    assert_int_equal(espota_swu_image(&archive, &back, &error), 0);
    assert_int_equal(back.size, sizeof image);
    assert_memory_equal(back.data, image, sizeof image);
    espota_bytes_free(&archive);
    espota_bytes_free(&again);
    espota_bytes_free(&back);
}

static void cut_at_any_place(void **state)
{
    struct espota_bytes archive = made("app.bin", "2.0");
    struct espota_error error;
    size_t whole = archive.size;
    (void)state;
    for (size_t size = 0; size < whole - 512; size += 61) {
        struct espota_bytes back = { 0 };
        archive.size = size;
        assert_int_equal(espota_swu_image(&archive, &back, &error), ESPOTA_ERR_VERIFY);
        espota_bytes_free(&back);
    }
    espota_bytes_free(&archive);
}

static void names_that_cannot_be(void **state)
{
    static const struct {
        const char *name, *version;
    } cases[] = { { "", "1" }, { "a/b", "1" }, { "a\"b", "1" }, { "app.bin", "" }, { "app.bin", "1 2" } };
    struct espota_error error;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_bytes archive = { 0 };
        const struct espota_swu_contents contents = { cases[i].name, cases[i].version, image, sizeof image };
        assert_int_equal(espota_swu_make(&archive, &contents, &error), ESPOTA_ERR_USAGE);
        espota_bytes_free(&archive);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(cut_at_any_place),
        cmocka_unit_test(names_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
