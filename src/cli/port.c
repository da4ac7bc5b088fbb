#include "port.h"

#include "espota/error.h"
#include "espota/ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AGENT_PORT = 3232 };

const char *port_environment(const char *ours, const char *theirs)
{
    const char *value = getenv(ours);
    if (!value || !*value)
        value = getenv(theirs);
    return value && *value ? value : NULL;
}

int port_choose(struct cli *cli, const struct connect_options *o, char *port, size_t room,
                struct espota_error *error)
{
    const char *named = o->port ? o->port : port_environment("ESPOTA_PORT", "ESPTOOL_PORT");
    struct espota_port *ports = NULL;
    const struct espota_port *chosen = NULL;
    size_t count = 0;
    int result = 0;
    if (!named) {
        result = espota_ports_list(&ports, &count, error);
        if (result == 0)
            result = espota_ports_choose(ports, count, &chosen, error);
        if (result == 0)
            espota_ui_say(&cli->ui, "Using %s (%s)", chosen->path, chosen->adapter);
        named = chosen ? chosen->path : "";
    }
    if (result == 0 && strlen(named) >= room)
        result = espota_fail(error, ESPOTA_ERR_USAGE, "--port '%.60s...' is too long", named);
    if (result == 0)
        memcpy(port, named, strlen(named) + 1);
    free(ports);
    return result;
}

const char *port_file(const char *port)
{
    return strncmp(port, "file:", 5) == 0 ? port + 5 : NULL;
}

/* NAME, NAME:PORT, [ADDRESS]:PORT, or an IPv6 address, which is full of colons; as a link's address. */
static int host_address(const char *host, char *address, size_t room, struct espota_error *error)
{
    const char *colon = strrchr(host, ':');
    bool bracketed = host[0] == '[';
    bool bare_ipv6 = !bracketed && colon && strchr(host, ':') != colon;
    bool has_port = colon && !bare_ipv6 && (!bracketed || colon[-1] == ']');
    int length = has_port    ? snprintf(address, room, "tcp://%s", host)
                 : bare_ipv6 ? snprintf(address, room, "tcp://[%s]:%d", host, AGENT_PORT)
                             : snprintf(address, room, "tcp://%s:%d", host, AGENT_PORT);
    if (length < 0 || (size_t)length >= room)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--host '%.60s...' is too long", host);
    return 0;
}

int port_of_agent(struct cli *cli, const struct connect_options *o, char *address, size_t room,
                  struct espota_error *error)
{
    if (o->host && o->port)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--host and --port both name a device: give one");
    if (o->host && !o->key)
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "--host needs --key FILE: over a network the device and espota prove themselves to each "
            "other");
    return o->host ? host_address(o->host, address, room, error) : port_choose(cli, o, address, room, error);
}
