/* Where espota.ini is looked for, and whether it is to be believed. */
#include "settings.h"

#include "espota/error.h"
#include "espota/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* Whoever can write there could name another device, or another key. */
static const char *distrust(const struct stat *about)
{
    if (about->st_uid != geteuid() && about->st_uid != 0)
        return "belongs to somebody else";
    if (about->st_mode & S_IWOTH)
        return "can be written by everybody";
    return NULL;
}

/* Is what was found one to go by? `folder` is where it lies. */
static bool believed(struct settings *settings, const char *folder, const char *path, const struct stat *file)
{
    struct stat about;
    const char *why = distrust(file), *what = "it";
    if (!why && stat(folder, &about) == 0) {
        why = distrust(&about);
        what = "its folder";
    }
    if (why && !settings->distrusted[0])
        snprintf(settings->distrusted, sizeof settings->distrusted,
                 "%s is not heeded: %s %s; ESPOTA_CONFIG=%s takes it all the same", path, what, why, path);
    return !why;
}

/* `*found` is false where there is none, or none to be believed. `folder` NULL: it was named, and must be
 * there. */
static int read_file(struct settings *settings, unsigned index, const char *folder, const char *path,
                     bool *found, struct espota_error *error)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    *found = false;
    if (fd < 0 && folder && errno != EACCES)
        return 0;
    FILE *file = fd >= 0 && fstat(fd, &about) == 0 && S_ISREG(about.st_mode) ? fdopen(fd, "r") : NULL;
    if (!file) {
        int reason = fd < 0 ? errno : EINVAL;
        if (fd >= 0)
            close(fd);
        return espota_fail(error, ESPOTA_ERR_USAGE, "cannot read the settings in %s: %s", path,
                           fd >= 0 ? "it is no file" : espota_reason(reason));
    }
    int result = 0;
    *found = !folder || believed(settings, folder, path, &about);
    if (*found) {
        snprintf(settings->file[index], sizeof settings->file[index], "%s", path);
        result = settings_read(settings, path, file, error);
    }
    fclose(file);
    return result;
}

/* Upwards from the working directory, to the home directory or the root. */
static int read_project(struct settings *settings, struct espota_error *error)
{
    const char *home = variable("HOME");
    char folder[PATH_MAX], path[PATH_MAX + sizeof SETTINGS_FILE + 1];
    bool found = false;
    if (!getcwd(folder, sizeof folder))
        return 0;
    for (;;) {
        snprintf(path, sizeof path, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, SETTINGS_FILE);
        int result = read_file(settings, 0, folder, path, &found, error);
        char *slash = strrchr(folder, '/');
        if (result != 0 || found || !slash || folder[1] == '\0' || (home && strcmp(folder, home) == 0))
            return result;
        slash[slash == folder ? 1 : 0] = '\0';
    }
}

static int read_users(struct settings *settings, struct espota_error *error)
{
    const char *xdg = variable("XDG_CONFIG_HOME"), *home = variable("HOME");
    char folder[PATH_MAX], path[PATH_MAX + sizeof SETTINGS_FILE + 1];
    bool found = false;
    if (xdg && *xdg == '/')
        snprintf(folder, sizeof folder, "%s/espota", xdg);
    else if (home)
        snprintf(folder, sizeof folder, "%s/.config/espota", home);
    else
        return 0;
    snprintf(path, sizeof path, "%s/%s", folder, SETTINGS_FILE);
    return strcmp(path, settings->file[0]) == 0 ? 0 : read_file(settings, 1, folder, path, &found, error);
}

int settings_load(struct settings *settings, const struct command *const *known, const char *command,
                  struct espota_error *error)
{
    const char *named = getenv("ESPOTA_CONFIG");
    bool found = false;
    *settings = (struct settings){ .commands = known, .command = command };
    if (named)
        return *named ? read_file(settings, 0, NULL, named, &found, error) : 0;
    int result = read_project(settings, error);
    return result ? result : read_users(settings, error);
}
