/* Settings: what options are where they are not given, by the environment or by espota.ini.
 *
 * A file supplies defaults of the environment: settings_load() sets ESPOTA_NAME for what a file says and the
 * environment does not, so that whoever looks a setting up finds it in one place. Where a value came from is
 * kept beside it. */
#ifndef ESPOTA_CLI_SETTINGS_H
#define ESPOTA_CLI_SETTINGS_H

#include "cli.h"

#include "espota/error.h"

enum { MAX_SETTINGS = 24, SETTINGS_FILE_MAX = 400, SETTINGS_LINE_MAX = 190 };

#define SETTINGS_FILE "espota.ini"

struct setting {
    const char *name;   /* of the option */
    const char *ours;   /* in the environment */
    const char *theirs; /* esptool's name for it; NULL: it has none */
    bool fills;         /* an option that is not given gets it, without further ado */
    bool path;          /* a relative one begins at the folder of its file */
    bool empty;         /* empty in the environment is a value, too */
};

extern const struct setting settings_table[]; /* a NULL name ends it */

/* Where values came from. */
struct settings {
    const struct command *const *commands;   /* that may have sections */
    const char *command;                     /* whose section counts; NULL: none */
    char file[2][SETTINGS_FILE_MAX];         /* that were read, the project's and the user's; empty: none */
    char distrusted[SETTINGS_FILE_MAX + 80]; /* one that was found and not believed, and why not; or empty */
    bool used[MAX_SETTINGS];                 /* by this command, as no option gave it */
    char origin[MAX_SETTINGS][SETTINGS_FILE_MAX + 16]; /* "/home/me/espota.ini:3"; empty: no file's */
};

/* Read the files for `command` (NULL: no command's section) and complete the environment.
 * @return ESPOTA_ERR_USAGE for what a file says wrongly. */
int settings_load(struct settings *settings, const struct command *const *known, const char *command,
                  struct espota_error *error);

/* One file of settings, into `settings` and the environment. */
int settings_read(struct settings *settings, const char *path, FILE *file, struct espota_error *error);

const struct setting *setting_find(const char *name);

/* By our name or esptool's; NULL: nobody said so. */
const char *setting_value(const char *name);
bool setting_is_on(const char *name);
/* The value as it may be shown: of an address without a password in it. @return a string for the caller to
 * free; NULL when there is none, or memory is short. */
char *setting_shown(const struct setting *setting);

/* Add to an error about an option that was not given where its value comes from. */
void setting_blame(const struct settings *settings, struct espota_error *error);

/* "ESPOTA_PORT" or "/home/me/espota.ini:3", of one that has a value. */
const char *setting_origin(const struct settings *settings, const struct setting *setting);

#endif
