#include "suggest.h"

#include "espota/chip.h"
#include "espota/error.h"
#include "espota/nearest.h"

#include <stdio.h>
#include <string.h>

static const char *say(const struct espota_nearest *nearest, const char *dashes, char text[SUGGESTION_MAX])
{
    text[0] = '\0';
    if (nearest->best)
        snprintf(text, SUGGESTION_MAX, "; did you mean '%s%s'?", dashes, nearest->best);
    return text;
}

const char *suggest_command(const struct command *const *known, const char *word, char text[SUGGESTION_MAX])
{
    struct espota_nearest nearest = { .word = word };
    for (size_t i = 0; known[i]; i++)
        espota_nearest_consider(&nearest, known[i]->name);
    espota_nearest_consider(&nearest, "help");
    espota_nearest_consider(&nearest, "version");
    return say(&nearest, "", text);
}

/* ---- options --------------------------------------------------------------------------------------------
 */

/* What other tools' options are called here. Sources: esptool, docs/en/esptool/basic-options.rst and
 * basic-commands.rst; espflash, espflash/README.md. */
static const struct {
    const char *command; /* NULL: any */
    const char *option, *ours;
} foreign_options[] = {
    { NULL, "trace", "-v -v shows every exchange" },
    { NULL, "silent", "-q does that" },
    { NULL, "connect-attempts", "it tries seven times, in every way that the port knows" },
    { NULL, "skip-connection-test", "there is nothing to skip" },
    { NULL, "list-ports", "'espota devices' does that" },
    { "write", "erase-all", "'espota erase all' does that first" },
    { "write", "flash-mode", "a file is written as it is: 'espota flash' changes its header" },
    { "write", "flash-freq", "a file is written as it is: 'espota flash' changes its header" },
    { "write", "flash-size", "a file is written as it is: 'espota flash' changes its header" },
    { "write", "encrypt", "espota does not write to chips with flash encryption" },
    { "write", "verify", "that is always done" },
    { "flash", "partition-table", "--table does that" },
    { "flash", "erase-parts", "'espota erase' does that" },
    { "flash", "target-app-partition", "--slot does that" },
};

static const char *foreign_option(const struct command *command, const char *name)
{
    for (size_t i = 0; i < sizeof foreign_options / sizeof foreign_options[0]; i++)
        if ((!foreign_options[i].command || strcmp(foreign_options[i].command, command->name) == 0) &&
            espota_word_distance(foreign_options[i].option, name) == 0)
            return foreign_options[i].ours;
    return NULL;
}

const char *suggest_option(const struct command *command, const char *(*name_of)(const struct command *, int),
                           const char *word, char text[SUGGESTION_MAX])
{
    char name[ESPOTA_NEAREST_MAX + 1];
    struct espota_nearest nearest = { .word = name };
    text[0] = '\0';
    if (strncmp(word, "--", 2) != 0)
        return text;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    const char *ours = foreign_option(command, name);
    if (ours) {
        snprintf(text, SUGGESTION_MAX, ": %s", ours);
        return text;
    }
    for (int i = 0; name_of(command, i); i++)
        espota_nearest_consider(&nearest, name_of(command, i));
    return say(&nearest, "--", text);
}

/* ---- values ---------------------------------------------------------------------------------------------
 */

#define WORDS(...)                                                                                           \
    (const char *const[])                                                                                    \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }

static const struct {
    const char *option;
    const char *const *values;
} values[] = {
    { "via", WORDS("rom", "agent", "repl") },
    { "fs", WORDS("fat", "spiffs", "littlefs") },
    { "fs-type", WORDS("littlefs", "fat", "fat-plain") },
    { "type", WORDS("littlefs", "fat", "fat-plain") },
    { "nvs-version", WORDS("1", "2") },
    { "flash", WORDS("1M", "2M", "4M", "8M", "16M", "32M", "64M", "128M") },
    { "flash-size", WORDS("keep", "1M", "2M", "4M", "8M", "16M", "32M", "64M", "128M") },
    { "flash-mode", WORDS("keep", "qio", "qout", "dio", "dout") },
    { "flash-freq",
      WORDS("keep", "80m", "60m", "48m", "40m", "30m", "26m", "24m", "20m", "16m", "15m", "12m") },
    { "baud", WORDS("auto", "115200", "230400", "460800", "921600", "1500000", "2000000") },
    { "monitor-baud",
      WORDS("9600", "57600", "74880", "115200", "230400", "460800", "921600", "1500000", "2000000") },
    { "before", WORDS("default-reset", "classic-reset", "usb-reset", "no-reset") },
    { "after", WORDS("hard-reset", "soft-reset", "watchdog-reset", "no-reset") },
    { "arduino-auth", WORDS("none", "md5", "sha256", "sha256-of-md5") },
    { "service", WORDS("agent", "arduino", "esphome", "all") },
    { "repl-like", WORDS("current", "old", "no-esp", "encrypted", "chatty", "slow", "lies") },
    { "esphome-like", WORDS("current", "gzip", "2024", "2021") },
    { "lines", WORDS("auto-reset", "usb-jtag", "none") },
    { "format", WORDS("raw", "hex", "uf2") },
    { "type", WORDS("littlefs", "fat", "fat-plain") },
    { "for", WORDS("micropython", "circuitpython", "arduino", "esphome", "tasmota", "lobo") },
    { "eol", WORDS("CR", "LF", "CRLF") },
};

const char *const *option_values(const char *option)
{
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        if (strcmp(values[i].option, option) == 0)
            return values[i].values;
    return NULL;
}

static size_t count_chips(void)
{
    size_t count = 0;
    while (espota_chips[count])
        count++;
    return count;
}

bool value_at(size_t index, const char **option, const char **value)
{
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        for (const char *const *at = values[i].values; *at; at++)
            if (index-- == 0) {
                *option = values[i].option;
                *value = *at;
                return true;
            }
    *option = "chip";
    *value = index < count_chips() ? espota_chips[index]->id : "auto";
    return index <= count_chips();
}

static void nearest_value(const char *option, struct espota_nearest *nearest)
{
    const char *const *known = option_values(option);
    for (; known && *known; known++)
        espota_nearest_consider(nearest, *known);
    for (size_t i = 0; strcmp(option, "chip") == 0 && espota_chips[i]; i++)
        espota_nearest_consider(nearest, espota_chips[i]->id);
}

static void add_suggestion(struct espota_error *error, const char *option, const char *value)
{
    char quoted[ESPOTA_NEAREST_MAX + 3], text[SUGGESTION_MAX];
    struct espota_nearest nearest = { .word = value };
    size_t length = strlen(error->text);
    snprintf(quoted, sizeof quoted, "'%s'", value);
    if (strlen(value) > ESPOTA_NEAREST_MAX || !strstr(error->text, quoted))
        return;
    nearest_value(option, &nearest);
    if (nearest.best && nearest.distance > 0 && length + SUGGESTION_MAX < sizeof error->text)
        snprintf(error->text + length, sizeof error->text - length, "%s", say(&nearest, "", text));
}

void suggest_value(int argc, char **argv, struct espota_error *error)
{
    char option[ESPOTA_NEAREST_MAX + 1];
    for (int i = 1; i < argc; i++) {
        const char *equals = strchr(argv[i], '=');
        if (strncmp(argv[i], "--", 2) != 0)
            continue;
        snprintf(option, sizeof option, "%.*s", (int)strcspn(argv[i] + 2, "="), argv[i] + 2);
        if (equals || i + 1 < argc)
            add_suggestion(error, option, equals ? equals + 1 : argv[i + 1]);
    }
}
