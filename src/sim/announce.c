/* The agent of a simulated board on mDNS, as the component for ESP-IDF announces it: while an app runs, with
 * what that is. */
#include "server.h"

#include "espota/discovery.h"
#include "espota/error.h"

#include <string.h>

int sim_announce_begin(struct sim_server *s, struct espota_error *error)
{
    const struct espota_sim_options *o = s->options;
    return o->announce
               ? espota_announcement_begin(&s->announcement, o->announce, s->port[SIM_AGENT], true, error)
               : 0;
}

static void say(struct sim_server *s)
{
    struct espota_error ignored; /* a board that cannot be announced is a board */
    const struct sim_board *board = &s->board;
    struct espota_agent_facts facts = {
        .chip = s->options->chip->id,
        .project = board->description.project,
        .version = board->description.version,
        .key_needed = s->options->key_length > 0,
    };
    memcpy(facts.mac, board->agent_config.mac, sizeof facts.mac);
    (void)espota_announcement_set(s->announcement, s->announced ? &facts : NULL, &ignored);
}

void sim_announce_what_runs(struct sim_server *s)
{
    bool runs = s->board.state == SIM_RUNNING && s->flash.powered;
    if (!s->announcement || (runs == s->announced && (!runs || s->announced_ms == s->board.started_ms)))
        return;
    s->announced = runs;
    s->announced_ms = s->board.started_ms;
    say(s);
}

void sim_announce_end(struct sim_server *s)
{
    espota_announcement_end(s->announcement);
    s->announcement = NULL;
}
