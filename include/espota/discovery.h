/** Devices that announce themselves on the network, by multicast DNS and DNS service discovery (RFC 6762,
 * RFC 6763), through the Avahi daemon of this machine.
 *
 * Anybody on the network can announce anything: what is found says where to ask, and proves nothing. Texts
 * are what a stranger sent; they have no control characters, and are cut to the room that is here. Sources of
 * what others announce: arduino-esp32, libraries/ESPmDNS; ESPHome, components/mdns/mdns_component.cpp. Ours:
 * firmware/PROTOCOL.md. */
#ifndef ESPOTA_DISCOVERY_H
#define ESPOTA_DISCOVERY_H

#pragma GCC visibility push(default)

#include "espota/error.h"
#include "espota/observer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum espota_service {
    ESPOTA_SERVICE_AGENT,   /* _espota._tcp */
    ESPOTA_SERVICE_ARDUINO, /* _arduino._tcp: ArduinoOTA */
    ESPOTA_SERVICE_ESPHOME, /* _esphomelib._tcp: ESPHome, by its native API */
    ESPOTA_SERVICES,
};

/** "agent", "arduino", "esphome". Static storage. */
const char *espota_service_name(enum espota_service service);
/** "_espota._tcp" and so on. Static storage. */
const char *espota_service_type(enum espota_service service);

enum {
    ESPOTA_FOUND_MOST = 1024,         /* devices; more are counted and not kept */
    ESPOTA_FOUND_MOST_ADDRESSES = 8,  /* of a device */
    ESPOTA_FOUND_MOST_ATTRIBUTES = 32 /* of a device */
};

enum espota_known { ESPOTA_UNKNOWN, ESPOTA_NO, ESPOTA_YES };

/** One string of its TXT record: "key=value". */
struct espota_attribute {
    char *key;
    char *value; /* NULL: a key without '=' */
};

struct espota_found_device {
    enum espota_service service;
    char name[64];  /* of the service's instance; unique in a network, but for two networks with the same */
    char host[256]; /* "kitchen.local"; empty: it has not said in time */
    uint16_t port;  /* of that service; 0: it has not said in time */
    /** Numeric, the best first (IPv4 before IPv6, what is routed before what is link-local): "192.168.1.20",
     * "fe80::1%eth0". None: it has not said in time, or nothing that anybody could connect to. */
    char address[ESPOTA_FOUND_MOST_ADDRESSES][64];
    unsigned address_count;
    char network[32]; /* name of the interface that it was heard on first */
    /* What it says it is and runs; empty: it does not say. */
    char chip[32];                 /* of an agent as in espota/chip.h; of ESPHome its platform */
    char board[64];                /* ArduinoOTA, ESPHome */
    char project[64], version[64]; /* of the app; of ESPHome without a project ESPHome's own */
    char id[32];                   /* MAC address, 12 hex digits in lower case */
    uint8_t protocol;              /* version that an agent speaks; 0: it does not say */
    enum espota_known key_needed;  /* a key, or a password */
    /** All that it says. */
    struct espota_attribute *attribute;
    unsigned attribute_count;
};

struct espota_found_devices {
    struct espota_found_device *device; /* by service and name */
    size_t count;
    size_t left_out; /* beyond ESPOTA_FOUND_MOST */
};

struct espota_discovery_request {
    bool service[ESPOTA_SERVICES];          /* which are looked for */
    unsigned timeout_ms;                    /* how long answers are waited for; it always takes so long */
    const struct espota_observer *observer; /* is asked whether to stop; or NULL */
};

/** Look for devices. @return 0 and `*found`, for espota_found_devices_free: none found is 0 too;
 * ESPOTA_ERR_IO when this machine has no Avahi daemon that runs, or it ended meanwhile; ESPOTA_ERR_CANCELLED;
 * ESPOTA_ERR_NOMEM. */
int espota_discover(const struct espota_discovery_request *request, struct espota_found_devices *found,
                    struct espota_error *error);
void espota_found_devices_free(struct espota_found_devices *found);

/** How to reach an agent or an ArduinoOTA, as "192.168.1.20:3232" or "[fe80::1%eth0]:3232"; of ESPHome, whose
 * port is that of its API, the address alone. @return false when it has no address. */
bool espota_found_device_address(const struct espota_found_device *device, char *text, size_t room);

/** What an agent says of itself. Texts may be NULL or empty: it does not say. */
struct espota_agent_facts {
    const char *chip, *project, *version;
    uint8_t mac[6];
    bool key_needed;
};

struct espota_announcement;

/** Announce an agent by the name `name` (at most 63 bytes), until espota_announcement_end; nothing is said
 * before espota_announcement_set. A name that another has becomes "name #2". `local`: on the loopback
 * interface alone, for one that can only be reached from this machine. @return 0 and `*announcement`;
 * ESPOTA_ERR_IO when there is no Avahi daemon that runs, ESPOTA_ERR_USAGE for a name that cannot be,
 * ESPOTA_ERR_NOMEM. A daemon that is restarted meanwhile is told again. */
int espota_announcement_begin(struct espota_announcement **announcement, const char *name, uint16_t port,
                              bool local, struct espota_error *error);
/** Say this from now on; NULL: the agent is not there now. The facts are copied. @return ESPOTA_ERR_NOMEM. */
int espota_announcement_set(struct espota_announcement *announcement, const struct espota_agent_facts *facts,
                            struct espota_error *error);
/** NULL is ignored. */
void espota_announcement_end(struct espota_announcement *announcement);

#pragma GCC visibility pop

#endif
