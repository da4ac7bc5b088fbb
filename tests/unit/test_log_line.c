/* Lines of ESP-IDF's log, and filters. What passes is what esp-idf-monitor's line_matcher.py says. */
#include "espota/log_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void a_line_has_a_level_and_a_tag(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum espota_log_level level;
        const char *tag; /* NULL: it is none of the log */
    } cases[] = {
        { "I (578) main_task: Started on CPU0", ESPOTA_LOG_INFO, "main_task" },
        { "E (623) foo: This is an error", ESPOTA_LOG_ERROR, "foo" },
        { "W (00:00:00.100) bar: with system time", ESPOTA_LOG_WARNING, "bar" },
        { "D (20-02-02 00:00:00.100) b z: a date", ESPOTA_LOG_DEBUG, "b z" },
        { "V tag: without a time", ESPOTA_LOG_VERBOSE, "tag" },
        { "I (odd): a tag in parentheses", ESPOTA_LOG_INFO, "(odd)" },
        { "I (1) a: ", ESPOTA_LOG_INFO, "a" },
        { "I (1) a:", 0, NULL },
        { "I (1) : nothing", ESPOTA_LOG_INFO, "(1) " },
        { "I (1) a::b: a namespace", 0, NULL },
        { "N (1) a: no level of a line", 0, NULL },
        { "I(1) a: b", 0, NULL },
        { "Hello world!", 0, NULL },
        { "I ", 0, NULL },
        { "I", 0, NULL },
        { "", 0, NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_log_line line;
        bool is_log = espota_log_line_parse(cases[i].text, strlen(cases[i].text), &line);
        assert_int_equal(is_log, cases[i].tag != NULL);
        if (!is_log)
            continue;
        assert_int_equal(line.level, cases[i].level);
        assert_int_equal(line.tag_length, strlen(cases[i].tag));
        assert_memory_equal(line.tag, cases[i].tag, line.tag_length);
    }
}

static void a_filter_lets_through_what_idf_py_does(void **state)
{
    (void)state;
    static const struct {
        const char *filter, *line;
        bool passes;
    } cases[] = {
        { "", "V (1) any: x", true },
        { "  ", "text", true },
        { "*:V", "text", true },
        { "*:N", "text", false },
        { "*:N", "E (1) a: x", false },
        { "*:E", "text", true },
        { "wifi", "V (1) wifi: x", true },
        { "wifi", "E (1) other: x", false },
        { "wifi", "text", false },
        { "wifi:W *:I", "I (1) wifi: x", false },
        { "wifi:W *:I", "W (1) wifi: x", true },
        { "wifi:W *:I", "I (1) a: x", true },
        { "wifi:W *:I", "D (1) a: x", false },
        { "wifi:W *:I", "text", true },
        { "wifi:w", "W (1) wifi: x", true },
        { "wifi:*", "V (1) wifi: x", true },
        { "wifi:", "V (1) wifi: x", true },
        { "wifi:E wifi:I", "I (1) wifi: x", true },
        { "wif", "E (1) wifi: x", false },
        { "*:I *:E", "I (1) a: x", false },
        { "a:N", "E (1) a: x", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_log_filter filter;
        const char *culprit;
        assert_int_equal(espota_log_filter_parse(&filter, cases[i].filter, &culprit), ESPOTA_LOG_FILTER_GOOD);
        assert_int_equal(espota_log_filter_passes(&filter, cases[i].line, strlen(cases[i].line)),
                         cases[i].passes);
    }
}

static void a_wrong_filter_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *filter, *culprit;
        enum espota_log_filter_problem problem;
    } cases[] = {
        { "a:I :W", ":W", ESPOTA_LOG_FILTER_NO_TAG },
        { "a:X", "a:X", ESPOTA_LOG_FILTER_NO_LEVEL },
        { "a:info b", "a:info b", ESPOTA_LOG_FILTER_NO_LEVEL },
        { "a:b:c", "a:b:c", ESPOTA_LOG_FILTER_COLONS },
    };
    char many[4 * ESPOTA_LOG_FILTER_MAX + 8] = "";
    struct espota_log_filter filter;
    const char *culprit = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(espota_log_filter_parse(&filter, cases[i].filter, &culprit), cases[i].problem);
        assert_string_equal(culprit, cases[i].culprit);
    }
    for (unsigned i = 0; i <= ESPOTA_LOG_FILTER_MAX; i++)
        strcat(many, "t:I ");
    assert_int_equal(espota_log_filter_parse(&filter, many, &culprit), ESPOTA_LOG_FILTER_LONG);
    assert_string_equal(culprit, "t:I ");
}

static void an_open_filter_is_known(void **state)
{
    (void)state;
    struct espota_log_filter filter;
    const char *culprit;
    espota_log_filter_parse(&filter, "*", &culprit);
    assert_true(espota_log_filter_is_open(&filter));
    espota_log_filter_parse(&filter, "*:V a:W", &culprit);
    assert_false(espota_log_filter_is_open(&filter));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_a_level_and_a_tag),
        cmocka_unit_test(a_filter_lets_through_what_idf_py_does),
        cmocka_unit_test(a_wrong_filter_is_named),
        cmocka_unit_test(an_open_filter_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
