/* Errors: a status that decides, a text for people, a hint for programs. */
#include "espota/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void every_status_has_a_name_and_an_exit_status(void **state)
{
    (void)state;
    static const struct {
        enum espota_status status;
        const char *name;
        int exit;
    } cases[] = {
        { ESPOTA_OK, "ok", 0 },
        { ESPOTA_ERR_FAILED, "failed", 1 },
        { ESPOTA_ERR_USAGE, "usage", 2 },
        { ESPOTA_ERR_NO_DEVICE, "no-device", 3 },
        { ESPOTA_ERR_TIMEOUT, "timeout", 3 },
        { ESPOTA_ERR_VERIFY, "verify", 4 },
        { ESPOTA_ERR_REFUSED, "refused", 5 },
        { ESPOTA_ERR_CANCELLED, "cancelled", 130 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(espota_status_name(cases[i].status), cases[i].name);
        assert_int_equal(espota_exit_status(cases[i].status), cases[i].exit);
    }
}

static void a_failure_forgets_the_one_before(void **state)
{
    (void)state;
    struct espota_error error = { 0 };
    assert_int_equal(espota_fail_hint(&error, ESPOTA_ERR_TOO_BIG, ESPOTA_HINT_MORE_ROOM, "%d bytes", 7),
                     ESPOTA_ERR_TOO_BIG);
    error.hint_value[0] = 9;
    assert_int_equal(espota_fail(&error, ESPOTA_ERR_IO, "%s", "another"), ESPOTA_ERR_IO);
    assert_int_equal(error.hint, ESPOTA_HINT_NONE);
    assert_int_equal(error.hint_value[0], 0);
    assert_string_equal(error.text, "another");
}

static void what_was_attempted_goes_before_and_the_hint_stays(void **state)
{
    (void)state;
    struct espota_error error = { 0 };
    espota_fail_hint(&error, ESPOTA_ERR_VERIFY, ESPOTA_HINT_SIGN, "not signed");
    assert_int_equal(espota_fail_while(&error, "checking %s", "x.bin"), ESPOTA_ERR_VERIFY);
    assert_string_equal(error.text, "checking x.bin: not signed");
    assert_int_equal(error.hint, ESPOTA_HINT_SIGN);
    assert_string_equal(espota_hint_name(error.hint), "sign");
    assert_null(espota_hint_name(ESPOTA_HINT_NONE));
}

static void a_text_that_is_too_long_is_cut(void **state)
{
    (void)state;
    struct espota_error error = { 0 };
    char longer[3000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    espota_fail(&error, ESPOTA_ERR_FAILED, "%s", longer);
    espota_fail_while(&error, "%s", longer);
    assert_true(strlen(error.text) < sizeof error.text);
    assert_non_null(strstr(error.text, ": x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_name_and_an_exit_status),
        cmocka_unit_test(a_failure_forgets_the_one_before),
        cmocka_unit_test(what_was_attempted_goes_before_and_the_hint_stays),
        cmocka_unit_test(a_text_that_is_too_long_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
