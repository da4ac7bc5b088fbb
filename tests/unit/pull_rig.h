/* A device that fetches by itself, without a network, and a server of one file: what the tests of pulls begin
 * with. */
#ifndef ESPOTA_UNIT_PULL_RIG_H
#define ESPOTA_UNIT_PULL_RIG_H

#include "espota/bytes.h"
#include "espota/pull.h"
#include "fixtures/memory_board.h"
#include "sim/puller_board.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { APP = 150000, IDLE = 0x110000, MOST_ANSWERS = 40 };

/* A server of one file. */
struct pull_server {
    struct espota_bytes file;
    size_t piece;          /* bytes at a time */
    uint32_t breaks_at;    /* of each answer; 0: it does not */
    unsigned away;         /* the how manieth request finds nobody; 0: none */
    bool no_ranges;        /* each answer is whole */
    bool other_part;       /* parts are others than were asked for */
    bool ends_badly;       /* also where all was sent */
    uint64_t *now_ms;      /* goes on with each piece; NULL: no matter */
    unsigned piece_ms;     /* so much */
    unsigned cancel_at;    /* the host does at this step: a request, its head, a piece, its end; 0: never */
    unsigned steps;        /* so many there were */
    unsigned asked, parts; /* requests; those that got a part */
    uint32_t last_from;    /* where the last one began */
    uint64_t sent;
};

struct memory_board *pull_board(void);
struct pull_server pull_server(uint8_t seed);
struct espota_pull_order pull_order(const char *url);

/* Give the order, and serve until there is nothing to be asked for. @return what the agent tells in the end.
 */
struct espota_pull_state pull_run(struct memory_board *b, struct pull_server *s,
                                  const struct espota_pull_order *order);
/* Flash has the file, and after a restart it runs. */
void pull_assert_there(struct memory_board *b, const struct pull_server *s);

#endif
