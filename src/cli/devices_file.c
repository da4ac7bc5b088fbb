/* Lists of devices, as people write them: CSV as the library reads it, or TOML. */
#include "devices_file.h"

#include "toml_devices.h"
#include "ui/ui.h"

#include "espota/buffer.h"
#include "espota/file.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- is it TOML? ----------------------------------------------------------------------------------------
 */

static bool has_ending(const char *path)
{
    size_t length = strlen(path);
    return length >= 5 && strcasecmp(path + length - 5, ".toml") == 0;
}

/* No title line of CSV begins so. */
static bool begins_with_bracket(const struct espota_bytes *file)
{
    const char *at = (const char *)file->data, *end = at + file->size;
    while (at < end && (*at == '#' || strchr(" \t\r\n", *at))) {
        const char *line = *at == '#' ? memchr(at, '\n', (size_t)(end - at)) : at;
        at = line ? line + 1 : end;
    }
    return at < end && *at == '[';
}

/* ---- how deep is it? ------------------------------------------------------------------------------------
 */

enum { DEEPEST = 32 }; /* dots in a key; arrays in arrays: the library recurses */

struct scan {
    const char *at, *end;
    unsigned line, dots, depth;
};

static void skip_to(struct scan *s, char last)
{
    while (s->at < s->end && *s->at != last && *s->at != '\n') {
        s->at += *s->at == '\\' && last == '"' && s->at + 1 < s->end && s->at[1] != '\n';
        s->at++;
    }
    s->at += s->at < s->end && *s->at == last && last != '\n';
}

/* Over lines; up to two more quotes before its end are of the text. */
static void skip_long(struct scan *s, char quote)
{
    unsigned quotes = 0;
    for (; s->at < s->end && (quotes < 3 || *s->at == quote); s->at++) {
        quotes = *s->at == quote ? quotes + 1 : 0;
        s->line += *s->at == '\n';
        if (*s->at == '\\' && quote == '"' && s->at + 1 < s->end) {
            s->at++;
            s->line += *s->at == '\n';
        }
    }
}

static void skip_text(struct scan *s, char quote)
{
    bool is_long = s->end - s->at >= 2 && s->at[0] == quote && s->at[1] == quote;
    if (is_long) {
        s->at += 2;
        skip_long(s, quote);
    } else {
        skip_to(s, quote);
    }
}

static void take(struct scan *s, char c)
{
    if (c == '"' || c == '\'')
        skip_text(s, c);
    else if (c == '#')
        skip_to(s, '\n');
    else if (c == '.')
        s->dots++;
    else if (strchr("=,{[\n", c))
        s->dots = 0;
    s->line += c == '\n';
    if (c == '[' || c == '{')
        s->depth++;
    else if ((c == ']' || c == '}') && s->depth > 0)
        s->depth--;
}

/* @return the line that goes too deep; 0: none does. */
static unsigned too_deep(const struct espota_bytes *file)
{
    const char *text = (const char *)file->data;
    struct scan s = { .at = text, .end = text + file->size, .line = 1 };
    while (s.at < s.end) {
        take(&s, *s.at++);
        if (s.dots > DEEPEST || s.depth > DEEPEST)
            return s.line;
    }
    return 0;
}

/* ---- reading --------------------------------------------------------------------------------------------
 */

struct reader {
    struct espota_device_list_maker *maker;
    struct espota_error *error;
};

static int take_device(void *context, const struct toml_device *d)
{
    const struct reader *r = context;
    const struct espota_listed_device device = { d->name, d->address, d->key, d->tags, d->token };
    char where[48];
    snprintf(where, sizeof where, "line %u, column %u", d->place.line, d->place.column);
    return espota_device_list_add(r->maker, &device, where, r->error);
}

static int take_devices(struct reader *r, const char *path, const struct espota_bytes *file)
{
    struct toml_fault fault;
    switch (toml_devices((const char *)file->data, file->size, take_device, r, &fault)) {
    case TOML_DONE:
        return 0;
    case TOML_STOPPED:
        return (int)r->error->status;
    case TOML_NO_DEVICES:
        return espota_fail(r->error, ESPOTA_ERR_USAGE, "%s is no list of devices: it has no table [[device]]",
                           path);
    case TOML_WRONG:
        espota_ui_clean(fault.text);
        if (fault.place.line == 0)
            return espota_fail(r->error, ESPOTA_ERR_USAGE, "%s: %s", path, fault.text);
        return espota_fail(r->error, ESPOTA_ERR_USAGE, "%s, line %u, column %u: %s", path, fault.place.line,
                           fault.place.column, fault.text);
    default:
        return espota_fail_memory(r->error, "reading a list of devices");
    }
}

static int read_toml(struct espota_device_list *list, const char *path, const struct espota_bytes *file,
                     struct espota_error *error)
{
    struct reader reader = { .error = error };
    unsigned line = too_deep(file);
    if (line > 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "%s, line %u: what lists devices is not so deep", path,
                           line);
    int result = espota_device_list_begin(&reader.maker, path, error);
    if (result == 0)
        result = take_devices(&reader, path, file);
    if (result == 0)
        return espota_device_list_end(reader.maker, list, error);
    espota_device_list_abandon(reader.maker);
    return result;
}

int devices_file_read(struct espota_device_list *list, const char *path, struct espota_error *error)
{
    struct espota_bytes file = { 0 };
    *list = (struct espota_device_list){ 0 };
    int result = espota_file_read(path, ESPOTA_DEVICE_LIST_MOST_BYTES, &file, error);
    if (result == 0)
        result = has_ending(path) || begins_with_bracket(&file)
                     ? read_toml(list, path, &file, error)
                     : espota_device_list_parse(list, path, &file, error);
    espota_bytes_free(&file);
    return result;
}
