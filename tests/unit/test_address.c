/* Hosts and ports, as people write them. */
#include "espota/address.h"
#include "espota/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void hosts_and_ports_are_taken_apart(void **state)
{
    static const struct {
        const char *text, *host;
        uint16_t port;
        const char *whole;
    } cases[] = {
        { "plug.local", "plug.local", 3232, "plug.local:3232" },
        { "plug.local:8266", "plug.local", 8266, "plug.local:8266" },
        { "192.168.1.5", "192.168.1.5", 3232, "192.168.1.5:3232" },
        { "192.168.1.5:1", "192.168.1.5", 1, "192.168.1.5:1" },
        { "fe80::1", "fe80::1", 3232, "[fe80::1]:3232" },
        { "[fe80::1]", "fe80::1", 3232, "[fe80::1]:3232" },
        { "[fe80::1]:65535", "fe80::1", 65535, "[fe80::1]:65535" },
    };
    struct espota_address address;
    struct espota_error error;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(espota_address_parse(&address, cases[i].text, 3232, &error), 0);
        assert_string_equal(address.host, cases[i].host);
        assert_int_equal(address.port, cases[i].port);
        assert_string_equal(address.text, cases[i].whole);
    }
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const cases[] = {
        "",   ":80",   "host:",   "host:0",    "host:65536",  "host:80x",  "host:-1", "host: 80",
        "[]", "[]:80", "[::1]80", "[::1]x:80", "http://host", "host/path", "[[::1]]",
    };
    struct espota_address address;
    struct espota_error error;
    char longest[300];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(espota_address_parse(&address, cases[i], 3232, &error), ESPOTA_ERR_USAGE);
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(espota_address_parse(&address, longest, 3232, &error), ESPOTA_ERR_USAGE);
    longest[255] = '\0';
    assert_int_equal(espota_address_parse(&address, longest, 3232, &error), 0);
}

static void a_url_is_shown_without_what_may_be_secret(void **state)
{
    static const char *const urls[][2] = {
        { "http://host/app.bin", "http://host/app.bin" },
        { "http://user:pw@host:80/app.bin", "http://host:80/app.bin" },
        { "https://user@host/a@b.bin", "https://host/a@b.bin" },
        { "http://u:p@q@host/x", "http://host/x" },
        { "http://host/app.bin?token=1", "http://host/app.bin?..." },
        { "http://u:p@host?t", "http://host?..." },
        { "http://host/app.bin#t", "http://host/app.bin" },
        { "u:p@host/x?y#z", "host/x?..." },
        { "HTTPS://u:p@host", "HTTPS://host" },
        { "esphome://u:p@host:3232", "esphome://host:3232" },
        { "http://u:p/w@host/x", "http://host/x" },
        { "http://u:p?w@host/x", "http://host/x" },
        { "http://u:123456/w@host/x", "http://host/x" },
        { "http://host:80/a@b", "http://host:80/a@b" },
        { "http://[::1]:80/a@b", "http://[::1]:80/a@b" },
        { "http://[::1]/a@b", "http://[::1]/a@b" },
        { "/dev/u:p@host?x", "/dev/u:p@host?x" },
        { "file:u@p?", "file:u@p?" },
        { "fe80::1", "fe80::1" },
        { "", "" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        char *shown = espota_address_shown(urls[i][0]);
        assert_non_null(shown);
        assert_string_equal(shown, urls[i][1]);
        free(shown);
    }
}

static void users_are_seen(void **state)
{
    static const char *const with[] = { "u@host", "u:p@host", "http://u:p@host", "X://u:p/w@host" };
    static const char *const without[] = {
        "", "host", "http://host/a@b", "/dev/a@b", "FILE:a@b", "[::1]:80"
    };
    (void)state;
    for (size_t i = 0; i < sizeof with / sizeof with[0]; i++)
        assert_true(espota_address_has_user(with[i]));
    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++)
        assert_false(espota_address_has_user(without[i]));
}

static void an_address_with_a_password_is_refused_and_not_shown(void **state)
{
    struct espota_address address;
    struct espota_error error;
    (void)state;
    assert_int_equal(espota_address_parse(&address, "user:SECRET@host", 3232, &error), ESPOTA_ERR_USAGE);
    assert_null(strstr(error.text, "SECRET"));
}

static void a_scheme_is_the_same_in_capitals(void **state)
{
    static const char *const ws[] = { "ws://host", "WS://host", "wS://host" };
    static const char *const any[] = { "http://x", "HTTP://x", "a+b-c.1://x" };
    static const char *const none[] = { "",       "host",    "://x",     "host/http://x", "1a://x",
                                        "http:/", "ht_p://", "/dev://x", "file:x" };
    (void)state;
    for (size_t i = 0; i < sizeof ws / sizeof ws[0]; i++)
        assert_string_equal(espota_address_after(ws[i], "ws://"), "host");
    assert_null(espota_address_after("wss://host", "ws://"));
    assert_null(espota_address_after("ws:", "ws://"));
    for (size_t i = 0; i < sizeof any / sizeof any[0]; i++)
        assert_true(espota_address_has_scheme(any[i]));
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(espota_address_has_scheme(none[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_and_ports_are_taken_apart),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(a_url_is_shown_without_what_may_be_secret),
        cmocka_unit_test(users_are_seen),
        cmocka_unit_test(an_address_with_a_password_is_refused_and_not_shown),
        cmocka_unit_test(a_scheme_is_the_same_in_capitals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
