#include "cli.h"

#include "settings.h"
#include "suggest.h"

#include "espota/address.h"
#include "espota/error.h"
#include "espota/size.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OPTIONS = 80, FIRST_LONG = 256, LONG_HELP = 1000, LONG_JSON };

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

/* An option of a command, and where its field lies. */
struct place {
    const struct option_spec *spec;
    size_t field;
    char letter; /* 0: none, or another option's */
};

/* The command's own come first, then those of its groups. */
static bool spec_at(const struct command *command, int index, struct place *place)
{
    const struct option_group own = { command->options, 0 };
    for (int g = -1; g < MAX_GROUPS; g++) {
        const struct option_group *group = g < 0 ? &own : &command->groups[g];
        if (g >= 0 && !group->options)
            return false;
        for (const struct option_spec *spec = group->options; spec && spec->name; spec++)
            if (index-- == 0) {
                *place = (struct place){ spec, group->offset + spec->offset, spec->letter };
                return true;
            }
    }
    return false;
}

/* A letter is that of the first option that has it. */
static bool option_at(const struct command *command, int index, struct place *place)
{
    struct place earlier;
    if (!spec_at(command, index, place))
        return false;
    for (int i = 0; i < index && place->letter && spec_at(command, i, &earlier); i++)
        if (earlier.letter == place->letter)
            place->letter = '\0';
    return true;
}

/* long options by index from FIRST_LONG, short ones by letter */
static bool find_option(const struct command *command, int value, struct place *place)
{
    for (int i = 0; option_at(command, i, place); i++)
        if (value == FIRST_LONG + i || (place->letter && value == place->letter))
            return true;
    return false;
}

bool option_spec_at(const struct command *command, int index, const struct option_spec **spec, char *letter)
{
    enum { COMMON = sizeof common_options / sizeof common_options[0] - 1 };
    struct place place;
    int own = 0;
    if (option_at(command, index, &place)) {
        *spec = place.spec;
        *letter = place.letter;
        return true;
    }
    while (spec_at(command, own, &place))
        own++;
    if (index - own >= COMMON)
        return false;
    *spec = &common_options[index - own];
    *letter = (*spec)->letter;
    return true;
}

const char *option_name(const struct command *command, int index)
{
    const struct option_spec *spec;
    char letter;
    return option_spec_at(command, index, &spec, &letter) ? spec->name : NULL;
}

static int parse_number(const struct option_spec *spec, uint32_t *number, const char *text,
                        struct espota_error *error)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    bool seconds = spec->argument && strcmp(spec->argument, "SECONDS") == 0;
    if (seconds && end != text && strcmp(end, "s") == 0) /* as timeout(1) has it */
        end++;
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || value > UINT32_MAX)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--%s '%s' is not a number from 0 to 4294967295",
                           spec->name, text);
    *number = (uint32_t)value;
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

/* Options that name alternatives share a field. */
static int store_choice(const struct option_spec *spec, const char **chosen, struct espota_error *error)
{
    if (*chosen && strcmp(*chosen, spec->name) != 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--%s and --%s contradict each other: give one", *chosen,
                           spec->name);
    *chosen = spec->name;
    return 0;
}

static int store(const struct option_spec *spec, void *field, const char *text, struct espota_error *error)
{
    struct number_option *number = field;
    switch (spec->kind) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return 0;
    case OPTION_TEXT:
        *(const char **)field = text;
        return 0;
    case OPTION_CHOICE:
        return store_choice(spec, field, error);
    case OPTION_VALUE:
        return parse_number(spec, field, text, error);
    case OPTION_NUMBER:
        number->given = true;
        return parse_number(spec, &number->value, text, error);
    case OPTION_LIST:
        return store_item(spec, field, text, error);
    case OPTION_SIZE:
        break;
    }
    number->given = true;
    if (!espota_size_parse(text, &number->value))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--%s '%s' is not a size: use bytes (decimal or 0x...), or a number with K or M",
                           spec->name, text);
    return 0;
}

/* Items of a list may follow their option without repeating it: "type, name, value", as tools of others pass
 * them. */
static int store_with_following(const struct option_spec *spec, void *field, int argc, char **argv,
                                struct espota_error *error)
{
    int result = store(spec, field, optarg, error);
    while (result == 0 && spec->kind == OPTION_LIST && optind < argc && argv[optind][0] != '-') {
        const char *comma = strchr(argv[optind], ',');
        if (!comma || !strchr(comma + 1, ','))
            break;
        result = store(spec, field, argv[optind++], error);
    }
    return result;
}

static int complain(const struct command *command, char **argv, int value, struct espota_error *error)
{
    const char *culprit = argv[optind - 1];
    char letter[3] = { '-', (char)optopt, '\0' }, meant[SUGGESTION_MAX] = "";
    if (optopt > 0 && optopt < FIRST_LONG)
        culprit = letter;
    if (value != ':')
        suggest_option(command, option_name, culprit, meant);
    return espota_fail(
        error, ESPOTA_ERR_USAGE, "%s %s%s; see 'espota %s --help'",
        value == ':' ? "an argument is missing after" : "there is no such option, or not like this:", culprit,
        meant, command->name);
}

/* As far as `name` goes. */
static bool same_name(const char *name, const char *text)
{
    for (; *name; name++, text++)
        if (*name != (*text == '_' ? '-' : *text))
            return false;
    return true;
}

/* esptool 4 wrote --flash_mode: the same as --flash-mode, where that is an option. */
static void mend_underscores(const struct command *command, int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        size_t length = strcspn(argv[i], "=");
        const char *name = NULL;
        if (strncmp(argv[i], "--", 2) != 0 || !memchr(argv[i], '_', length))
            continue;
        for (int at = 0; (name = option_name(command, at)); at++)
            if (strlen(name) == length - 2 && same_name(name, argv[i] + 2))
                break;
        if (name)
            memcpy(argv[i] + 2, name, length - 2);
    }
}

