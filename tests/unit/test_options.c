/* The command line: options of a command and of the groups that it shares. */
#include "cli/cli.h"

#include "espota/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct shared {
    const char *text, *choice;
    uint32_t value;
};

struct options {
    struct number_option size, number;
    const char *binary;
    bool flag;
    struct shared shared;
};

static const struct option_spec own[] = {
    { "size", 's', OPTION_SIZE, offsetof(struct options, size), "SIZE", "" },
    { "number", 0, OPTION_NUMBER, offsetof(struct options, number), "N", "" },
    { "binary", 'b', OPTION_TEXT, offsetof(struct options, binary), "FILE", "" },
    { "flag", 0, OPTION_FLAG, offsetof(struct options, flag), NULL, "" },
    OPTION_END,
};

static const struct option_spec shared[] = {
    { "text", 'b', OPTION_TEXT, offsetof(struct shared, text), "TEXT", "" },
    { "value", 0, OPTION_VALUE, offsetof(struct shared, value), "N", "" },
    { "one", 0, OPTION_CHOICE, offsetof(struct shared, choice), NULL, "" },
    { "two", 0, OPTION_CHOICE, offsetof(struct shared, choice), NULL, "" },
    OPTION_END,
};

static const struct command command = {
    .name = "test",
    .usage = "",
    .options = own,
    .groups = { { shared, offsetof(struct options, shared) } },
};

static int parse(const char *line, struct options *options, struct espota_error *error)
{
    char words[200], *argv[20] = { 0 }, *rest = NULL;
    int argc = 0;
    bool help = false;
    struct cli cli = { 0 };
    snprintf(words, sizeof words, "test %s", line);
    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    memset(options, 0, sizeof *options);
    int result = options_parse(&command, argc, argv, options, &cli, &help, error);
    options->binary = options->binary ? "given" : NULL; /* the words go */
    options->shared.text = options->shared.text ? "given" : NULL;
    return result;
}

static void options_fill_in_the_fields_of_command_and_group(void **state)
{
    struct options o;
    struct espota_error error = { 0 };
    (void)state;
    assert_int_equal(parse("--size 4K --number 0x10 --flag --text x --value 7 --two", &o, &error), 0);
    assert_true(o.size.given && o.number.given && o.flag);
    assert_int_equal(o.size.value, 4096);
    assert_int_equal(o.number.value, 16);
    assert_string_equal(o.shared.text, "given");
    assert_int_equal(o.shared.value, 7);
    assert_string_equal(o.shared.choice, "two");
    assert_null(o.binary);
}

static void a_letter_is_that_of_the_commands_own_option(void **state)
{
    struct options o;
    struct espota_error error = { 0 };
    (void)state;
    assert_int_equal(parse("-b x", &o, &error), 0);
    assert_non_null(o.binary);
    assert_null(o.shared.text);
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const struct {
        const char *line, *words;
    } cases[] = {
        { "--one --two", "--one and --two contradict each other" },
        { "--number -1", "--number" },
        { "--value x", "--value 'x' is not a number" },
        { "--size 4Q", "--size '4Q' is not a size" },
        { "--size", "an argument is missing" },
        { "--nothing", "no such option" },
        { "more", "one argument too many" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct options o;
        struct espota_error error = { 0 };
        assert_int_equal(parse(cases[i].line, &o, &error), ESPOTA_ERR_USAGE);
        if (!strstr(error.text, cases[i].words))
            fail_msg("%s: %s", cases[i].line, error.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_fill_in_the_fields_of_command_and_group),
        cmocka_unit_test(a_letter_is_that_of_the_commands_own_option),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
