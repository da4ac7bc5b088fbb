#include "cli.h"

#include "espota/error.h"
#include "espota/version.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct command *const commands[] = {
    &command_plan,      &command_flash,    &command_ota,   &command_status,  &command_boot,
    &command_confirm,   &command_rollback, &command_info,  &command_devices, &command_read,
    &command_write,     &command_verify,   &command_erase, &command_backup,  &command_restore,
    &command_monitor,   &command_reset,    &command_table, &command_key,     &command_sign,
    &command_provision, &command_image,    &command_nvs,   &command_sim,     NULL,
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
    struct fields document = document_begin(), failure = fields_begin();
    field_text(&failure, "status", espota_status_name(error->status));
    field_number(&failure, "exit", espota_exit_status(error->status));
    field_text(&failure, "message", error->text);
    field_text(&failure, "hint", espota_hint_name(error->hint));
    field_object(&document, "error", failure);
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

static int run_command(const struct command *command, int argc, char **argv)
{
    struct cli cli = { .json = wants_json(argc, argv) };
    struct espota_error error = { 0 };
    bool help = false;
    cli_observe(&cli);
    void *options = calloc(1, command->options_size > 0 ? command->options_size : 1);
    int result = options ? options_parse(command, argc, argv, options, &cli, &help, &error)
                         : espota_fail_memory(&error, "starting");
    if (result == 0 && help)
        options_help(command);
    else if (result == 0)
        result = command->run(&cli, options, &error);
    espota_ui_progress_end(&cli.ui);
    if (result == 0)
        result = finish_output(&cli, &error);
    if (result != 0) {
        if (!cli.ui.err)
            espota_ui_init(&cli.ui, false, 0);
        add_hint(&error);
        espota_ui_error(&cli.ui, error.text);
        if (cli.json)
            print_failure(&error);
    }
    fields_free(&cli.result);
    items_free(&cli.warnings);
    free(options);
    cli_end_if_interrupted();
    return espota_exit_status((enum espota_status)result);
}

static int unknown_command(const char *name, bool json)
{
    struct espota_ui ui;
    struct espota_error error;
    espota_ui_init(&ui, false, 0);
    espota_fail(&error, ESPOTA_ERR_USAGE, "there is no command '%s'; 'espota --help' lists them", name);
    espota_ui_error(&ui, error.text);
    if (json)
        print_failure(&error);
    return espota_exit_status(ESPOTA_ERR_USAGE);
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

static int help_command(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stdout);
        return end_of_text();
    }
    const struct command *command = command_find(argv[1]);
    if (!command)
        return unknown_command(argv[1], wants_json(argc, argv));
    options_help(command);
    return end_of_text();
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
    if (strcmp(name, "help") == 0)
        return help_command(argc - 1, argv + 1);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return help_command(1, argv);
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        return printf("espota %s\n", ESPOTA_VERSION) < 0 ? 1 : end_of_text();
    if (strcmp(name, "--dump-options") == 0) {
        for (size_t i = 0; commands[i]; i++)
            options_dump(commands[i]);
        return 0;
    }
    const struct command *command = command_find(name);
    return command ? run_command(command, argc - 1, argv + 1) : unknown_command(name, wants_json(argc, argv));
}
