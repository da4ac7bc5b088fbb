/* Finding a host's addresses, without waiting for a name server longer than somebody wants to wait. */
#ifndef ESPOTA_LINK_LOOKUP_H
#define ESPOTA_LINK_LOOKUP_H

#include "espota/error.h"
#include "espota/link.h"

#include <netdb.h>

/* Addresses of a TCP port, for freeaddrinfo. The system's lookup cannot be stopped: when it takes until
 * `deadline_ms` (espota_now_ms), or until `patience` says so, it is left to end by itself.
 * @return ESPOTA_ERR_NO_DEVICE, ESPOTA_ERR_CANCELLED. */
int espota_link_look_up(struct addrinfo **list, const char *host, const char *port,
                        const struct espota_link_patience *patience, uint64_t deadline_ms,
                        struct espota_error *error);

#endif
