/* espota.ini: lines of NAME = VALUE, for all commands, and below [COMMAND] for one. Also understood: what
 * TOML would write, text in quotes and comments behind '#'. */
#include "settings.h"

#include "espota/address.h"
#include "espota/error.h"
#include "espota/nearest.h"

#include <ctype.h>
#include <ini.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A file while it is read. */
struct reading {
    struct settings *settings;
    const char *path;
    FILE *file;
    int line;
    struct espota_error *error;
    int result;
    bool mine[MAX_SETTINGS]; /* set by this file already */
};

/* inih wants its lines like this. White space in front would make a line the continuation of the one before.
 */
static char *next_line(char *line, int room, void *context)
{
    struct reading *r = context;
    if (r->result != 0 || !fgets(line, room, r->file))
        return NULL;
    size_t length = strlen(line), skipped = strspn(line, " \t");
    r->line++;
    if (length == 0 || (line[length - 1] != '\n' && !feof(r->file))) {
        r->result = espota_fail(r->error, ESPOTA_ERR_USAGE, "%s:%d: the line is too long, or no text",
                                r->path, r->line);
        return NULL;
    }
    memmove(line, line + skipped, length - skipped + 1);
    return line;
}

static bool same_word(const char *a, const char *b)
{
    return espota_word_distance(a, b) == 0;
}

/* "; did you mean 'x'?", or nothing. */
static const char *suggestion(const struct espota_nearest *nearest, char *text, size_t room)
{
    text[0] = '\0';
    if (nearest->best)
        snprintf(text, room, ": did you mean '%s'?", nearest->best);
    return text;
}

static const struct setting *find_setting(struct reading *r, const char *name)
{
    struct espota_nearest nearest = { .word = name };
    char text[80];
    for (const struct setting *s = settings_table; s->name; s++) {
        if (same_word(s->name, name))
            return s;
        espota_nearest_consider(&nearest, s->name);
    }
    r->result = espota_fail(r->error, ESPOTA_ERR_USAGE, "%s:%d: there is no setting '%s'%s", r->path, r->line,
                            name, suggestion(&nearest, text, sizeof text));
    return NULL;
}

static bool is_command(struct reading *r, const char *name)
{
    struct espota_nearest nearest = { .word = name };
    char text[80];
    for (size_t i = 0; r->settings->commands[i]; i++) {
        if (strcmp(r->settings->commands[i]->name, name) == 0)
            return true;
        espota_nearest_consider(&nearest, r->settings->commands[i]->name);
    }
    r->result = espota_fail(r->error, ESPOTA_ERR_USAGE, "%s:%d: [%s] is no command%s", r->path, r->line, name,
                            suggestion(&nearest, text, sizeof text));
    return false;
}

/* Without quotes, or the comment behind it. */
static int strip(struct reading *r, const char *value, char *out, size_t room)
{
    char quote = *value == '"' || *value == '\'' ? *value : '\0';
    size_t length = 0;
    if (quote) {
        const char *end = strchr(++value, quote);
        const char *rest = end ? end + 1 + strspn(end + 1, " \t") : "";
        if (!end || (*rest && *rest != '#' && *rest != ';'))
            return r->result = espota_fail(r->error, ESPOTA_ERR_USAGE, "%s:%d: the quotes do not match",
                                           r->path, r->line);
        length = (size_t)(end - value);
    } else {
        const char *comment = value;
        while ((comment = strchr(comment, '#')) && comment > value && !isspace((unsigned char)comment[-1]))
            comment++;
        length = comment ? (size_t)(comment - value) : strlen(value);
        while (length > 0 && isspace((unsigned char)value[length - 1]))
            length--;
    }
    if (length >= room)
        return r->result =
                   espota_fail(r->error, ESPOTA_ERR_USAGE, "%s:%d: the value is too long", r->path, r->line);
    memcpy(out, value, length);
    out[length] = '\0';
    return 0;
}

/* A path in a file begins where the file lies: that of a key, or of a flash file that is the port. */
static void resolve(const struct reading *r, const struct setting *s, const char *value, char *out,
                    size_t room)
{
    const char *prefix = espota_address_after(value, "file:") && strcmp(s->name, "port") == 0 ? "file:" : "";
    const char *path = value + strlen(prefix), *home = getenv("HOME"), *slash = strrchr(r->path, '/');
    if (!s->path && !*prefix)
        snprintf(out, room, "%s", value);
    else if (path[0] == '~' && path[1] == '/' && home)
        snprintf(out, room, "%s%s%s", prefix, home, path + 1);
    else if (*path == '/' || !slash)
        snprintf(out, room, "%s", value);
    else
        snprintf(out, room, "%s%.*s/%s", prefix, (int)(slash - r->path), r->path, path);
}

/* A port that something stronger names is not outdone by a host, or by a filter. */
static bool outdone(const struct reading *r, const struct setting *s)
{
    const struct setting *port = setting_find("port");
    bool other = strcmp(s->name, "host") == 0 || strcmp(s->name, "port-filter") == 0;
    return other && setting_value("port") && !r->mine[port - settings_table];
}

/* The environment, or a file that was read before, has said so. */
static bool is_said(const struct setting *s)
{
    return setting_value(s->name) || (s->empty && getenv(s->ours));
}

static int put(struct reading *r, const struct setting *s, const char *value)
{
    size_t index = (size_t)(s - settings_table);
    char resolved[PATH_MAX];
    if (!r->mine[index] && (is_said(s) || outdone(r, s)))
        return 0;
    resolve(r, s, value, resolved, sizeof resolved);
    if (setenv(s->ours, resolved, 1) != 0)
        return r->result = espota_fail_memory(r->error, "reading the settings");
    snprintf(r->settings->origin[index], sizeof r->settings->origin[index], "%s:%d", r->path, r->line);
    r->mine[index] = true;
    return 0;
}

/* inih calls this for each line; 0 means that it was wrong. */
static int take_line(void *context, const char *section, const char *name, const char *value)
{
    struct reading *r = context;
    char text[SETTINGS_LINE_MAX] = "";
    if (r->result != 0 || (*section && !is_command(r, section)))
        return 0;
    const struct setting *s = find_setting(r, name);
    if (!s || strip(r, value, text, sizeof text) != 0)
        return 0;
    bool counts = !*section || (r->settings->command && strcmp(section, r->settings->command) == 0);
    return *text && counts ? put(r, s, text) == 0 : 1;
}

int settings_read(struct settings *settings, const char *path, FILE *file, struct espota_error *error)
{
    struct reading r = { .settings = settings, .path = path, .file = file, .error = error };
    int wrong = ini_parse_stream(next_line, &r, take_line, &r);
    if (r.result == 0 && wrong > 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "%s:%d: expected NAME = VALUE, or [COMMAND]", path,
                           wrong);
    if (r.result == 0 && wrong < 0)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot read the settings in %s", path);
    return r.result;
}
