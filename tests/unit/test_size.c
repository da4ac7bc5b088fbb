/* Sizes as people write them, and as they read them. */
#include "espota/hex.h"
#include "espota/size.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void sizes_are_read_with_their_suffix(void **state)
{
    static const struct {
        const char *text;
        uint32_t size;
    } cases[] = {
        { "0", 0 },        { "4096", 4096 },   { "0x1000", 4096 },       { "0X1000", 4096 },
        { "64K", 65536 },  { "64k", 65536 },   { "1M", 1048576 },        { "16MB", 16777216 },
        { "64KB", 65536 }, { "0x10K", 16384 }, { "4095M", 4293918720u }, { "4294967295", 4294967295u },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t size = 1;
        assert_true(espota_size_parse(cases[i].text, &size));
        assert_int_equal(size, cases[i].size);
    }
}

static void what_is_no_size_is_none(void **state)
{
    static const char *const cases[] = { "",    " 1",   "1 ", "-1",  "+1",    "K",  "1G",         "1MM",
                                         "1KM", "1.5M", "0x", "0xg", "4096M", "1B", "4294967296", "12abc" };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t size = 7;
        if (espota_size_parse(cases[i], &size))
            fail_msg("'%s' is taken for %u", cases[i], size);
        assert_int_equal(size, 7);
    }
}

static void sizes_are_written_in_the_shortest_exact_form(void **state)
{
    static const struct {
        uint64_t size;
        const char *text;
    } cases[] = {
        { 0, "0 bytes" },       { 1, "1 byte" },      { 100, "100 bytes" }, { 1024, "1K" },
        { 1025, "1025 bytes" }, { 2031616, "1984K" }, { 1048576, "1M" },    { 1ull << 33, "8192M" }
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[ESPOTA_SIZE_TEXT];
        assert_string_equal(espota_size_text(cases[i].size, text), cases[i].text);
    }
}

static void hex_is_bytes_and_back(void **state)
{
    static const char *const bad[] = { "0123456", "0123456g", " 1234567", "0x123456", "" };
    uint8_t bytes[4] = { 0 };
    char text[9];
    (void)state;
    assert_true(espota_unhex("01abCDef", bytes, sizeof bytes));
    espota_hex(bytes, sizeof bytes, text);
    assert_string_equal(text, "01abcdef");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(espota_unhex(bad[i], bytes, sizeof bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_read_with_their_suffix),
        cmocka_unit_test(what_is_no_size_is_none),
        cmocka_unit_test(sizes_are_written_in_the_shortest_exact_form),
        cmocka_unit_test(hex_is_bytes_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
