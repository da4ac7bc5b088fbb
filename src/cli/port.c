#include "port.h"

#include "settings.h"

#include "espota/address.h"
#include "espota/agent_client.h"
#include "espota/error.h"
#include "espota/ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *port_environment(const char *ours, const char *theirs)
{
    const char *value = getenv(ours);
    if ((!value || !*value) && theirs)
        value = getenv(theirs);
    return value && *value ? value : NULL;
}

int port_filter(const struct list_option *list, struct espota_port *ports, size_t *count,
                char filter[FILTER_MAX], struct espota_error *error)
{
    size_t length = 0;
    filter[0] = '\0';
    for (unsigned i = 0; i < list->count; i++) {
        int more = snprintf(filter + length, FILTER_MAX - length, "%s%s", i ? "," : "", list->item[i]);
        length += (size_t)more;
        if (more < 0 || length >= FILTER_MAX)
            return espota_fail(error, ESPOTA_ERR_USAGE, "--port-filter is too long");
    }
    return length ? espota_ports_filter(ports, count, filter, error) : 0;
}

int port_without_user(const char *address, struct espota_error *error)
{
    if (!espota_address_has_user(address))
        return 0;
    char *shown = espota_address_shown(address);
    espota_fail(error, ESPOTA_ERR_USAGE,
                "the address '%s' was given with a user name or password, which has no place there",
                shown ? shown : "");
    free(shown);
    return (int)error->status;
}

int port_choose(struct cli *cli, const struct connect_options *o, char *port, size_t room,
                struct espota_error *error)
{
    const char *named = o->port ? o->port : o->port_filter.count > 0 ? NULL : setting_value("port");
    struct espota_port *ports = NULL;
    const struct espota_port *chosen = NULL;
    size_t count = 0;
    char filter[FILTER_MAX];
    int result = 0;
    if (!named) {
        result = espota_ports_list(&ports, &count, error);
        if (result == 0)
            result = port_filter(&o->port_filter, ports, &count, filter, error);
        if (result == 0)
            result = *filter ? espota_ports_only(ports, count, filter, &chosen, error)
                             : espota_ports_choose(ports, count, &chosen, error);
        if (result == 0)
            espota_ui_say(&cli->ui, "Using %s (%s)", chosen->path,
                          chosen->adapter ? chosen->adapter : "as filtered");
        named = chosen ? chosen->path : "";
    }
    if (result == 0)
        result = port_without_user(named, error);
    if (result == 0 && strlen(named) >= room)
        result = espota_fail(error, ESPOTA_ERR_USAGE, "--port '%.60s...' is too long", named);
    if (result == 0)
        memcpy(port, named, strlen(named) + 1);
    free(ports);
    return result;
}

const char *port_file(const char *port)
{
    return espota_address_after(port, "file:");
}

/* By an option, and not by a setting. */
static bool filter_is_given(const struct cli *cli, const struct connect_options *o)
{
    size_t setting = (size_t)(setting_find("port-filter") - settings_table);
    return o->port_filter.count > 0 && !(cli->settings && cli->settings->used[setting]);
}

int port_of_agent(struct cli *cli, const struct connect_options *o, char *address, size_t room,
                  struct espota_error *error)
{
    const char *host = o->host || o->port || filter_is_given(cli, o) ? o->host : setting_value("host");
    if (o->host && o->port)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--host and --port both name a device: give one");
    if (host && !o->key && !setting_value("key"))
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "--host needs --key FILE: over a network the device and espota prove themselves to each "
            "other");
    if (host && o->console)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--monitor needs the console, which --host does not reach: give --port");
    if (!host)
        return port_choose(cli, o, address, room, error);
    int result = espota_agent_client_address(host, address, room, error);
    return result ? espota_fail_while(error, "--host") : 0;
}
