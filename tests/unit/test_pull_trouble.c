/* A device that fetches by itself, and servers and orders that make trouble. */
#include "pull_rig.h"
#include "puller_private.h"

#include "espota/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char url[] = "http://server/app.bin";

static void leave(struct memory_board *b, struct pull_server *s)
{
    espota_bytes_free(&s->file);
    memory_board_free(b);
}

static void assert_given_up(struct memory_board *b, const struct espota_pull_state *end,
                            enum espota_pull_reason reason)
{
    assert_int_equal(end->phase, ESPOTA_PULL_FAILED);
    assert_int_equal(end->reason, reason);
    memory_board_restart(b);
    assert_int_not_equal(b->board.running->offset, IDLE);
}

/* ---- servers --------------------------------------------------------------------------------------------
 */

/* It brings as much each time, and the same. */
static void what_comes_no_further_is_no_progress(void **state)
{
    (void)state;
    const struct espota_pull_order order = pull_order(url);
    struct memory_board *b = pull_board();
    struct pull_server s = pull_server(9);
    s.no_ranges = true;
    s.breaks_at = APP / 2;
    struct espota_pull_state end = pull_run(b, &s, &order);
    assert_given_up(b, &end, ESPOTA_PULL_BROKEN);
    assert_int_equal(s.asked, 5);
    leave(b, &s);
}

/* One that sends chunks, and never says which is the last. */
static void all_of_it_is_enough_however_it_ends(void **state)
{
    (void)state;
    const struct espota_pull_order order = pull_order(url);
    for (unsigned i = 0; i < 2; i++) {
        struct memory_board *b = pull_board();
        struct pull_server s = pull_server(9);
        s.ends_badly = true;
        s.breaks_at = i == 0 ? 0 : APP / 2 + 5000;
        struct espota_pull_state end = pull_run(b, &s, &order);
        assert_int_equal(end.phase, ESPOTA_PULL_DONE);
        assert_int_equal(s.asked, i == 0 ? 1 : 2);
        pull_assert_there(b, &s);
        leave(b, &s);
    }
}

/* What was kept turns out to be of another image, and just then the server is not there for a while. */
static void what_begins_anew_does_so_from_the_start(void **state)
{
    (void)state;
    const struct espota_pull_order order = pull_order(url);
    struct memory_board *b = pull_board();
    struct pull_server s = pull_server(9);
    memory_board_put(b, IDLE, &s.file);
    memset(b->flash.data + IDLE + 40000, 0, 100);
    s.away = 3; /* after the first sector, and the last ones */
    struct espota_pull_state end = pull_run(b, &s, &order);
    assert_int_equal(end.phase, ESPOTA_PULL_DONE);
    assert_int_equal(end.kept, 0);
    assert_int_equal(s.asked, 5); /* and once more, as what was kept was cleared meanwhile */
    assert_int_equal(s.last_from, 0);
    pull_assert_there(b, &s);
    leave(b, &s);
}

/* What the board hears of an answer that is no image. */
static void redirect_to(struct espota_puller *p, const char *location)
{
    const struct espota_puller_answer moved = { .status = 302, .location = location };
    assert_false(espota_puller_answered(p, &moved));
    espota_puller_ended(p, ESPOTA_PULLER_STOPPED);
}

/* Where one is sent to may be good for a while only: after a break, who sent us is asked again. */
static void after_a_break_the_way_is_asked_for_anew(void **state)
{
    (void)state;
    for (unsigned sidecar = 0; sidecar < 2; sidecar++) {
        struct espota_pull_order order = pull_order("http://server/app.bin?x=1");
        order.sidecar = sidecar;
        const char *ordered = sidecar ? "http://server/app.bin.md5?x=1" : order.url;
        struct memory_board *b = pull_board();
        struct espota_puller *p = &b->board.puller->puller;
        struct espota_puller_wish wish;
        assert_int_equal(espota_puller_order(p, &order), ESPOTA_AGENT_OK);
        for (unsigned i = 0; i < 3; i++) {
            assert_true(espota_puller_wants(p, &wish));
            assert_string_equal(wish.url, ordered);
            for (unsigned hop = 0; hop < 9; hop++) { /* ten in all would be too many */
                redirect_to(p, "https://other/signed?for=a-minute");
                assert_true(espota_puller_wants(p, &wish));
                assert_string_equal(wish.url, "https://other/signed?for=a-minute");
            }
            espota_puller_ended(p, ESPOTA_PULLER_BROKEN);
        }
        memory_board_free(b);
    }
}

static uint64_t now_of(void *context)
{
    return *(const uint64_t *)context;
}

