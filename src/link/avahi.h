/* What discovering and announcing share: a client of this machine's Avahi daemon. */
#ifndef ESPOTA_LINK_AVAHI_H
#define ESPOTA_LINK_AVAHI_H

#include "espota/error.h"

#include <avahi-client/client.h>

/* To a daemon that runs. @return NULL, with the error filled in: `what` cannot be done. */
AvahiClient *avahi_connect(const AvahiPoll *poll, AvahiClientFlags flags, AvahiClientCallback told,
                           void *context, const char *what, struct espota_error *error);

/* A client that was connected fails; `code` is an error of Avahi's. @return ESPOTA_ERR_IO, or
 * ESPOTA_ERR_NOMEM. */
int avahi_failed(struct espota_error *error, const char *what, int code);

#endif
