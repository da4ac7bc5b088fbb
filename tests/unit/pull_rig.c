#include "pull_rig.h"

#include "espota/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct espota_pull_order pull_order(const char *url)
{
    return (struct espota_pull_order){ .url = url, .url_length = strlen(url) };
}

struct memory_board *pull_board(void)
{
    struct memory_board *b = memory_board_running(false);
    struct espota_error error;
    b->board.options.pulls = true;
    assert_int_equal(sim_puller_begin(&b->board, &error), 0);
    memory_board_restart(b);
    return b;
}

struct pull_server pull_server(uint8_t seed)
{
    return (struct pull_server){ .file = memory_board_image(APP, seed, 0), .piece = 1000 };
}

static void step(struct pull_server *s, struct espota_puller *p)
{
    if (++s->steps == s->cancel_at)
        espota_puller_cancel(p);
}

/* The body, up to where it breaks. */
static enum espota_puller_end send_body(struct pull_server *s, struct espota_puller *p, uint32_t from)
{
    uint32_t size = (uint32_t)s->file.size;
    uint32_t end = s->breaks_at > 0 && size - from > s->breaks_at ? from + s->breaks_at : size;
    for (uint32_t at = from; at < end;) {
        uint32_t chunk = end - at < s->piece ? end - at : (uint32_t)s->piece;
        if (s->now_ms)
            *s->now_ms += s->piece_ms;
        step(s, p);
        if (!espota_puller_take(p, s->file.data + at, chunk))
            return ESPOTA_PULLER_STOPPED;
        at += chunk;
        s->sent += chunk;
    }
    return end < size || s->ends_badly ? ESPOTA_PULLER_BROKEN : ESPOTA_PULLER_ALL;
}

static enum espota_puller_end answer(struct pull_server *s, struct espota_puller *p,
                                     const struct espota_puller_wish *wish)
{
    char range[64];
    uint32_t from = s->no_ranges ? 0 : wish->from, size = (uint32_t)s->file.size;
    snprintf(range, sizeof range, "bytes %u-%u/%u", (unsigned)(from + s->other_part), (unsigned)size - 1,
             (unsigned)size);
    const struct espota_puller_answer head = { .status = from > 0 ? 206 : 200,
                                               .length = (int64_t)size - from,
                                               .content_range = from > 0 ? range : NULL,
                                               .etag = "\"1\"" };
    s->last_from = wish->from;
    if (++s->asked == s->away)
        return ESPOTA_PULLER_NO_SERVER;
    s->parts += from > 0;
    step(s, p);
    return espota_puller_answered(p, &head) ? send_body(s, p, from) : ESPOTA_PULLER_STOPPED;
}

struct espota_pull_state pull_run(struct memory_board *b, struct pull_server *s,
                                  const struct espota_pull_order *order)
{
    struct espota_puller *p = &b->board.puller->puller;
    struct espota_puller_wish wish;
    s->asked = s->parts = s->steps = 0;
    s->sent = 0;
    assert_int_equal(espota_puller_order(p, order), ESPOTA_AGENT_OK);
    while (espota_puller_wants(p, &wish)) {
        assert_true(s->asked < MOST_ANSWERS);
        step(s, p);
        enum espota_puller_end end = answer(s, p, &wish);
        step(s, p);
        espota_puller_ended(p, end);
    }
    assert_null(p->work);
    assert_null(p->order);
    return p->state;
}

void pull_assert_there(struct memory_board *b, const struct pull_server *s)
{
    assert_memory_equal(b->flash.data + IDLE, s->file.data, s->file.size);
    memory_board_restart(b);
    assert_int_equal(b->board.running->offset, IDLE);
}