/* A board with a clock that goes on with what a server sends, and is about to begin again at 0. */
static struct espota_pull_state run_slowly(struct memory_board *b, struct pull_server *s, unsigned piece_ms)
{
    uint64_t now = UINT32_MAX - 100000u;
    const struct espota_clock clock = { .context = &now, .now_ms = now_of };
    const struct espota_pull_order order = pull_order(url);
    b->board.options.clock = &clock;
    memory_board_restart(b);
    s->now_ms = &now;
    s->piece_ms = piece_ms;
    struct espota_pull_state end = pull_run(b, s, &order);
    b->board.options.clock = NULL;
    return end;
}

static void who_drips_is_left(void **state)
{
    (void)state;
    struct memory_board *b = pull_board();
    struct pull_server s = pull_server(9);
    struct espota_pull_state end = run_slowly(b, &s, 100000); /* 6 KiB in ten minutes */
    assert_given_up(b, &end, ESPOTA_PULL_BROKEN);
    assert_int_equal(s.asked, 5);
    leave(b, &s);
}

static void who_is_slow_has_his_time(void **state)
{
    (void)state;
    struct memory_board *b = pull_board();
    struct pull_server s = pull_server(9);
    struct espota_pull_state end = run_slowly(b, &s, 30000); /* 16 KiB in less than nine */
    assert_int_equal(end.phase, ESPOTA_PULL_DONE);
    assert_int_equal(s.asked, 1);
    pull_assert_there(b, &s);
    leave(b, &s);
}

/* One whose answer never begins to be one: the driver waits in a call, and another thread asks for it. */
static void who_never_gets_to_the_point_is_left(void **state)
{
    (void)state;
    uint64_t now = UINT32_MAX - 100000u;
    const struct espota_clock clock = { .context = &now, .now_ms = now_of };
    const struct espota_pull_order order = pull_order(url);
    struct memory_board *b = pull_board();
    struct espota_puller *p = &b->board.puller->puller;
    struct espota_puller_wish wish;
    unsigned asked = 0;
    b->board.options.clock = &clock;
    memory_board_restart(b);
    assert_false(espota_puller_gives_up(p));
    assert_int_equal(espota_puller_order(p, &order), ESPOTA_AGENT_OK);
    for (; espota_puller_wants(p, &wish); asked++) {
        now += 540000;
        assert_false(espota_puller_gives_up(p));
        now += 61000;
        assert_true(espota_puller_gives_up(p));
        espota_puller_ended(p, ESPOTA_PULLER_BROKEN);
    }
    assert_int_equal(asked, 5);
    assert_false(espota_puller_gives_up(p));
    struct espota_pull_state end = p->state;
    b->board.options.clock = NULL;
    assert_given_up(b, &end, ESPOTA_PULL_BROKEN);
    memory_board_free(b);
}

static void what_is_cancelled_is_given_up_at_once(void **state)
{
    (void)state;
    const struct espota_pull_order order = pull_order(url);
    struct memory_board *b = pull_board();
    struct espota_puller *p = &b->board.puller->puller;
    struct espota_puller_wish wish;
    assert_int_equal(espota_puller_order(p, &order), ESPOTA_AGENT_OK);
    assert_true(espota_puller_wants(p, &wish));
    assert_false(espota_puller_gives_up(p));
    espota_puller_cancel(p);
    assert_true(espota_puller_gives_up(p));
    espota_puller_ended(p, ESPOTA_PULLER_BROKEN);
    assert_int_equal(p->state.phase, ESPOTA_PULL_CANCELLED);
    assert_false(espota_puller_wants(p, &wish));
    assert_false(espota_puller_gives_up(p));
    memory_board_free(b);
}

/* A host cancels at each moment, from a server whose connections break: either it came too late, or nothing
 * boots that did not before; and the next pull finishes. */
static void it_may_be_cancelled_anywhere(void **state)
{
    (void)state;
    const struct espota_pull_order order = pull_order(url);
    bool cancelled = true;
    unsigned times = 0;
    for (unsigned at = 1; cancelled; at += at % 3 == 0 ? 5 : 1, times++) {
        struct memory_board *b = pull_board();
        struct pull_server s = pull_server(9);
        s.breaks_at = APP / 3;
        s.cancel_at = at;
        struct espota_pull_state end = pull_run(b, &s, &order);
        cancelled = s.steps >= at;
        assert_int_equal(end.phase, cancelled ? ESPOTA_PULL_CANCELLED : ESPOTA_PULL_DONE);
        if (cancelled) {
            memory_board_restart(b);
            assert_int_not_equal(b->board.running->offset, IDLE);
            s.cancel_at = 0;
            end = pull_run(b, &s, &order);
            assert_int_equal(end.phase, ESPOTA_PULL_DONE);
        }
        pull_assert_there(b, &s);
        leave(b, &s);
    }
    assert_true(times > 50);
}

