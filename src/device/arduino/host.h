/* Our end of ArduinoOTA: a UDP socket for the invitation, and a TCP socket to which the device connects. */
#ifndef ESPOTA_ARDUINO_HOST_H
#define ESPOTA_ARDUINO_HOST_H

#include "espota/address.h"
#include "espota/arduino_ota.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"

#include <sys/socket.h>

struct arduino_host {
    struct espota_device *device; /* for messages, and to hear whether to stop */
    int udp;                      /* connected to the device: it hears nobody else */
    int listener;
    struct sockaddr_storage peer; /* the device */
    socklen_t peer_length;
    uint16_t port;    /* where it has to connect */
    char here[300];   /* the same with our address, for messages */
    bool unreachable; /* the last message came back: nothing listens on that port */
};

/* Look up the device's address. @return ESPOTA_ERR_NO_DEVICE when there is none. */
int arduino_lookup(const struct espota_address *address, struct sockaddr_storage *peer, socklen_t *length,
                   struct espota_error *error);

/* Open both sockets, of which `at` and `port` name the TCP one; NULL and 0: as it comes. arduino_host_close
 * in any case. */
int arduino_host_open(struct arduino_host *host, const char *at, uint16_t port, struct espota_error *error);
void arduino_host_close(struct arduino_host *host);

/* Send a message, and wait for an answer. @return 0, also with an answer that is SILENT. */
int arduino_host_ask(struct arduino_host *host, const char *message, size_t length, unsigned wait_ms,
                     struct espota_arduino_answer *answer, struct espota_error *error);

/* The device connects: it alone is let in. */
int arduino_host_accept(struct arduino_host *host, unsigned wait_ms, struct espota_link **link,
                        struct espota_error *error);

/* Is there anybody at the address who answers TCP, be it with a refusal? */
bool arduino_host_lives(const struct sockaddr_storage *peer, socklen_t length, unsigned wait_ms);
/* Does somebody listen there by UDP? Who does not answer is taken to. */
bool arduino_host_listens(const struct sockaddr_storage *peer, socklen_t length, unsigned wait_ms);

#endif