static bool is_unset(const struct option_spec *spec, const void *field)
{
    if (spec->kind == OPTION_TEXT)
        return *(const char *const *)field == NULL;
    if (spec->kind == OPTION_LIST)
        return ((const struct list_option *)field)->count == 0;
    return (spec->kind == OPTION_SIZE || spec->kind == OPTION_NUMBER) &&
           !((const struct number_option *)field)->given;
}

/* What options did not say, the environment and files may. A simulator is no device of theirs. */
static int apply_settings(const struct command *command, void *options, struct cli *cli,
                          struct espota_error *error)
{
    struct place place;
    int result = 0;
    for (int i = 0; cli->settings && result == 0 && option_at(command, i, &place); i++) {
        const struct setting *s = setting_find(place.spec->name);
        void *field = (char *)options + place.field;
        const char *value = s ? setting_value(s->name) : NULL;
        if (!value || command->is_simulator || !is_unset(place.spec, field))
            continue;
        char *shown = setting_shown(s);
        espota_ui_detail(&cli->ui, "%s is %s, by %s", s->name, shown ? shown : "",
                         setting_origin(cli->settings, s));
        free(shown);
        cli->settings->used[s - settings_table] = true;
        if (s->fills)
            result = store(place.spec, field, value, error);
    }
    return result;
}

/* It may be a URL with a password in it. */
static int too_many(const struct command *command, const char *argument, struct espota_error *error)
{
    char *shown = espota_address_has_scheme(argument) ? espota_address_shown(argument) : strdup(argument);
    espota_fail(error, ESPOTA_ERR_USAGE, "one argument too many, '%s': espota %s%s%s", shown ? shown : "",
                command->name, *command->usage ? " " : "", command->usage);
    free(shown);
    return (int)error->status;
}

static int check_argument_count(const struct command *command, const struct cli *cli,
                                struct espota_error *error)
{
    if (cli->argument_count < command->min_arguments)
        return espota_fail(error, ESPOTA_ERR_USAGE, "an argument is missing: espota %s %s", command->name,
                           command->usage);
    if (cli->argument_count > command->max_arguments)
        return too_many(command, cli->arguments[command->max_arguments], error);
    return 0;
}

int options_parse(const struct command *command, int argc, char **argv, void *options, struct cli *cli,
                  bool *help, struct espota_error *error)
{
    struct option longs[MAX_OPTIONS + 5];
    char shorts[3 * MAX_OPTIONS] = ":qvh";
    struct place place;
    size_t count = 0;
    bool quiet = false;
    unsigned verbosity = 0;
    memset(longs, 0, sizeof longs);
    for (int i = 0; i < MAX_OPTIONS && option_at(command, i, &place); i++) {
        add_long(longs, &count, place.spec->name, place.spec->argument != NULL, FIRST_LONG + i);
        add_short(shorts, place.letter, place.spec->argument != NULL);
    }
    add_long(longs, &count, "quiet", false, 'q');
    add_long(longs, &count, "verbose", false, 'v');
    add_long(longs, &count, "help", false, LONG_HELP);
    add_long(longs, &count, "json", false, LONG_JSON);
    mend_underscores(command, argc, argv);
    optind = 1;
    opterr = 0;
    int value, result = 0;
    while (result == 0 && (value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
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
        else if (find_option(command, value, &place))
            result = store_with_following(place.spec, (char *)options + place.field, argc, argv, error);
    }
    espota_ui_init(&cli->ui, quiet, verbosity);
    cli->arguments = argv + optind;
    cli->argument_count = argc - optind;
    if (result == 0 && !*help)
        result = check_argument_count(command, cli, error);
    return result || *help ? result : apply_settings(command, options, cli, error);
}

static void print_option(const struct option_spec *spec, char letter)
{
    enum { COLUMN = 28 };
    char left[64], short_form[8] = "    ";
    if (letter)
        snprintf(short_form, sizeof short_form, "-%c, ", letter);
    snprintf(left, sizeof left, "%s--%s%s%s", short_form, spec->name, spec->argument ? " " : "",
             spec->argument ? spec->argument : "");
    if (strlen(left) >= COLUMN)
        printf("  %s\n  %-*s%s\n", left, COLUMN, "", spec->help);
    else
        printf("  %-*s%s\n", COLUMN, left, spec->help);
}

void options_help(const struct command *command)
{
    struct place place;
    printf("espota %s - %s\n\nUsage: espota %s [options]%s%s\n\n%s\n\nOptions:\n", command->name,
           command->summary, command->name, *command->usage ? " " : "", command->usage, command->description);
    for (int i = 0; option_at(command, i, &place); i++)
        print_option(place.spec, place.letter);
    for (const struct option_spec *spec = common_options; spec->name; spec++)
        print_option(spec, spec->letter);
    printf("\nMore: man espota-%s\n", command->name);
}

static void dump_option(const struct command *command, const struct option_spec *spec, char letter)
{
    printf("%s\t%s\t%c\t%s\t%s\n", command->name, spec->name, letter ? letter : '-',
           spec->argument ? spec->argument : "-", spec->help);
}

void options_dump(const struct command *command)
{
    struct place place;
    for (int i = 0; option_at(command, i, &place); i++)
        dump_option(command, place.spec, place.letter);
    for (const struct option_spec *spec = common_options; spec->name; spec++)
        dump_option(command, spec, spec->letter);
}

void values_dump(void)
{
    const char *option, *value;
    for (size_t i = 0; value_at(i, &option, &value); i++)
        printf("%s\t%s\n", option, value);
}
