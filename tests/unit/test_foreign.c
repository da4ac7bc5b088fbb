/* Other tools' words, and options that stand before the command. */
#include "cli/suggest.h"

#include "espota/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct option_spec own[] = {
    { "appsize", 0, OPTION_SIZE, 0, "SIZE", "" },
    { "port", 'p', OPTION_TEXT, 0, "PORT", "" },
    OPTION_END,
};
static const struct command write_command = { .name = "write", .options = own, .max_arguments = 2 };
static const struct command erase_command = { .name = "erase", .options = own, .max_arguments = 95 };
static const struct command *const known[] = { &write_command, &erase_command, NULL };

enum { MOST = 16 };

/* A copy that may be written to, its words apart. */
struct line {
    char text[256];
    char *word[MOST];
    int count;
};

static void split(struct line *line, const char *text)
{
    snprintf(line->text, sizeof line->text, "%s", text);
    line->count = 0;
    for (char *at = strtok(line->text, " "); at; at = strtok(NULL, " "))
        line->word[line->count++] = at;
}

static const char *join(char **words, int count, char text[256])
{
    text[0] = '\0';
    for (int i = 0; i < count; i++)
        snprintf(text + strlen(text), 256 - strlen(text), "%s%s", i ? " " : "", words[i]);
    return text;
}

static void options_before_the_command_come_behind_it(void **state)
{
    static const struct {
        const char *given, *sorted; /* NULL: it is not understood */
    } cases[] = {
        { "espota --port x --baud 9 flash y", "espota flash --port x --baud 9 y" },
        { "espota -p x -b9 -c esp32 table -b z", "espota table --port x --baud 9 --chip esp32 -b z" },
        { "espota --port=x -vv info", "espota info --port x -vv" },
        { "espota -a no_reset --no-stub info", "espota info --after no_reset --no-stub" },
        { "espota -t -s info", "espota info -vv --quiet" },
        { "espota --port_filter vid=1 info", "espota info --port-filter vid=1" },
        { "espota --frobnicate info", NULL },
        { "espota --json=yes info", NULL },
        { "espota -i 10.0.0.1 -f x.bin", NULL },
        { "espota -p x", NULL },
        { "espota -p", NULL },
        { "espota -", NULL },
        { "espota --", NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct line line;
        char *sorted[2 * MOST + 2], text[256];
        struct leading_options leading = { 0 };
        split(&line, cases[i].given);
        int count = options_behind_command(line.count, line.word, sorted, &leading);
        if ((count > 0) != (cases[i].sorted != NULL))
            fail_msg("'%s': %d", cases[i].given, count);
        if (count > 0)
            assert_string_equal(join(sorted, count, text), cases[i].sorted);
        else
            assert_non_null(leading.problem);
    }
}

static void words_of_other_tools_become_ours(void **state)
{
    static const struct {
        const char *given, *ours;
    } cases[] = {
        { "write_flash -z --flash-x 0x1000 f", "write_flash --flash-x 0x1000 f" },
        { "write-flash --no-progress 0 f", "write-flash 0 f" },
        { "erase-flash -p x", "erase-flash -p x all" },
        { "merge_bin -o x", "merge_bin --merge -o x" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct line line;
        char *ours[MOST + 1], text[256];
        split(&line, cases[i].given);
        const struct foreign_word *word = foreign_word(line.word[0]);
        assert_non_null(word);
        int count = word_rewrite(word, line.count, line.word, ours);
        assert_string_equal(join(ours, count, text), cases[i].ours);
    }
    assert_null(foreign_word("write"));
    assert_null(foreign_word("frobnicate"));
}

static void an_address_and_a_size_are_a_range(void **state)
{
    static const struct {
        const char *given, *range;
    } cases[] = {
        { "0x1000 0x2000", "0x1000+0x2000" },
        { "0 ALL", "all" },
        { "0x1000 all", NULL },
        { "0x1000 000000000000000000000000000000000000000000000000000000000000000000000001", NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct line line;
        struct cli cli = { 0 };
        struct espota_error error = { 0 };
        char range[RANGE_MAX];
        split(&line, cases[i].given);
        cli.arguments = line.word;
        cli.argument_count = line.count;
        int result = word_take_arguments(&cli, foreign_word("erase-region"), range, &error);
        assert_int_equal(result, cases[i].range ? 0 : ESPOTA_ERR_USAGE);
        if (cases[i].range)
            assert_string_equal(cli.arguments[0], cases[i].range);
    }
}

static void what_was_meant_is_suggested(void **state)
{
    char text[SUGGESTION_MAX];
    struct espota_error error;
    struct line line;
    (void)state;
    split(&line, "info --via agnet");
    assert_string_equal(suggest_command(known, "wriet", text), "; did you mean 'write'?");
    assert_string_equal(suggest_command(known, "frobnicate", text), "");
    assert_string_equal(suggest_option(&erase_command, option_name, "--apsize=4M", text),
                        "; did you mean '--appsize'?");
    assert_string_equal(suggest_option(&erase_command, option_name, "--verbos", text),
                        "; did you mean '--verbose'?");
    assert_string_equal(suggest_option(&erase_command, option_name, "-x", text), "");
    assert_string_equal(suggest_option(&write_command, option_name, "--erase_all", text),
                        ": 'espota erase all' does that first");
    espota_fail(&error, ESPOTA_ERR_USAGE, "--via 'agnet' is neither");
    suggest_value(line.count, line.word, &error);
    assert_string_equal(error.text, "--via 'agnet' is neither; did you mean 'agent'?");
    espota_fail(&error, ESPOTA_ERR_USAGE, "something else");
    suggest_value(line.count, line.word, &error);
    assert_string_equal(error.text, "something else");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_before_the_command_come_behind_it),
        cmocka_unit_test(words_of_other_tools_become_ours),
        cmocka_unit_test(an_address_and_a_size_are_a_range),
        cmocka_unit_test(what_was_meant_is_suggested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
