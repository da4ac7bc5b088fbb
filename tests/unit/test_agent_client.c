/* Where an agent is on the network. */
#include "espota/agent_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void a_host_becomes_an_address(void **state)
{
    (void)state;
    static const struct {
        const char *host, *address;
    } cases[] = {
        { "board.local", "tcp://board.local:3232" },
        { "board.local:99", "tcp://board.local:99" },
        { "192.0.2.7", "tcp://192.0.2.7:3232" },
        { "::1", "tcp://[::1]:3232" },
        { "fe80::1%lo", "tcp://[fe80::1%lo]:3232" },
        { "[::1]", "tcp://[::1]:3232" },
        { "[::1]:99", "tcp://[::1]:99" },
        { "", "tcp://:3232" },
        { ":", "tcp://:" },
        { "[", "tcp://[:3232" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char address[64];
        struct espota_error error;
        assert_int_equal(espota_agent_client_address(cases[i].host, address, sizeof address, &error), 0);
        assert_string_equal(address, cases[i].address);
    }
}

static void one_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    char address[24];
    struct espota_error error;
    assert_int_equal(espota_agent_client_address("a-name-of-twenty-bytes", address, sizeof address, &error),
                     ESPOTA_ERR_USAGE);
    assert_non_null(strstr(error.text, "too long"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_becomes_an_address),
        cmocka_unit_test(one_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
