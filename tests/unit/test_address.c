/* Hosts and ports, as people write them. */
#include "espota/address.h"
#include "espota/error.h"

#include <setjmp.h>
#include <stdarg.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_and_ports_are_taken_apart),
        cmocka_unit_test(what_is_no_address_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
