/** "host", "host:port", "[address]:port": where something is on a network. */
#ifndef ESPOTA_ADDRESS_H
#define ESPOTA_ADDRESS_H

#pragma GCC visibility push(default)

#include "espota/error.h"

#include <stdint.h>

struct espota_address {
    char host[256]; /* a name, or an address without brackets */
    uint16_t port;
    char text[272]; /* both, for messages, and as espota_link_open takes it behind "tcp://" */
};

/** Take `text` apart; where it names no port, it is `usual_port`. An IPv6 address is full of colons: with a
 * port it stands in brackets. @return ESPOTA_ERR_USAGE for what is no address. */
int espota_address_parse(struct espota_address *address, const char *text, uint16_t usual_port,
                         struct espota_error *error);

#pragma GCC visibility pop

#endif
