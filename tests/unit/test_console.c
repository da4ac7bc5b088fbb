/* A device's console, byte by byte: what is shown of it, and what is only looked at. */
#include "cli/console.h"

#include "espota/log_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct shown {
    char *text;
    size_t size;
};

static void begin(struct console *console, struct shown *shown)
{
    console->out = open_memstream(&shown->text, &shown->size);
    assert_non_null(console->out);
    console_begin(console, 1000);
}

static void take(struct console *console, const char *text, uint64_t now_ms)
{
    console_take(console, (const uint8_t *)text, strlen(text), now_ms);
}

static void is_shown(struct console *console, struct shown *shown, const char *expected)
{
    fflush(console->out);
    assert_string_equal(shown->text, expected);
}

static void finish(struct console *console, struct shown *shown)
{
    fclose(console->out);
    free(shown->text);
}

/* The bytes come one by one, as a UART may deliver them. */
static void what_gets_through(void **state)
{
    (void)state;
    static const struct {
        const char *sent, *plain, *editing, *colourless;
    } cases[] = {
        { "text\r\n", "text\n", "text\n", "text\n" },
        { "a\tb\n", "a\tb\n", "a\tb\n", "a\tb\n" },
        { "\033[1;31mred\033[0m\n", "\033[1;31mred\033[0m\n", "\033[1;31mred\033[0m\n", "red\n" },
        { "ab\b\033[Kc\n", "abc\n", "ab\b\033[Kc\n", "abc\n" },
        { "12%\r99%\n", "12%99%\n", "12%\r99%\n", "12%99%\n" },
        { "a\r\r\nb\n", "a\nb\n", "a\nb\n", "a\nb\n" },
        { "\033[2A\033[5D\033[3~\033[1;1r\033[?1049h\n", "\n", "\033[2A\033[5D\n", "\n" },
        { "\033[6n\033[c\033[>q\033[8;9;9t\n", "\n", "\033[6n\n", "\n" },
        { "\033]0;title\007x\033]52;c;aGk=\033\\y\n", "xy\n", "xy\n", "xy\n" },
        { "\033Pdcs\033\\z\033c\n", "z\n", "z\n", "z\n" },
        { "\033]lost end\nnext\n", "\nnext\n", "\nnext\n", "\nnext\n" },
        { "\007bell\n", "bell\n", "\007bell\n", "bell\n" },
        { "\033[0123456789012345678901234567890123456789mx\n", "x\n", "x\n", "x\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (unsigned mode = 0; mode < 3; mode++) {
            const char *expected = mode == 0   ? cases[i].plain
                                   : mode == 1 ? cases[i].editing
                                               : cases[i].colourless;
            struct console console = { .editing = mode == 1, .no_colour = mode == 2 };
            struct shown shown = { 0 };
            begin(&console, &shown);
            for (const char *at = cases[i].sent; *at; at++)
                console_take(&console, (const uint8_t *)at, 1, 1000);
            is_shown(&console, &shown, expected);
            finish(&console, &shown);
        }
}

static void what_is_no_character_shows_as_such(void **state)
{
    (void)state;
    struct console console = { 0 };
    struct shown shown = { 0 };
    begin(&console, &shown);
    take(&console, "\303\244 \342\200\256 \303x \233.\n", 1000);
    is_shown(&console, &shown, "\303\244 ? ?x ?.\n");
    finish(&console, &shown);
}

static void an_unfinished_line_is_shown_when_nothing_more_comes(void **state)
{
    (void)state;
    struct console console = { .colour = true };
    struct shown shown = { 0 };
    begin(&console, &shown);
    take(&console, "W (1) a", 1000);
    is_shown(&console, &shown, "");
    take(&console, "pp: x", 1001); /* so that its beginning decides about colour */
    console_flush(&console, 1020);
    is_shown(&console, &shown, "\033[33mW (1) app: x");
    take(&console, "y\n", 1100);
    is_shown(&console, &shown, "\033[33mW (1) app: xy\033[0m\n");
    take(&console, ">>> ", 1200);
    console_note(&console, "a note");
    console_end(&console, 1300);
    is_shown(&console, &shown, "\033[33mW (1) app: xy\033[0m\n\033[36m--- a note\033[0m\n>>> \n");
    finish(&console, &shown);
}

static void a_filter_waits_for_what_it_can_judge(void **state)
{
    (void)state;
    struct espota_log_filter filter;
    const char *culprit;
    struct console console = { .filter = &filter };
    struct shown shown = { 0 };
    espota_log_filter_parse(&filter, "app *:N", &culprit);
    begin(&console, &shown);
    take(&console, "I (1) a", 1000);
    console_flush(&console, 1050);
    is_shown(&console, &shown, "");
    take(&console, "pp: x\nI (1) wifi: y\n", 1060);
    is_shown(&console, &shown, "I (1) app: x\n");
    take(&console, "I (2) app: pro", 1100);
    console_flush(&console, 1200);
    is_shown(&console, &shown, "I (1) app: x\nI (2) app: pro");
    finish(&console, &shown);
}

static void a_line_of_the_device_keeps_its_colour(void **state)
{
    (void)state;
    struct console console = { .colour = true };
    struct shown shown = { 0 };
    begin(&console, &shown);
    take(&console, "\033[0;32mI (1) a: b\033[0m\nI (1) a: b\nplain\n", 1000);
    is_shown(&console, &shown, "\033[0;32mI (1) a: b\033[0m\n\033[32mI (1) a: b\033[0m\nplain\n");
    finish(&console, &shown);
}

static void times_begin_each_line(void **state)
{
    (void)state;
    struct console console = { .timestamps = true };
    struct shown shown = { 0 };
    begin(&console, &shown);
    take(&console, "a\n", 1000);
    take(&console, "b", 2500);
    console_flush(&console, 2600);
    take(&console, "c\n", 9000);
    is_shown(&console, &shown, "[   0.000] a\n[   1.600] bc\n");
    finish(&console, &shown);
}

static void a_pause_counts_what_it_hides(void **state)
{
    (void)state;
    struct console console = { .paused = true };
    struct shown shown = { 0 };
    begin(&console, &shown);
    take(&console, "a\nb\nc", 1000);
    console.paused = false;
    assert_int_equal(console.held_back, 2);
    take(&console, "d\n", 1001);
    is_shown(&console, &shown, "cd\n");
    finish(&console, &shown);
}

static void lines_longer_than_any_buffer_are_shown(void **state)
{
    (void)state;
    struct console console = { 0 };
    struct shown shown = { 0 };
    enum { LONG = 5 * CONSOLE_LINE };
    begin(&console, &shown);
    for (size_t i = 0; i < LONG; i++)
        take(&console, "x", 1000);
    take(&console, "\n", 1000);
    fflush(console.out);
    assert_int_equal(shown.size, LONG + 1);
    assert_int_equal(strspn(shown.text, "x"), LONG);
    finish(&console, &shown);
}

static void words_are_waited_for_in_plain_text(void **state)
{
    (void)state;
    static const struct {
        const char *sent;
        bool matched, failed;
    } cases[] = {
        { "I (1) app: \033[1mready\033[0m\n", true, false },
        { "app: panic\napp: ready\n", false, true },
        { "app: ready\napp: panic\n", true, false },
        { "app: read", false, false },
        { "app: ready", true, false }, /* a prompt is a line too */
        { "rea\ndy\n", false, false },
    };
    regex_t until, fail_on;
    assert_int_equal(regcomp(&until, "app: ready$", REG_EXTENDED | REG_NOSUB), 0);
    assert_int_equal(regcomp(&fail_on, "panic", REG_EXTENDED | REG_NOSUB), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct console console = { .until = &until, .fail_on = &fail_on };
        struct shown shown = { 0 };
        begin(&console, &shown);
        take(&console, cases[i].sent, 1000);
        assert_int_equal(console.matched, cases[i].matched);
        assert_int_equal(console.failed, cases[i].failed);
        finish(&console, &shown);
    }
    regfree(&until);
    regfree(&fail_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_gets_through),
        cmocka_unit_test(what_is_no_character_shows_as_such),
        cmocka_unit_test(an_unfinished_line_is_shown_when_nothing_more_comes),
        cmocka_unit_test(a_filter_waits_for_what_it_can_judge),
        cmocka_unit_test(a_line_of_the_device_keeps_its_colour),
        cmocka_unit_test(times_begin_each_line),
        cmocka_unit_test(a_pause_counts_what_it_hides),
        cmocka_unit_test(lines_longer_than_any_buffer_are_shown),
        cmocka_unit_test(words_are_waited_for_in_plain_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
