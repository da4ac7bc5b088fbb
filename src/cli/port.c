#include "port.h"

#include "espota/agent_client.h"
#include "espota/error.h"
#include "espota/ports.h"

#include <stdlib.h>
#include <string.h>

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
    if (!o->host)
        return port_choose(cli, o, address, room, error);
    int result = espota_agent_client_address(o->host, address, room, error);
    return result ? espota_fail_while(error, "--host") : 0;
}