/* ---- the next order comes when the one before is over, and its driver not yet done with it --------------
 */

/* Memory that is given back is spoilt, and not used again. */
struct arena {
    size_t used;
    _Alignas(max_align_t) uint8_t bytes[1 << 18];
};

struct block {
    _Alignas(max_align_t) size_t length;
};

static void *arena_take(void *context, size_t length)
{
    struct arena *a = context;
    size_t whole =
        sizeof(struct block) + (length + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    assert_true(whole <= sizeof a->bytes - a->used);
    struct block *block = (struct block *)(void *)(a->bytes + a->used);
    a->used += whole;
    block->length = length;
    return block + 1;
}

static void arena_give(void *context, void *memory)
{
    (void)context;
    if (memory)
        memset(memory, 0xdd, ((struct block *)memory - 1)->length);
}

/* The first order is refused by its server; the next one is there before anybody looks. */
static struct espota_puller *between_two(struct memory_board *b, struct arena *arena,
                                         struct espota_puller_wish *first)
{
    struct espota_pull_order order = pull_order("https://server/app.bin");
    const struct espota_pull_order next = pull_order("http://server/next.bin");
    const struct espota_puller_answer none = { .status = 404 };
    struct espota_puller *p = &b->board.puller->puller;
    b->board.puller->port.context = arena;
    b->board.puller->port.allocate = arena_take;
    b->board.puller->port.release = arena_give;
    order.certificate = (const uint8_t *)"a certificate";
    order.certificate_length = 13;
    assert_int_equal(espota_puller_order(p, &order), ESPOTA_AGENT_OK);
    assert_true(espota_puller_wants(p, first));
    assert_false(espota_puller_answered(p, &none));
    assert_int_equal(p->state.phase, ESPOTA_PULL_FAILED);
    assert_int_equal(espota_puller_order(p, &next), ESPOTA_AGENT_OK);
    return p;
}

static void what_was_ordered_stays_as_long_as_it_is_used(void **state)
{
    (void)state;
    struct memory_board *b = pull_board();
    struct arena *arena = calloc(1, sizeof *arena);
    struct espota_puller_wish first, wish;
    assert_non_null(arena);
    struct espota_puller *p = between_two(b, arena, &first);
    assert_string_equal(first.url, "https://server/app.bin");
    assert_memory_equal(first.certificate, "a certificate", 14);
    espota_puller_ended(p, ESPOTA_PULLER_STOPPED);
    assert_false(espota_puller_wants(p, &wish)); /* the first one is put away */
    assert_true(espota_puller_wants(p, &wish));
    assert_string_equal(wish.url, "http://server/next.bin");
    assert_null(wish.certificate);
    sim_puller_reset(&b->board);
    memory_board_free(b);
    free(arena);
}

static void the_next_order_can_be_cancelled_at_once(void **state)
{
    (void)state;
    struct memory_board *b = pull_board();
    struct arena *arena = calloc(1, sizeof *arena);
    struct espota_puller_wish wish;
    assert_non_null(arena);
    struct espota_puller *p = between_two(b, arena, &wish);
    espota_puller_cancel(p);
    espota_puller_ended(p, ESPOTA_PULLER_STOPPED);
    assert_false(espota_puller_wants(p, &wish));
    assert_false(espota_puller_wants(p, &wish)); /* nothing of the next one is asked for */
    assert_int_equal(p->state.phase, ESPOTA_PULL_CANCELLED);
    memory_board_free(b);
    free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_no_further_is_no_progress),
        cmocka_unit_test(all_of_it_is_enough_however_it_ends),
        cmocka_unit_test(what_begins_anew_does_so_from_the_start),
        cmocka_unit_test(after_a_break_the_way_is_asked_for_anew),
        cmocka_unit_test(who_drips_is_left),
        cmocka_unit_test(who_is_slow_has_his_time),
        cmocka_unit_test(who_never_gets_to_the_point_is_left),
        cmocka_unit_test(what_is_cancelled_is_given_up_at_once),
        cmocka_unit_test(it_may_be_cancelled_anywhere),
        cmocka_unit_test(what_was_ordered_stays_as_long_as_it_is_used),
        cmocka_unit_test(the_next_order_can_be_cancelled_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
