/* Which ports are meant, by what their USB devices say of themselves. */
#include "espota/ports.h"

#include "espota/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum filter_key { KEY_VID, KEY_PID, KEY_SERIAL, KEY_NAME, KEYS };

static const char *const key_names[KEYS] = { "vid", "pid", "serial", "name" };

/* One of the filter: "vid=0x303a". */
struct condition {
    enum filter_key key;
    char text[64];
    unsigned long number;
};

static int wrong(struct espota_error *error, const char *text, size_t length)
{
    return espota_fail(error, ESPOTA_ERR_USAGE,
                       "the port filter '%.*s' is none of vid=NUMBER, pid=NUMBER, serial=TEXT, name=TEXT",
                       (int)(length < 60 ? length : 60), text);
}

/* USB ids are written in hex, with 0x or without: so does lsusb. */
static int parse_condition(struct condition *c, const char *text, size_t length, struct espota_error *error)
{
    const char *equals = memchr(text, '=', length);
    size_t name = equals ? (size_t)(equals - text) : 0, room = sizeof c->text;
    char *end = NULL;
    for (c->key = 0; c->key < KEYS; c->key++)
        if (strlen(key_names[c->key]) == name && strncmp(key_names[c->key], text, name) == 0)
            break;
    if (!equals || c->key == KEYS || length - name - 1 == 0 || length - name - 1 >= room)
        return wrong(error, text, length);
    memcpy(c->text, equals + 1, length - name - 1);
    c->text[length - name - 1] = '\0';
    if (c->key != KEY_VID && c->key != KEY_PID)
        return 0;
    c->number = strtoul(c->text, &end, 16);
    return *end || c->text[0] == '-' || c->number > 0xffff ? wrong(error, text, length) : 0;
}

static bool meets(const struct espota_port *port, const struct condition *c)
{
    switch (c->key) {
    case KEY_VID:
        return port->vid && port->vid == c->number;
    case KEY_PID:
        return port->vid && port->pid == c->number;
    case KEY_SERIAL:
        return strstr(port->serial, c->text) != NULL;
    case KEY_NAME:
    case KEYS:
        break;
    }
    return strstr(port->path, c->text) || strstr(port->product, c->text);
}

/* Of each kind that the filter has, one of them has to hold. */
static int judge(const struct espota_port *port, const char *filter, bool *passes, struct espota_error *error)
{
    bool asked[KEYS] = { false }, met[KEYS] = { false };
    for (const char *at = filter; *at;) {
        size_t length = strcspn(at, ",");
        struct condition c = { 0 };
        int result = length > 0 ? parse_condition(&c, at, length, error) : 0;
        if (result != 0)
            return result;
        if (length > 0) {
            asked[c.key] = true;
            met[c.key] = met[c.key] || meets(port, &c);
        }
        at += length + (at[length] == ',');
    }
    *passes = true;
    for (size_t i = 0; i < KEYS; i++)
        *passes = *passes && (!asked[i] || met[i]);
    return 0;
}

int espota_ports_filter(struct espota_port *ports, size_t *count, const char *filter,
                        struct espota_error *error)
{
    const struct espota_port none = { .path = "" };
    bool passes = false;
    size_t kept = 0;
    int result = judge(&none, filter, &passes, error); /* is it a filter, also where there is no port? */
    for (size_t i = 0; result == 0 && i < *count; i++) {
        result = judge(&ports[i], filter, &passes, error);
        if (passes)
            ports[kept++] = ports[i];
    }
    if (result == 0)
        *count = kept;
    return result;
}

int espota_ports_only(const struct espota_port *ports, size_t count, const char *filter,
                      const struct espota_port **chosen, struct espota_error *error)
{
    char names[512] = "";
    *chosen = count == 1 ? ports : NULL;
    if (count == 1)
        return 0;
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", ports[i].path);
    }
    if (count == 0)
        return espota_fail_hint(error, ESPOTA_ERR_NO_DEVICE, ESPOTA_HINT_NAME_PORT,
                                "no serial port is as '%.100s' says", filter);
    return espota_fail_hint(error, ESPOTA_ERR_USAGE, ESPOTA_HINT_NAME_PORT,
                            "which device? Several ports are as '%.100s' says (%s)", filter, names);
}
