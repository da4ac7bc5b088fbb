#include "puller_board.h"

#include "espota/digest.h"
#include "espota/error.h"

#include <stdlib.h>

static void *take_memory(void *context, size_t length)
{
    (void)context;
    return calloc(1, length);
}

static void give_memory(void *context, void *memory)
{
    (void)context;
    free(memory);
}

/* Who drives the board asks it. */
static void wake(void *context)
{
    (void)context;
}

int sim_puller_begin(struct sim_board *board, struct espota_error *error)
{
    enum { PAUSE_MS = 100 };
    if (!board->options.pulls)
        return 0;
    struct sim_puller *p = board->puller = calloc(1, sizeof *p);
    if (!p)
        return espota_fail_memory(error, "simulating a board");
    p->sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    p->md5 = espota_hash_new(ESPOTA_HASH_MD5);
    if (!p->sha256 || !p->md5)
        return espota_fail(error, ESPOTA_ERR_FAILED,
                           "MD5 or SHA-256 are not available from the crypto library");
    p->port = (struct espota_puller_port){ .allocate = take_memory,
                                           .release = give_memory,
                                           .sha256 = *p->sha256,
                                           .md5 = *p->md5,
                                           .wake = wake,
                                           .pause_ms = PAUSE_MS };
    espota_puller_begin(&p->puller, &p->port, &board->agent, &board->port.port);
    return 0;
}

void sim_puller_reset(struct sim_board *board)
{
    if (board->puller)
        espota_puller_reset(&board->puller->puller);
}

void sim_puller_end(struct sim_board *board)
{
    struct sim_puller *p = board->puller;
    if (!p)
        return;
    sim_puller_reset(board);
    espota_hash_free(p->sha256);
    espota_hash_free(p->md5);
    free(p);
    board->puller = NULL;
}
