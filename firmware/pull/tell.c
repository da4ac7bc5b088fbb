/* What others see of a pull, and how it ends. */
#include "puller_private.h"

#include <string.h>

enum {
    RESTARTS = 2,       /* from the start */
    HASH_APPENDED = 23, /* its byte in the header of an image */
};

void puller_lock(const struct espota_puller *p, bool taken)
{
    if (p->port->lock)
        p->port->lock(p->port->context, taken);
}

void puller_came_on(struct espota_puller *p)
{
    const struct espota_agent_port *port = p->agent->port;
    puller_lock(p, true);
    p->since_ms = port->now_ms(port->context);
    puller_lock(p, false);
}

bool espota_puller_is_cancelled(struct espota_puller *p)
{
    puller_lock(p, true);
    bool cancelled = p->cancel;
    puller_lock(p, false);
    return cancelled;
}

bool espota_puller_wants_restart(struct espota_puller *p)
{
    puller_lock(p, true);
    bool restart = p->state.phase == ESPOTA_PULL_DONE && p->state.restart;
    puller_lock(p, false);
    return restart;
}

void puller_tell(struct espota_puller *p, enum espota_pull_phase phase)
{
    const struct espota_puller_work *w = p->work;
    puller_lock(p, true);
    p->state.phase = phase;
    p->state.done = w->at;
    p->state.total = w->length;
    p->state.kept = w->kept;
    p->state.offset = w->target ? w->target->offset : 0;
    if (phase == ESPOTA_PULL_DONE)
        memcpy(p->state.sha256, w->sha256, sizeof p->state.sha256);
    puller_lock(p, false);
}

void puller_note(struct espota_puller *p, enum espota_pull_reason reason, enum espota_agent_status status)
{
    p->work->stopped = true;
    puller_lock(p, true);
    p->state.reason = reason;
    p->state.status = (uint8_t)status;
    puller_lock(p, false);
}

void puller_end(struct espota_puller *p, enum espota_pull_phase phase)
{
    p->work->over = p->work->stopped = true;
    puller_tell(p, phase);
}

bool puller_fail(struct espota_puller *p, enum espota_pull_reason reason, enum espota_agent_status status)
{
    puller_note(p, reason, status);
    puller_end(p, ESPOTA_PULL_FAILED);
    return false;
}

bool puller_refused(struct espota_puller *p, enum espota_agent_status status)
{
    return puller_fail(p, ESPOTA_PULL_AGENT, status);
}

/* Does anything but the server say whether the image is whole? */
bool puller_is_vouched_for(const struct espota_puller_work *w)
{
    return w->has_md5 || w->order.has_sha256 || (w->begun && w->head[HASH_APPENDED] == 1);
}

/* What was relied on was wrong: all of it comes anew, and nothing of it is kept. */
bool puller_start_over(struct espota_puller *p, enum espota_pull_reason reason)
{
    struct espota_puller_work *w = p->work;
    if (w->restarts++ >= RESTARTS)
        return puller_fail(p, reason, ESPOTA_AGENT_OK);
    puller_note(p, reason, ESPOTA_AGENT_OK);
    w->fresh = true;
    w->streaming = false;
    w->resume = w->kept = w->furthest = 0;
    return false;
}
