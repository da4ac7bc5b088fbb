/* Hex digits and MAC addresses. */
#include "espota/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void bytes_and_back(void **state)
{
    (void)state;
    const uint8_t bytes[] = { 0x00, 0x7f, 0x80, 0xff, 0xa5 };
    uint8_t back[sizeof bytes];
    char hex[2 * sizeof bytes + 1];
    espota_hex(bytes, sizeof bytes, hex);
    assert_string_equal(hex, "007f80ffa5");
    assert_true(espota_unhex(hex, back, sizeof back));
    assert_memory_equal(back, bytes, sizeof bytes);
    assert_true(espota_unhex("A5", back, 1));
    assert_int_equal(back[0], 0xa5);
}

static void what_is_no_digit_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = { "0g", "g0", " 0", "0 ", "0", "", "-1", "0x" };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t byte;
        assert_false(espota_unhex(cases[i], &byte, 1));
    }
}

static void a_mac_as_people_write_it(void **state)
{
    (void)state;
    const uint8_t mac[6] = { 0x24, 0x0a, 0xc4, 0x00, 0x01, 0x10 };
    char text[ESPOTA_MAC_TEXT];
    assert_string_equal(espota_mac_text(mac, text), "24:0a:c4:00:01:10");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_and_back),
        cmocka_unit_test(what_is_no_digit_is_refused),
        cmocka_unit_test(a_mac_as_people_write_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
