#include "espota/address.h"

#include "espota/error.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- schemes --------------------------------------------------------------------------------------------
 */

const char *espota_address_after(const char *text, const char *scheme)
{
    size_t length = strlen(scheme);
    return strncasecmp(text, scheme, length) == 0 ? text + length : NULL;
}

/* What follows any scheme, or all. RFC 3986, 3.1: letters, digits, and some signs. */
static const char *after_any(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t length = strspn(text, letters);
    while (length > 0 && text[length] != '\0' && strchr("0123456789+-.", text[length]))
        length += 1 + strspn(text + length + 1, letters);
    return length > 0 && strncmp(text + length, "://", 3) == 0 ? text + length + 3 : text;
}

bool espota_address_has_scheme(const char *text)
{
    return after_any(text) != text;
}

/* ---- hosts and ports ------------------------------------------------------------------------------------
 */

static bool parse_port(const char *text, uint16_t *port)
{
    char *end = NULL;
    unsigned long number = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
    if (number == 0 || number > 65535 || *end != '\0')
        return false;
    *port = (uint16_t)number;
    return true;
}

/* The host's part of the text, and where the port begins, if one is there. */
static const char *find_host(const char *text, size_t *length, const char **port)
{
    const char *colon = strrchr(text, ':'), *bracket = strchr(text, ']');
    bool bracketed = text[0] == '[' && bracket, bare_ipv6 = !bracketed && colon && strchr(text, ':') != colon;
    *port = NULL;
    if (bracketed) {
        *length = (size_t)(bracket - text) - 1;
        if (bracket[1] != '\0')
            *port = bracket + 1;
        return text + 1;
    }
    *port = bare_ipv6 ? NULL : colon;
    *length = *port ? (size_t)(colon - text) : strlen(text);
    return text;
}

int espota_address_parse(struct espota_address *address, const char *text, uint16_t usual_port,
                         struct espota_error *error)
{
    size_t length;
    const char *port, *host = find_host(text, &length, &port);
    address->port = usual_port;
    if (espota_address_has_user(text))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "an address has no user name or password in it: write HOST or HOST:PORT");
    if (length == 0 || length >= sizeof address->host || memchr(host, '/', length) ||
        memchr(host, '[', length) || (port && (*port != ':' || !parse_port(port + 1, &address->port))))
        return espota_fail(error, ESPOTA_ERR_USAGE, "'%.60s' is no address: write HOST or HOST:PORT", text);
    memcpy(address->host, host, length);
    address->host[length] = '\0';
    snprintf(address->text, sizeof address->text, strchr(address->host, ':') ? "[%s]:%u" : "%s:%u",
             address->host, address->port);
    return 0;
}

/* ---- secrets --------------------------------------------------------------------------------------------
 */

/* Does what is before the path end as a host or its port does? If not, a password may go on in the path. */
static bool is_clear(const char *authority, size_t length)
{
    char text[280];
    struct espota_address address;
    struct espota_error ignored;
    snprintf(text, sizeof text, "%.*s", (int)length, authority);
    return length < sizeof text && !strpbrk(authority, " \t\r\n") && !memchr(text, '@', length) &&
           espota_address_parse(&address, text, 1, &ignored) == 0;
}

static const char *last_at(const char *text, size_t length)
{
    while (length > 0 && text[length - 1] != '@')
        length--;
    return text + length;
}

/* Where the host begins: behind user name and password, which end at the last '@' before the path. */
static const char *host_of(const char *authority)
{
    size_t length = strcspn(authority, "/?#");
    if (!strchr(authority, '@'))
        return authority;
    const char *host = last_at(authority, length);
    if (!is_clear(host, (size_t)(authority + length - host)))
        host = last_at(authority, strlen(authority));
    return host;
}

static bool is_path(const char *text)
{
    return *text == '/' || espota_address_after(text, "file:");
}

bool espota_address_has_user(const char *text)
{
    const char *authority = after_any(text);
    return !is_path(text) && host_of(authority) != authority;
}

char *espota_address_shown(const char *text)
{
    if (is_path(text))
        return strdup(text);
    const char *authority = after_any(text), *host = host_of(authority);
    size_t rest = strcspn(host, "?#"), room = strlen(text) + sizeof "?...";
    char *shown = malloc(room);
    if (shown)
        snprintf(shown, room, "%.*s%.*s%s", (int)(authority - text), text, (int)rest, host,
                 host[rest] == '?' ? "?..." : "");
    return shown;
}
