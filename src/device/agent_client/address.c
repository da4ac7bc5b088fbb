#include "espota/address.h"
#include "espota/agent_client.h"

#include <stdio.h>
#include <string.h>

int espota_agent_client_address(const char *host, char *address, size_t room, struct espota_error *error)
{
    const char *colon = strrchr(host, ':');
    bool bracketed = host[0] == '[';
    bool bare_ipv6 = !bracketed && colon && strchr(host, ':') != colon;
    bool has_port = colon && !bare_ipv6 && (!bracketed || colon[-1] == ']');
    if (espota_address_has_user(host))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "an address has no user name or password in it: write HOST or HOST:PORT");
    int length = has_port    ? snprintf(address, room, "tcp://%s", host)
                 : bare_ipv6 ? snprintf(address, room, "tcp://[%s]:%d", host, ESPOTA_AGENT_PORT)
                             : snprintf(address, room, "tcp://%s:%d", host, ESPOTA_AGENT_PORT);
    if (length < 0 || (size_t)length >= room)
        return espota_fail(error, ESPOTA_ERR_USAGE, "the name of the host, '%.60s...', is too long", host);
    return 0;
}
