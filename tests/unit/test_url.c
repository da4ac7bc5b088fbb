/* URLs: what is completed, and what is refused. */
#include "espota/error.h"
#include "espota/fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void what_is_left_out_is_added(void **state)
{
    static const struct {
        const char *text;
        uint16_t port;
        const char *url;
    } cases[] = {
        { "host", 0, "http://host/app.bin" },
        { "host/", 0, "http://host/app.bin" },
        { "host/x.bin", 0, "http://host/x.bin" },
        { "host", 8080, "http://host:8080/app.bin" },
        { "host:81", 8080, "http://host:81/app.bin" },
        { "https://host", 0, "https://host/app.bin" },
        { "HTTP://host/x", 0, "http://host/x" },
        { "http://[::1]", 8080, "http://[::1]:8080/app.bin" },
        { "127.0.0.1:80/a?b=c", 0, "http://127.0.0.1:80/a?b=c" },
        { "http://user:pw@host/x", 0, "http://user:pw@host/x" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_error error = { 0 };
        char *url = NULL;
        assert_int_equal(espota_fetch_complete_url(cases[i].text, cases[i].port, "/app.bin", &url, &error),
                         0);
        assert_string_equal(url, cases[i].url);
        free(url);
    }
}

static void what_is_no_http_url_is_refused(void **state)
{
    static const char *const cases[][2] = {
        { "ftp://host/x", "'ftp://host/x' is no http:// or https:// address" },
        { "file:///etc/passwd", "no http://" },
        { "http://host/a b", "%20" },
        { "http://host:99999/x", "no http://" },
        { "", "no http://" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_error error = { 0 };
        char *url = NULL;
        assert_int_equal(espota_fetch_complete_url(cases[i][0], 0, "/x", &url, &error), ESPOTA_ERR_USAGE);
        assert_null(url);
        assert_non_null(strstr(error.text, cases[i][1]));
    }
}

static void what_is_no_url_keeps_its_secrets_in_the_error(void **state)
{
    static const char *const urls[] = { "http://user:SECRET/SECRET@host:x/",
                                        "http://user:SECRET@ho st/?SECRET",
                                        "ftp://u:SECRET@host/x",
                                        "http://u:SECRET?SECRET@host/",
                                        "u:SECRET@host/x",
                                        "SECRET@host" };
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct espota_error error;
        char *url = NULL;
        assert_int_equal(espota_fetch_complete_url(urls[i], 0, "/x", &url, &error), ESPOTA_ERR_USAGE);
        assert_null(strstr(error.text, "SECRET"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_is_added),
        cmocka_unit_test(what_is_no_http_url_is_refused),
        cmocka_unit_test(what_is_no_url_keeps_its_secrets_in_the_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
