#include "cli.h"
#include "fleet.h"

#include "complete.h"
#include "espota_py.h"
#include "settings.h"
#include "suggest.h"

#include "espota/error.h"
#include "espota/version.h"

#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct command *const commands[] = {
    &command_plan,      &command_flash,    &command_ota,     &command_status,  &command_boot,
    &command_confirm,   &command_rollback, &command_info,    &command_devices, &command_read,
    &command_write,     &command_verify,   &command_erase,   &command_backup,  &command_restore,
    &command_monitor,   &command_reset,    &command_table,   &command_key,     &command_sign,
    &command_provision, &command_image,    &command_fs,      &command_nvs,     &command_delta,
    &command_cache,     &command_config,   &command_gateway, &command_sim,     NULL,
};

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static void print_overview(FILE *out)
{
    fprintf(out, "espota " ESPOTA_VERSION " - plan, flash and update ESP32 devices\n\n"
                 "Usage: espota COMMAND [options]\n\n");
    for (size_t i = 0; commands[i]; i++)
        fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(out, "\nThe usual way, on a new board:\n"
                 "  espota plan --flash 16M                   look at the layout\n"
                 "  espota flash --port /dev/ttyUSB0 build/   write it all, once, by cable\n"
                 "  espota ota --port /dev/ttyUSB0 --url http://server/app.bin --md5 --restart\n"
                 "\n'espota COMMAND --help' lists a command's options, 'man espota-COMMAND' explains them.\n"
                 "Exit status: 0 done, 1 failed, 2 wrong usage, 3 no device or no answer,\n"
                 "4 verification failed, 5 refused because data would be lost, 130 interrupted.\n");
}

static void print_failure(const struct espota_error *error)
{
    struct espota_error ignored;
    struct fields document = document_begin();
    field_object(&document, "error", failure_fields(error));
    (void)print_document(&document, &ignored); /* stderr has said it */
}

/* Also where the options cannot be understood: --json in scripts means that a failure is read from stdout. */
static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

/* For the one device, or for each of those that the options name. */
static int run_for_devices(struct cli *cli, const struct command *command, void *options,
                           struct espota_error *error)
{
    if (fleet_is_wanted(command, options))
        return fleet_run(cli, command, options, error);
    int result = fleet_settle(command, options, error);
    return result ? result : command->run(cli, options, error);
}

/* In one line, and as JSON where that is wanted. */
static int say_failure(struct cli *cli, struct espota_error *error)
{
    if (!cli->ui.err)
        espota_ui_init(&cli->ui, false, 0);
    espota_ui_error(&cli->ui, error->text);
    if (cli->json)
        print_failure(error);
    return espota_exit_status(error->status);
}

/* Its settings and options. */
static int prepare(struct cli *cli, const struct command *command, int argc, char **argv, void *options,
                   bool *help, struct espota_error *error)
{
    int result = settings_load(cli->settings, commands, command->name, error);
    struct espota_error wrong = *error;
    int parsed = options_parse(command, argc, argv, options, cli, help, error);
    if (parsed == 0 && result != 0 && !*help)
        *error = wrong;
    else
        result = parsed;
    if (result == 0 && !*help && cli->settings->distrusted[0])
        espota_ui_warn(&cli->ui, "%s", cli->settings->distrusted);
    return result;
}

static int run_prepared(struct cli *cli, const struct command *command, void *options, bool help,
                        struct espota_error *error)
{
    int result = 0;
    if (help)
        options_help(command);
    else
        result = run_for_devices(cli, command, options, error);
    espota_ui_progress_end(&cli->ui);
    return result ? result : finish_output(cli, error);
}

static int run_command(const struct command *command, const struct foreign_word *word, int argc, char **argv)
{
    struct settings settings;
    struct cli cli = { .json = wants_json(argc, argv), .settings = &settings };
    struct espota_error error = { 0 };
    struct command adapted;
    char range[RANGE_MAX];
    bool help = false;
    cli_observe(&cli);
    word_adapt(&adapted, command, word);
    void *options = calloc(1, command->options_size > 0 ? command->options_size : 1);
    int result = options ? prepare(&cli, &adapted, argc, argv, options, &help, &error)
                         : espota_fail_memory(&error, "starting");
    if (result == 0 && !help)
        result = word_take_arguments(&cli, word, range, &error);
    if (result == 0)
        result = run_prepared(&cli, command, options, help, &error);
    if (result == ESPOTA_ERR_USAGE) {
        suggest_value(argc, argv, &error);
        setting_blame(&settings, &error);
    }
    if (result != 0) {
        add_hint(&error);
        say_failure(&cli, &error);
    }
    fields_free(&cli.result);
    items_free(&cli.warnings);
    free(options);
    cli_end_if_interrupted();
    return espota_exit_status((enum espota_status)result);
}

