/* The server's end of RFC 2217: a caller's bytes, with what it asks of the serial port taken out of them. */
#ifndef ESPOTA_SIM_REMOTE_H
#define ESPOTA_SIM_REMOTE_H

#include "espota/telnet.h"

#include <stdbool.h>

struct sim_remote_events {
    void *context;
    /* Protocol bytes for the caller. */
    void (*send)(void *context, const uint8_t *data, size_t size);
    void (*baud)(void *context, uint32_t baud);
    void (*lines)(void *context, bool dtr, bool rts);
};

struct sim_remote {
    struct sim_remote_events events;
    struct espota_telnet telnet;
    bool dtr, rts;
    bool answered[2][256]; /* options that were agreed on: DO, WILL */
};

/* A new caller. */
void sim_remote_begin(struct sim_remote *remote, const struct sim_remote_events *events);

/* Take a byte. @return true when it is data. */
bool sim_remote_byte(struct sim_remote *remote, uint8_t byte);

#endif
