/* The puller of a simulated board: what it fetches is the matter of who drives the board. */
#ifndef ESPOTA_SIM_PULLER_BOARD_H
#define ESPOTA_SIM_PULLER_BOARD_H

#include "board.h"
#include "puller.h"

#include "espota/error.h"
#include "espota/hash.h"

struct sim_puller {
    struct espota_puller puller;
    struct espota_puller_port port;
    struct espota_hash *sha256, *md5;
    struct espota_puller_wish wish; /* of the last answer to espota_puller_wants */
};

/* Where the options of the board want one; sim_puller_end in any case. */
int sim_puller_begin(struct sim_board *board, struct espota_error *error);
void sim_puller_end(struct sim_board *board);

/* The board is reset. */
void sim_puller_reset(struct sim_board *board);

#endif
