/* Which kind of link a port's name asks for. */
#include "link.h"

#include "espota/address.h"
#include "espota/error.h"
#include "espota/link.h"

#include <stdio.h>
#include <string.h>

int espota_link_open(struct espota_link **link, const char *port, uint32_t baud, struct espota_error *error)
{
    const struct espota_link_patience usual = { 0 };
    return espota_link_open_within(link, port, baud, &usual, error);
}

int espota_link_open_within(struct espota_link **link, const char *port, uint32_t baud,
                            const struct espota_link_patience *patience, struct espota_error *error)
{
    if (espota_address_has_scheme(port) && espota_address_has_user(port))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "a port has no user name or password in it: write %.*s://host:port",
                           (int)strcspn(port, ":"), port);
    const char *address = espota_address_after(port, "tcp://");
    const char *remote = espota_address_after(port, "rfc2217://");
    const char *web = espota_address_after(port, "ws://");
    if (!address)
        address = espota_address_after(port, "socket://");
    int result;
    if (remote)
        result = espota_link_open_rfc2217(link, remote, baud, patience, error);
    else if (address)
        result = espota_link_open_tcp(link, address, "tcp://", patience, error);
    else if (web)
        result = espota_link_open_websocket(link, web, patience, error);
    else if (espota_address_after(port, "wss://"))
        result =
            espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                        "%s: a WebREPL has no TLS, and none is spoken here: use ws://host:port in a network "
                        "that can be trusted",
                        port);
    else if (espota_address_has_scheme(port))
        result = espota_fail(error, ESPOTA_ERR_USAGE,
                             "the port '%s' is of no kind that is known: use a device such as /dev/ttyUSB0, "
                             "tcp://host:port, rfc2217://host:port, or ws://host:port for a WebREPL",
                             port);
    else if (espota_link_is_pty(port))
        result = espota_link_open_pty(link, port, error);
    else
        result = espota_link_open_serial(link, port, baud, error);
    if (result == 0)
        snprintf((*link)->name, sizeof(*link)->name, "%s", port);
    return result;
}
