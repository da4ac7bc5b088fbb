#include "espota/address.h"

#include "espota/error.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    if (length == 0 || length >= sizeof address->host || memchr(host, '/', length) ||
        memchr(host, '[', length) || (port && (*port != ':' || !parse_port(port + 1, &address->port))))
        return espota_fail(error, ESPOTA_ERR_USAGE, "'%.60s' is no address: write HOST or HOST:PORT", text);
    memcpy(address->host, host, length);
    address->host[length] = '\0';
    snprintf(address->text, sizeof address->text, strchr(address->host, ':') ? "[%s]:%u" : "%s:%u",
             address->host, address->port);
    return 0;
}
