/* A board and the ways to reach it, shared by serve.c and listeners.c. */
#ifndef ESPOTA_SIM_SERVER_H
#define ESPOTA_SIM_SERVER_H

#include "arduino.h"
#include "board.h"
#include "circuit.h"
#include "esphome.h"
#include "line.h"
#include "pull.h"
#include "remote.h"

#include "espota/discovery.h"
#include "espota/error.h"

/* A way to reach the board. */
struct sim_listener {
    enum sim_stream stream;
    int listen_fd;     /* -1: a pseudo-terminal */
    int fd;            /* -1: nobody is there */
    int slave;         /* of a pseudo-terminal, kept open so that it survives its users; otherwise -1 */
    uint64_t since_ms; /* when that caller came */
};

/* From SIM_AGENT on: callers of the agent, who share one listener. */
enum sim_listener_index {
    SIM_PTY,
    SIM_TCP,
    SIM_RFC2217,
    SIM_AGENT,
    SIM_LISTENERS = SIM_AGENT + SIM_STREAMS - SIM_NETWORK
};

struct sim_server {
    const struct espota_sim_options *options;
    struct sim_board board;
    struct sim_flash flash;
    struct sim_real_time real;
    struct sim_line line;
    struct sim_circuit circuit;
    struct sim_remote remote; /* the caller at SIM_RFC2217 */
    struct sim_arduino arduino;
    struct sim_esphome esphome;
    struct sim_pull pull;
    uint16_t arduino_port, esphome_port; /* 0: it has none */
    struct sim_listener listener[SIM_LISTENERS];
    char pty_name[128];
    uint16_t port[SIM_LISTENERS];
    int signals;
    uint64_t received;
    bool linked, disconnected, cut_reported;
    struct espota_announcement *announcement; /* NULL: none is wanted */
    uint64_t announced_ms;                    /* start of the app that it is about */
    bool announced;
};

/* serve.c: signals that are a board's buttons, and `another` (0: none), come through `signals` from now on.
 */
int sim_server_take_signals(struct sim_server *server, int another, struct espota_error *error);

/* Open what the options ask for; sim_listeners_close in any case. */
int sim_listeners_open(struct sim_server *server, struct espota_error *error);
void sim_listeners_close(struct sim_server *server);

/* Somebody calls: the newest caller has the line, as an old one may have died without a word. The agent has
 * room for several, of whom those that have not proved to know its key give way, the oldest first. @return
 * false when there was nobody after all. */
bool sim_listener_accept(struct sim_server *server, enum sim_listener_index which);
/* Hang up on callers of the agent who do not prove in time that they know its key, or went silent. @return
 * how long to wait until the next one is due, or -1. */
int sim_listeners_expire(struct sim_server *server, uint64_t now);
/* The caller is gone. A pseudo-terminal stays. */
void sim_listener_hang_up(struct sim_server *server, enum sim_listener_index which);

/* announce.c: the agent on mDNS. Begin where the options ask for it; say what runs now, whenever that may
 * have changed; end in any case. */
int sim_announce_begin(struct sim_server *server, struct espota_error *error);
void sim_announce_what_runs(struct sim_server *server);
void sim_announce_end(struct sim_server *server);

/* Write all of it to whoever is there. */
void sim_listener_write(struct sim_server *server, enum sim_listener_index which, const uint8_t *data,
                        size_t length);

#endif
