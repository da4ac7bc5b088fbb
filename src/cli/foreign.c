/* The words of the tools that people come from. */
#include "suggest.h"

#include "espota/error.h"
#include "espota/nearest.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Sources: esptool 5, docs/en/esptool/basic-commands.rst and advanced-commands.rst; espflash 4,
 * espflash/README.md; ESP-IDF, tools/idf_py_actions/serial_ext.py. */
static const struct foreign_word words[] = {
    /* esptool */
    { "write-flash", "write", WORD_SAME },
    { "read-flash", "read", WORD_RANGE },
    { "verify-flash", "verify", WORD_SAME },
    { "erase-flash", "erase", WORD_ALL },
    { "erase-region", "erase", WORD_RANGE },
    { "chip-id", "info", WORD_SAME },
    { "flash-id", "info", WORD_SAME },
    { "read-mac", "info", WORD_SAME },
    { "get-security-info", "info", WORD_SAME },
    { "image-info", "image", WORD_SAME },
    { "elf2image", "image", WORD_SAME },
    { "merge-bin", "image", WORD_MERGE },
    { "run", "reset", WORD_SAME },
    { "load-ram", "'espota flash' writes an app to flash, and espota runs none from RAM", WORD_NONE },
    { "dump-mem", "espota reads flash alone, with 'espota read'", WORD_NONE },
    { "read-mem", "espota reads flash alone, with 'espota read'", WORD_NONE },
    { "write-mem", "espota writes flash alone, with 'espota write'", WORD_NONE },
    { "read-flash-status", "'espota info' shows what flash it is", WORD_NONE },
    { "write-flash-status", "espota leaves the status register of the flash alone", WORD_NONE },
    { "read-flash-sfdp", "'espota info' shows what flash it is", WORD_NONE },
    /* espflash */
    { "board-info", "info", WORD_SAME },
    { "list-ports", "devices", WORD_SAME },
    { "save-image", "image", WORD_SAME },
    { "write-bin", "write", WORD_SAME },
    { "erase-parts", "erase", WORD_SAME },
    { "partition-table", "table", WORD_SAME },
    { "checksum-md5", "'espota verify' compares flash with a file, by digest", WORD_NONE },
    { "hold-in-reset", "'espota reset --after D0|R1' holds it in reset", WORD_NONE },
    { "completions", "they are installed with espota, for bash, zsh and fish", WORD_NONE },
    /* idf.py */
    { "app-flash", "'espota flash --app build/APP.bin' writes the app alone", WORD_NONE },
    { "bootloader-flash", "'espota flash --bootloader build/bootloader/bootloader.bin' does that",
      WORD_NONE },
    { "partition-table-flash", "'espota flash --table partitions.csv' does that", WORD_NONE },
    { "erase-otadata", "'espota erase otadata' does that", WORD_NONE },
    { "read-otadata", "'espota status' shows it", WORD_NONE },
};

const struct foreign_word *foreign_word(const char *word)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (espota_word_distance(words[i].word, word) == 0)
            return &words[i];
    return NULL;
}

/* What travels is compressed and verified anyway. */
static bool is_moot(const char *option)
{
    static const char *const moot[] = {
        "-z", "--compress", "-u", "--no-compress", "--no-progress", "--verify"
    };
    for (size_t i = 0; i < sizeof moot / sizeof moot[0]; i++)
        if (strcmp(option, moot[i]) == 0 || (option[1] == '-' && espota_word_distance(option, moot[i]) == 0))
            return true;
    return false;
}

int word_rewrite(const struct foreign_word *word, int argc, char **argv, char **out)
{
    static char all[] = "all", merge[] = "--merge";
    int count = 0;
    out[count++] = argv[0];
    if (word && word->form == WORD_MERGE)
        out[count++] = merge;
    for (int i = 1; i < argc; i++)
        if (!word || argv[i][0] != '-' || !is_moot(argv[i]))
            out[count++] = argv[i];
    if (word && word->form == WORD_ALL)
        out[count++] = all;
    return count;
}

void word_adapt(struct command *adapted, const struct command *command, const struct foreign_word *word)
{
    *adapted = *command;
    if (!word || word->form != WORD_RANGE)
        return;
    adapted->usage = command->max_arguments == 2 ? "ADDRESS+SIZE FILE" : "ADDRESS+SIZE";
    adapted->min_arguments = adapted->max_arguments = command->max_arguments == 2 ? 3 : 2;
}

