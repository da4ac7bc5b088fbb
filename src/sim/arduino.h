/* An app with ArduinoOTA on a simulated board: waits for invitations by UDP, and connects to the host that
 * sent one. Source: arduino-esp32, libraries/ArduinoOTA/src/ArduinoOTA.cpp. */
#ifndef ESPOTA_SIM_ARDUINO_H
#define ESPOTA_SIM_ARDUINO_H

#include "updater.h"

#include "espota/arduino_ota.h"
#include "espota/error.h"

#include <netinet/in.h>
#include <poll.h>

enum { SIM_ARDUINO_FDS = 2 };

enum sim_arduino_state {
    SIM_ARDUINO_IDLE,
    SIM_ARDUINO_ASKED,
    SIM_ARDUINO_CONNECTING,
    SIM_ARDUINO_RECEIVING,
    SIM_ARDUINO_CHECKING /* it takes a moment to check the image */
};

struct sim_arduino {
    struct sim_board *board;
    enum espota_arduino_auth auth;
    const char *password;
    int udp, tcp; /* -1: none */
    enum sim_arduino_state state;
    struct sockaddr_in host;
    struct espota_arduino_request invitation;
    char nonce[ESPOTA_ARDUINO_HEX];
    struct sim_updater updater;
    uint64_t heard_ms;
    unsigned written, tried;
};

/* On 127.0.0.1, at `*port`, or where that is 0 at any, which is put there. */
int sim_arduino_open(struct sim_arduino *arduino, struct sim_board *board, enum espota_arduino_auth auth,
                     const char *password, uint16_t *port, struct espota_error *error);
void sim_arduino_close(struct sim_arduino *arduino);

/* What to wait for; how long at most, or -1; and what to do when that has come. */
void sim_arduino_watch(const struct sim_arduino *arduino, struct pollfd p[SIM_ARDUINO_FDS]);
int sim_arduino_timeout(const struct sim_arduino *arduino, uint64_t now);
void sim_arduino_step(struct sim_arduino *arduino, const struct pollfd p[SIM_ARDUINO_FDS], uint64_t now);

#endif
