/* config: the settings as they are for a command, and where each comes from. */
#include "cli.h"
#include "settings.h"

#include "espota/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct items file_items(const struct settings *s)
{
    struct items items = items_begin();
    for (size_t i = 0; i < sizeof s->file / sizeof s->file[0]; i++)
        if (s->file[i][0])
            item_text(&items, s->file[i]);
    return items;
}

static int set_config_result(struct cli *cli, struct espota_error *error)
{
    struct fields document = document_begin();
    struct items items = items_begin();
    for (const struct setting *s = settings_table; s->name; s++) {
        struct fields fields = fields_begin();
        char *value = setting_shown(s);
        field_text(&fields, "name", s->name);
        field_text(&fields, "value", value);
        field_text(&fields, "origin", value ? setting_origin(cli->settings, s) : NULL);
        free(value);
        item_object(&items, fields);
    }
    field_list(&document, "files", file_items(cli->settings));
    field_list(&document, "settings", items);
    return set_result(cli, document, error);
}

static void print_config(const struct settings *settings)
{
    for (const struct setting *s = settings_table; s->name; s++) {
        char *value = setting_shown(s);
        if (value)
            print("%-13s %-24s %s\n", s->name, value, setting_origin(settings, s));
        free(value);
    }
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct settings *s = cli->settings;
    (void)options;
    if (cli->json)
        return set_config_result(cli, error);
    print_config(s);
    if (!s->file[0][0] && !s->file[1][0])
        espota_ui_say(&cli->ui, "There is no " SETTINGS_FILE
                                " in this folder or one above it, nor in ~/.config/espota");
    return 0;
}

const struct command command_config = {
    .name = "config",
    .summary = "show the settings, and where each comes from",
    .usage = "",
    .description = "What an option does not say is looked up in the environment, then in " SETTINGS_FILE
                   " in this folder or above it,\n"
                   "then in ~/.config/espota/" SETTINGS_FILE
                   ". Lines of NAME = VALUE: port, chip, baud, key ...; below a line\n"
                   "[COMMAND] for that command alone. This shows what holds for all commands.",
    .run = run,
};
