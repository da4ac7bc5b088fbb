#include "pull.h"
#include "puller_board.h"

#include "espota/fetch_stream.h"

#include <stdlib.h>
#include <unistd.h>

/* A host that is there restarts the board itself. */
enum { RESTART_MS = 3000 };

static void drop(struct sim_pull *p)
{
    espota_fetch_stream_end(p->stream);
    p->stream = NULL;
    p->begun = p->restarts = false;
}

void sim_pull_close(struct sim_pull *p)
{
    drop(p);
}

/* ---- events ---------------------------------------------------------------------------------------------
 */

static bool take_head(void *context, const struct espota_fetch_head *head)
{
    struct sim_pull *p = context;
    const struct espota_puller_answer answer = { (unsigned)head->status, head->length,
                                                 head->content_range,    head->etag,
                                                 head->location,         head->encoding };
    return espota_puller_answered(&p->board->puller->puller, &answer);
}

static bool take_body(void *context, const void *data, size_t length)
{
    struct sim_pull *p = context;
    return espota_puller_take(&p->board->puller->puller, data, length);
}

static enum espota_puller_end end_of(enum espota_fetch_stream_state state)
{
    switch (state) {
    case ESPOTA_FETCH_STREAM_ALL:
        return ESPOTA_PULLER_ALL;
    case ESPOTA_FETCH_STREAM_STOPPED:
        return ESPOTA_PULLER_STOPPED;
    case ESPOTA_FETCH_STREAM_NO_SERVER:
        return ESPOTA_PULLER_NO_SERVER;
    case ESPOTA_FETCH_STREAM_UNTRUSTED:
        return ESPOTA_PULLER_UNTRUSTED;
    case ESPOTA_FETCH_STREAM_BAD_TRUST:
        return ESPOTA_PULLER_BAD_TRUST;
    default:
        return ESPOTA_PULLER_BROKEN;
    }
}

/* ---- at work --------------------------------------------------------------------------------------------
 */

/* Where OpenSSL and curl look too. */
static const char *authorities(void)
{
    const char *file = getenv("SSL_CERT_FILE");
    return file && access(file, R_OK) == 0 ? file : NULL;
}

static void begin_stream(struct sim_pull *p)
{
    const struct espota_puller_wish *wish = &p->board->puller->wish;
    const struct espota_fetch_stream_request request = { .url = wish->url,
                                                         .certificate = wish->certificate,
                                                         .certificate_length = wish->certificate_length,
                                                         .authorities = authorities(),
                                                         .from = wish->from,
                                                         .if_range = wish->if_range,
                                                         .context = p,
                                                         .head = take_head,
                                                         .body = take_body };
    p->begun = false;
    p->stream = espota_fetch_stream_begin(&request);
    if (!p->stream)
        espota_puller_ended(&p->board->puller->puller, ESPOTA_PULLER_BROKEN);
}

static void look_for_work(struct sim_pull *p, uint64_t now)
{
    struct espota_puller *puller = &p->board->puller->puller;
    bool worked = puller->work;
    p->begun = espota_puller_wants(puller, &p->board->puller->wish);
    p->due_ms = now + (p->begun ? p->board->puller->wish.pause_ms : RESTART_MS);
    if (worked && !p->begun)
        p->restarts = espota_puller_wants_restart(puller);
}

static void go_on(struct sim_pull *p, uint64_t now)
{
    struct espota_puller *puller = &p->board->puller->puller;
    bool waited = now >= p->due_ms || espota_puller_is_cancelled(puller);
    if (p->stream) {
        enum espota_fetch_stream_state state = espota_fetch_stream_step(p->stream);
        if (state == ESPOTA_FETCH_STREAM_GOES_ON && espota_puller_gives_up(puller))
            state = ESPOTA_FETCH_STREAM_STOPPED;
        if (state == ESPOTA_FETCH_STREAM_GOES_ON)
            return;
        espota_fetch_stream_end(p->stream);
        p->stream = NULL;
        espota_puller_ended(puller, end_of(state));
    } else if (p->restarts && waited) {
        p->board->restart_wanted = true;
        p->restarts = false;
    } else if (p->begun && waited) {
        begin_stream(p);
    } else if (!p->begun) {
        look_for_work(p, now);
    }
}

static bool runs(struct sim_pull *p)
{
    if (p->starts != p->board->starts)
        drop(p);
    p->starts = p->board->starts;
    return p->board->puller && p->board->state == SIM_RUNNING && p->board->flash->powered;
}

void sim_pull_step(struct sim_pull *p, uint64_t now)
{
    if (runs(p))
        go_on(p, now);
}

void sim_pull_watch(struct sim_pull *p, struct pollfd fds[SIM_PULL_FDS])
{
    for (int i = 0; i < SIM_PULL_FDS; i++)
        fds[i] = (struct pollfd){ -1, 0, 0 };
    if (runs(p) && p->stream)
        (void)espota_fetch_stream_watch(p->stream, fds, SIM_PULL_FDS);
}

int sim_pull_timeout(struct sim_pull *p, uint64_t now)
{
    if (!runs(p))
        return -1;
    const struct espota_puller *puller = &p->board->puller->puller;
    if (p->stream)
        return espota_fetch_stream_timeout(p->stream);
    if (p->begun || p->restarts)
        return p->due_ms > now && !puller->cancel ? (int)(p->due_ms - now) : 0;
    return puller->wanted || puller->work ? 0 : -1;
}
