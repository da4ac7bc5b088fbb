/* What was heard of devices, put together: whoever listens (avahi.c) hands on each answer, as it came. */
#ifndef ESPOTA_LINK_DISCOVERY_H
#define ESPOTA_LINK_DISCOVERY_H

#include "espota/discovery.h"
#include "espota/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialised; its devices are the caller's to free. */
struct discovery {
    struct espota_found_devices found;
    size_t room;
};

/* A string of a TXT record, of any bytes. */
struct discovery_text {
    const uint8_t *data;
    size_t size;
};

struct discovery_answer {
    enum espota_service service;
    const char *name;    /* of the instance */
    const char *host;    /* NULL, with all below: no more than the name was heard */
    const char *network; /* name of the interface */
    bool loopback;       /* which is that of this machine alone */
    int family;          /* AF_INET, AF_INET6 */
    const uint8_t *address;
    uint16_t port;
    const struct discovery_text *text;
    size_t text_count;
};

/* Duplicates become one device; what cannot be connected to is no address. @return ESPOTA_ERR_NOMEM. */
int discovery_take(struct discovery *discovery, const struct discovery_answer *answer,
                   struct espota_error *error);

/* Nothing more comes: put them in order. */
void discovery_end(struct discovery *discovery);

#endif
