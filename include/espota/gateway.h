/** A gateway for devices that cannot speak to an update server: it polls Eclipse hawkBit, or another server
 * of its DDI API, for each of them, and updates them through their agents.
 *
 * Nothing is kept but in memory: what a device runs, and what the server wants of it, say what is to be done.
 * Where the gateway ends at any moment, the next one goes on. */
#ifndef ESPOTA_GATEWAY_H
#define ESPOTA_GATEWAY_H

#pragma GCC visibility push(default)

#include "espota/base_source.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/image_cache.h"
#include "espota/observer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct espota_gateway_device {
    const char *name;  /* its controller id */
    const char *token; /* its target token; NULL: the gateway's */
};

/** What happens, for a log. */
enum espota_gateway_event {
    ESPOTA_GATEWAY_DETAIL,
    ESPOTA_GATEWAY_NOTE,
    ESPOTA_GATEWAY_WARNING,
};

struct espota_gateway_options {
    const char *server;        /* http or https URL, up to the tenant's part; its scheme is not guessed */
    const char *tenant;        /* NULL: DEFAULT */
    const char *certificate;   /* PEM file of the CAs to trust instead of the system's; or NULL */
    const char *gateway_token; /* NULL: none */
    const struct espota_gateway_device *device;
    size_t count;
    unsigned jobs; /* devices that are worked on at a time; 0: 16 */
    bool trial;    /* new apps boot on trial, and have to be confirmed on the device */
    bool consent;  /* where the server asks for consent: give it. Else it waits for its operator */
    unsigned return_timeout_s; /* an updated device has to be back, and confirmed, in so long; 0: 300 */
    unsigned shortest_poll_ms; /* what the server may make of its pauses; 0: 1000 */
    unsigned longest_pause_s;  /* between attempts to reach a device, or the server; 0: 3600 */
    /* Where images are looked for and kept, so that none is fetched twice; the caller's. NULL: none */
    struct espota_image_cache *cache;
    /* Who knows the images that devices may hold, so that only what changed is sent; NULL: nobody */
    const struct espota_base_source *bases;
    const char *metrics; /* file for Prometheus' node exporter, written anew every 15 s; NULL: none */
    void *context;
    /** Open a device, from any thread. The observer is the device's. */
    int (*open)(void *context, size_t device, const struct espota_observer *observer,
                struct espota_device **opened, struct espota_error *error);
    /** From the thread of espota_gateway_run. `device`: SIZE_MAX where it is about none. The text may hold
     * what a device or server said. */
    void (*event)(void *context, size_t device, enum espota_gateway_event event, const char *text);
    /** Is it time to end? From any thread. */
    bool (*stopped)(void *context);
};

/** Until `stopped`. @return ESPOTA_ERR_CANCELLED then; ESPOTA_ERR_USAGE, ESPOTA_ERR_NOMEM. What goes wrong
 * with a device, or the server, is told by events, and tried again. */
int espota_gateway_run(const struct espota_gateway_options *options, struct espota_error *error);

#pragma GCC visibility pop

#endif