__attribute__((format(printf, 2, 3))) static int wrong_usage(bool json, const char *format, ...)
{
    struct cli cli = { .json = json };
    struct espota_error error;
    char text[sizeof error.text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    espota_fail(&error, ESPOTA_ERR_USAGE, "%s", text);
    return say_failure(&cli, &error);
}

static int unknown_command(const char *name, const struct foreign_word *word, bool json)
{
    char meant[SUGGESTION_MAX];
    if (word)
        return wrong_usage(json, "there is no command '%s' here: %s", name, word->ours);
    return wrong_usage(json, "there is no command '%s'%s; 'espota --help' lists them", name,
                       suggest_command(commands, name, meant));
}

/* After text on stdout that no command printed. */
static int end_of_text(void)
{
    struct cli cli = { 0 };
    struct espota_error error;
    int result = finish_output(&cli, &error);
    if (result != 0) {
        espota_ui_init(&cli.ui, false, 0);
        espota_ui_error(&cli.ui, error.text);
    }
    return espota_exit_status((enum espota_status)result);
}

/* A command by our name for it, or by another tool's; NULL: none, or nothing here does what that one asks
 * for. */
static const struct command *command_meant(const char *name, const struct foreign_word **word)
{
    const struct command *command = command_find(name);
    *word = command ? NULL : foreign_word(name);
    return *word && (*word)->form != WORD_NONE ? command_find((*word)->ours) : command;
}

static int help_command(int argc, char **argv)
{
    const struct foreign_word *word;
    if (argc < 2) {
        print_overview(stdout);
        return end_of_text();
    }
    const struct command *command = command_meant(argv[1], &word);
    if (!command)
        return unknown_command(argv[1], word, wants_json(argc, argv));
    options_help(command);
    return end_of_text();
}

static int dump(void (*what)(void))
{
    what();
    return end_of_text();
}

static void dump_options(void)
{
    for (size_t i = 0; commands[i]; i++)
        options_dump(commands[i]);
}

/* argv[1] is the command. */
static int run_by_name(int argc, char **argv)
{
    const struct foreign_word *word;
    const struct command *command = command_meant(argv[1], &word);
    if (!command)
        return unknown_command(argv[1], word, wants_json(argc, argv));
    char **adapted = calloc((size_t)argc + 2, sizeof *adapted);
    int count = adapted ? word_rewrite(word, argc - 1, argv + 1, adapted) : 0;
    int result = adapted ? run_command(command, word, count, adapted) : wrong_usage(false, "out of memory");
    free(adapted);
    return result;
}

/* esptool has its options before the command. */
static int run_with_leading_options(int argc, char **argv)
{
    struct leading_options leading = { 0 };
    char **sorted = calloc(2 * (size_t)argc + 2, sizeof *sorted);
    int result = 1;
    if (!sorted)
        return wrong_usage(false, "out of memory");
    int count = options_behind_command(argc, argv, sorted, &leading);
    if (count > 0)
        result = run_by_name(count, sorted);
    else if (is_arduino(argc, argv))
        result = run_as_espota_py(argc, argv);
    else
        result = wrong_usage(wants_json(argc, argv), "%s '%s'; 'espota --help' lists the commands",
                             leading.problem, leading.culprit);
    free(sorted);
    return result;
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");
    cli_start_interrupts();
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a write error like any other, */
    signal(SIGXFSZ, SIG_IGN); /* and so is a file that may not grow */
    if (argc < 2) {
        print_overview(stderr);
        return espota_exit_status(ESPOTA_ERR_USAGE);
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return help_command(argc - 1, argv + 1);
    if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        return printf("espota %s\n", ESPOTA_VERSION) < 0 ? 1 : end_of_text();
    if (strcmp(name, "--dump-options") == 0)
        return dump(dump_options);
    if (strcmp(name, "--dump-values") == 0)
        return dump(values_dump);
    if (strcmp(name, "--complete") == 0) {
        complete(commands, argc - 2, argv + 2);
        return end_of_text();
    }
    return *name == '-' ? run_with_leading_options(argc, argv) : run_by_name(argc, argv);
}
