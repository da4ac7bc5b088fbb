#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OPTIONS = 48, FIRST_LONG = 256, LONG_HELP = 1000, LONG_JSON };

static const struct option_spec common_options[] = {
    { "json", 0, OPTION_FLAG, 0, NULL, "print the result as JSON on stdout" },
    { "quiet", 'q', OPTION_FLAG, 0, NULL, "no messages but warnings and errors" },
    { "verbose", 'v', OPTION_FLAG, 0, NULL, "more messages; twice: every exchange" },
    { "help", 'h', OPTION_FLAG, 0, NULL, "show this help" },
    OPTION_END,
};

static void add_long(struct option *longs, size_t *count, const char *name, bool argument, int value)
{
    longs[(*count)++] = (struct option){ name, argument ? required_argument : no_argument, NULL, value };
}

static void add_short(char *shorts, char letter, bool argument)
{
    size_t length = strlen(shorts);
    if (!letter)
        return;
    shorts[length++] = letter;
    if (argument)
        shorts[length++] = ':';
    shorts[length] = '\0';
}

/* long options by index from FIRST_LONG, short ones by letter */
static const struct option_spec *find_option(const struct command *command, int value)
{
    for (int i = 0; command->options[i].name; i++)
        if (value == FIRST_LONG + i || (command->options[i].letter && value == command->options[i].letter))
            return &command->options[i];
    return NULL;
}

static int store_number(const struct option_spec *spec, void *field, const char *text,
                        struct espota_error *error)
{
    struct number_option *option = field;
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || value > UINT32_MAX)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--%s '%s' is not a number from 0 to 4294967295",
                           spec->name, text);
    option->given = true;
    option->value = (uint32_t)value;
    return 0;
}

static int store_item(const struct option_spec *spec, void *field, const char *text,
                      struct espota_error *error)
{
    struct list_option *list = field;
    if (list->count == LIST_MAX)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--%s is given more than %d times", spec->name, LIST_MAX);
    list->item[list->count++] = text;
    return 0;
}

static int store(const struct option_spec *spec, void *options, const char *text, struct espota_error *error)
{
    void *field = (char *)options + spec->offset;
    struct size_option *size = field;
    switch (spec->kind) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return 0;
    case OPTION_TEXT:
        *(const char **)field = text;
        return 0;
    case OPTION_NUMBER:
        return store_number(spec, field, text, error);
    case OPTION_LIST:
        return store_item(spec, field, text, error);
    case OPTION_SIZE:
        break;
    }
    size->given = true;
    if (!espota_size_parse(text, &size->value))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--%s '%s' is not a size: use bytes (decimal or 0x...), or a number with K or M",
                           spec->name, text);
    return 0;
}

/* Items of a list may follow their option without repeating it: "type, name, value", as tools of others pass
 * them. */
static int store_with_following(const struct option_spec *spec, void *options, int argc, char **argv,
                                struct espota_error *error)
{
    int result = store(spec, options, optarg, error);
    while (result == 0 && spec->kind == OPTION_LIST && optind < argc && argv[optind][0] != '-') {
        const char *comma = strchr(argv[optind], ',');
        if (!comma || !strchr(comma + 1, ','))
            break;
        result = store(spec, options, argv[optind++], error);
    }
    return result;
}

static int complain(const struct command *command, char **argv, int value, struct espota_error *error)
{
    const char *culprit = argv[optind - 1];
    char letter[3] = { '-', (char)optopt, '\0' };
    if (optopt > 0 && optopt < FIRST_LONG)
        culprit = letter;
    return espota_fail(
        error, ESPOTA_ERR_USAGE, "%s %s; see 'espota %s --help'",
        value == ':' ? "an argument is missing after" : "there is no such option, or not like this:", culprit,
        command->name);
}

static int check_argument_count(const struct command *command, const struct cli *cli,
                                struct espota_error *error)
{
    if (cli->argument_count < command->min_arguments)
        return espota_fail(error, ESPOTA_ERR_USAGE, "an argument is missing: espota %s %s", command->name,
                           command->usage);
    if (cli->argument_count > command->max_arguments)
        return espota_fail(error, ESPOTA_ERR_USAGE, "one argument too many, '%s': espota %s %s",
                           cli->arguments[command->max_arguments], command->name, command->usage);
    return 0;
}

int options_parse(const struct command *command, int argc, char **argv, void *options, struct cli *cli,
                  bool *help, struct espota_error *error)
{
    struct option longs[MAX_OPTIONS + 5];
    char shorts[3 * MAX_OPTIONS] = ":qvh";
    size_t count = 0;
    bool quiet = false;
    unsigned verbosity = 0;
    memset(longs, 0, sizeof longs);
    for (int i = 0; i < MAX_OPTIONS && command->options[i].name; i++) {
        add_long(longs, &count, command->options[i].name, command->options[i].argument != NULL,
                 FIRST_LONG + i);
        add_short(shorts, command->options[i].letter, command->options[i].argument != NULL);
    }
    add_long(longs, &count, "quiet", false, 'q');
    add_long(longs, &count, "verbose", false, 'v');
    add_long(longs, &count, "help", false, LONG_HELP);
    add_long(longs, &count, "json", false, LONG_JSON);
    optind = 1;
    opterr = 0;
    int value, result = 0;
    while (result == 0 && (value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        const struct option_spec *spec = find_option(command, value);
        if (value == '?' || value == ':')
            result = complain(command, argv, value, error);
        else if (value == 'h' || value == LONG_HELP)
            *help = true;
        else if (value == LONG_JSON)
            cli->json = true;
        else if (value == 'q')
            quiet = true;
        else if (value == 'v')
            verbosity++;
        else if (spec)
            result = store_with_following(spec, options, argc, argv, error);
    }
    espota_ui_init(&cli->ui, quiet, verbosity);
    cli->arguments = argv + optind;
    cli->argument_count = argc - optind;
    return result || *help ? result : check_argument_count(command, cli, error);
}

static void print_option(const struct option_spec *spec)
{
    enum { COLUMN = 28 };
    char left[64], letter[8] = "    ";
    if (spec->letter)
        snprintf(letter, sizeof letter, "-%c, ", spec->letter);
    snprintf(left, sizeof left, "%s--%s%s%s", letter, spec->name, spec->argument ? " " : "",
             spec->argument ? spec->argument : "");
    if (strlen(left) >= COLUMN)
        printf("  %s\n  %-*s%s\n", left, COLUMN, "", spec->help);
    else
        printf("  %-*s%s\n", COLUMN, left, spec->help);
}

void options_help(const struct command *command)
{
    printf("espota %s - %s\n\nUsage: espota %s [options]%s%s\n\n%s\n\nOptions:\n", command->name,
           command->summary, command->name, *command->usage ? " " : "", command->usage, command->story);
    for (const struct option_spec *spec = command->options; spec->name; spec++)
        print_option(spec);
    for (const struct option_spec *spec = common_options; spec->name; spec++)
        print_option(spec);
    printf("\nMore: man espota-%s\n", command->name);
}

void options_dump(const struct command *command)
{
    const struct option_spec *const tables[] = { command->options, common_options };
    for (size_t i = 0; i < 2; i++)
        for (const struct option_spec *spec = tables[i]; spec->name; spec++)
            printf("%s\t%s\t%c\t%s\t%s\n", command->name, spec->name, spec->letter ? spec->letter : '-',
                   spec->argument ? spec->argument : "-", spec->help);
}
