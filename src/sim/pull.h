/* What the agent of a simulated board fetches by itself: libcurl in the simulator's loop. */
#ifndef ESPOTA_SIM_PULL_H
#define ESPOTA_SIM_PULL_H

#include "board.h"

#include <poll.h>

enum { SIM_PULL_FDS = 4 };

struct espota_fetch_stream;

/* Zeroed, but for the board. */
struct sim_pull {
    struct sim_board *board;
    unsigned starts; /* of the board, when the download began */
    struct espota_fetch_stream *stream;
    uint64_t due_ms; /* when to begin it, or to restart; 0: now */
    bool begun;      /* the puller's wish is to be fetched */
    bool restarts;
};

void sim_pull_close(struct sim_pull *pull);

/* What to wait for; how long at most, or -1; and what to do then. */
void sim_pull_watch(struct sim_pull *p, struct pollfd fds[SIM_PULL_FDS]);
int sim_pull_timeout(struct sim_pull *pull, uint64_t now);
void sim_pull_step(struct sim_pull *pull, uint64_t now);

#endif