int word_take_arguments(struct cli *cli, const struct foreign_word *word, char range[RANGE_MAX],
                        struct espota_error *error)
{
    if (!word || word->form != WORD_RANGE)
        return 0;
    const char *address = cli->arguments[0], *size = cli->arguments[1];
    if (strcasecmp(size, "all") == 0 && strtoul(address, NULL, 0) == 0)
        snprintf(range, RANGE_MAX, "all");
    else if (strcasecmp(size, "all") == 0 || strlen(address) > 38 || strlen(size) > 38)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "%.40s and %.20s are no range: say how many bytes, %.40s+64K", address, size,
                           address);
    else
        snprintf(range, RANGE_MAX, "%.38s+%.38s", address, size);
    espota_ui_detail(&cli->ui, "%s: as 'espota %s %s'", word->word, word->ours, range);
    cli->arguments++;
    cli->argument_count--;
    cli->arguments[0] = range;
    return 0;
}

/* ---- options before the command -------------------------------------------------------------------------
 */

/* esptool's, and what ours are called: those of a device, and of every command. */
static const struct {
    const char *name;
    char letter;
    bool argument;
    const char *ours;
} leading[] = {
    { "port", 'p', true, "--port" },
    { "baud", 'b', true, "--baud" },
    { "chip", 'c', true, "--chip" },
    { "before", 0, true, "--before" },
    { "after", 'a', true, "--after" },
    { "port-filter", 0, true, "--port-filter" },
    { "no-stub", 0, false, "--no-stub" },
    { "host", 0, true, "--host" },
    { "key", 'k', true, "--key" },
    { "via", 0, true, "--via" },
    { "monitor-baud", 0, true, "--monitor-baud" },
    { "table-offset", 0, true, "--table-offset" },
    { "json", 0, false, "--json" },
    { "quiet", 'q', false, "--quiet" },
    { "silent", 's', false, "--quiet" },
    { "verbose", 'v', false, "--verbose" },
    { "trace", 't', false, "-vv" },
};

enum { LEADING = sizeof leading / sizeof leading[0] };

static int find_leading(const char *text)
{
    char name[ESPOTA_NEAREST_MAX + 1];
    bool is_long = strncmp(text, "--", 2) == 0;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "="), text);
    for (int i = 0; i < LEADING; i++)
        if (is_long ? espota_word_distance(leading[i].name, name + 2) == 0
                    : leading[i].letter && text[1] == leading[i].letter)
            return i;
    return -1;
}

/* The value in "--port=x" or "-px"; NULL: it is the next word. */
static char *value_inside(char *text)
{
    char *equals = strchr(text, '=');
    if (strncmp(text, "--", 2) == 0)
        return equals ? equals + 1 : NULL;
    return text[2] ? text + 2 : NULL;
}

int options_behind_command(int argc, char **argv, char **out, struct leading_options *problem)
{
    int count = 2, at = 1;
    for (; at < argc && argv[at][0] == '-'; at++) {
        int i = find_leading(argv[at]);
        char *inside = value_inside(argv[at]);
        bool flags = i >= 0 && !leading[i].argument && argv[at][1] != '-'; /* -vv stays as it is */
        *problem = (struct leading_options){ "there is no such option before a command:", argv[at] };
        if (i < 0 || (!leading[i].argument && inside && !flags))
            return 0;
        *problem = (struct leading_options){ "an argument is missing after", argv[at] };
        if (leading[i].argument && !inside && ++at == argc)
            return 0;
        out[count++] = flags && inside ? argv[at] : (char *)(uintptr_t)leading[i].ours;
        if (leading[i].argument)
            out[count++] = inside ? inside : argv[at];
    }
    *problem = (struct leading_options){ "a command is missing after", argv[argc - 1] };
    if (at == argc)
        return 0;
    out[0] = argv[0];
    out[1] = argv[at++];
    while (at < argc)
        out[count++] = argv[at++];
    return count;
}

/* It is given where to: -i ADDRESS. Source: arduino-esp32, tools/espota.py. */
bool is_arduino(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "-i") == 0 || strcmp(argv[i], "--ip") == 0 || strncmp(argv[i], "--ip=", 5) == 0)
            return true;
    return false;
}
