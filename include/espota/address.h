/** "host", "host:port", "[address]:port", and URLs: where something is on a network, as people write it. */
#ifndef ESPOTA_ADDRESS_H
#define ESPOTA_ADDRESS_H

#pragma GCC visibility push(default)

#include "espota/error.h"

#include <stdbool.h>
#include <stdint.h>

struct espota_address {
    char host[256]; /* a name, or an address without brackets */
    uint16_t port;
    char text[272]; /* both, for messages, and as espota_link_open takes it behind "tcp://" */
};

/** Take `text` apart; where it names no port, it is `usual_port`. An IPv6 address is full of colons: with a
 * port it stands in brackets. @return ESPOTA_ERR_USAGE for what is no address, or has a user name or password
 * in it; the message shows neither. */
int espota_address_parse(struct espota_address *address, const char *text, uint16_t usual_port,
                         struct espota_error *error);

/** What follows the scheme, where `text` begins with it ("tcp://", "file:"), in capitals or small letters
 * (RFC 3986, 3.1); else NULL. */
const char *espota_address_after(const char *text, const char *scheme);
/** Does `text` begin with a scheme, whichever, and "://"? */
bool espota_address_has_scheme(const char *text);
/** Has it a user name or password, before an '@'? Paths have none. */
bool espota_address_has_user(const char *text);

/** An address or URL as it may be shown: without user name, password, query and fragment, which may be
 * secret; "?..." stands for a query. Where it is not clear where the password ends, what might be of it is
 * left out. A path is as it is. @return a string for the caller to free, or NULL when memory is short. */
char *espota_address_shown(const char *text);

#pragma GCC visibility pop

#endif
