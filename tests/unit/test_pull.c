/* A device that fetches by itself, without a network: what a server says is given to its puller here. */
#include "espota/bytes.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/pull.h"
#include "puller_private.h"

#include "fixtures/memory_board.h"
#include "pull_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- orders, states -------------------------------------------------------------------------------------
 */

static void orders_are_what_was_ordered(void **state)
{
    (void)state;
    uint8_t data[ESPOTA_PULL_LONGEST];
    struct espota_pull_order order = pull_order("https://server/app.bin?x=1"), back;
    order.certificate = (const uint8_t *)"a certificate";
    order.certificate_length = 13;
    order.trial = order.sidecar = order.has_sha256 = true;
    order.size = 123456;
    memset(order.sha256, 7, sizeof order.sha256);
    size_t length = espota_pull_order_format(&order, data);
    assert_int_equal(length, ESPOTA_PULL_HEAD + 26 + 13);
    assert_true(espota_pull_order_parse(&back, data, length));
    assert_memory_equal(back.url, order.url, order.url_length);
    assert_memory_equal(back.certificate, order.certificate, 13);
    assert_true(back.trial && back.sidecar && back.has_sha256 && !back.restart && !back.factory &&
                !back.has_md5);
    assert_int_equal(back.size, 123456);
    assert_memory_equal(back.sha256, order.sha256, sizeof back.sha256);
    for (size_t cut = 0; cut < length; cut++)
        assert_false(espota_pull_order_parse(&back, data, cut));
    data[0] = 2;
    assert_false(espota_pull_order_parse(&back, data, length));
}

static void what_is_no_url_is_not_ordered(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           "http://",        "ftp://server/x", "https:///x", "http//server",
        "http://a b", "http://a\r\nX:", "file:///x",      "http://?x",  "httpss://x"
    };
    static const char scheme[] = { 'h', 't', 't', 'p', ':', '/', '/' };
    char longest[ESPOTA_PULL_URL + 2];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(espota_pull_is_url(bad[i], strlen(bad[i])));
    memset(longest, 'x', sizeof longest);
    memcpy(longest, scheme, sizeof scheme);
    assert_true(espota_pull_is_url(longest, ESPOTA_PULL_URL));
    assert_false(espota_pull_is_url(longest, ESPOTA_PULL_URL + 1));
    assert_true(espota_pull_is_url("HTTPS://server", 14) && espota_pull_is_https("HTTPS://server", 14));
}

static void states_are_what_was_told(void **state)
{
    (void)state;
    uint8_t data[ESPOTA_PULL_STATE], again[ESPOTA_PULL_STATE];
    struct espota_pull_state
        told = { ESPOTA_PULL_FAILED, ESPOTA_PULL_AGENT, 11, true, false, 206, 3, 4, 5, 6, 7, 7, { 9 } },
        back;
    espota_pull_state_format(&told, data);
    assert_true(espota_pull_state_parse(&back, data));
    espota_pull_state_format(&back, again);
    assert_memory_equal(data, again, sizeof again);
    assert_int_equal(back.status, 11);
    assert_int_equal(back.kept, 7);
    data[0] = ESPOTA_PULL_CANCELLED + 1;
    assert_false(espota_pull_state_parse(&back, data));
    data[0] = 0;
    data[1] = ESPOTA_PULL_REASONS;
    assert_false(espota_pull_state_parse(&back, data));
}

/* ---- what servers say -----------------------------------------------------------------------------------
 */

static void redirects_lead_where_they_may(void **state)
{
    (void)state;
    static const struct {
        const char *from, *location, *to; /* NULL: nowhere */
    } cases[] = {
        { "http://a/b/c?d", "http://e/f", "http://e/f" },
        { "http://a/b/c?d", "/f", "http://a/f" },
        { "http://a/b/c?d", "f", "http://a/b/f" },
        { "http://a/b/c?d", "?f", "http://a/b/c?f" },
        { "http://a/b/c?d", "//e/f", "http://e/f" },
        { "https://a/b", "//e/f", "https://e/f" },
        { "http://a", "f", "http://a/f" },
        { "http://a?x", "/f", "http://a/f" },
        { "http://u:p@a:80/b", "/f#g", "http://u:p@a:80/f" },
        { "http://a/b", "https://e/f", "https://e/f" },
        { "https://a/b", "http://a/b", NULL },
        { "http://a/b", "ftp://a/b", NULL },
        { "http://a/b", "file:///etc/passwd", NULL },
        { "http://a/b", "", NULL },
        { "http://a/b", "/x y", NULL },
        { "http://a/b", "http:///x", NULL },
    };
    char url[ESPOTA_PULL_URL + 1], far[2 * ESPOTA_PULL_URL];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        strcpy(url, cases[i].from);
        assert_int_equal(puller_redirect(url, cases[i].location), cases[i].to != NULL);
        if (cases[i].to)
            assert_string_equal(url, cases[i].to);
    }
    memset(far, 'x', sizeof far - 1);
    far[sizeof far - 1] = '\0';
    strcpy(url, "http://a/b");
    assert_false(puller_redirect(url, far));
}

static void parts_are_what_they_say(void **state)
{
    (void)state;
    uint32_t first, last, total;
    static const char *const bad[] = { "",
                                       "bytes",
                                       "bytes 1-2/*",
                                       "bytes */5",
                                       "bytes 3-2/5",
                                       "bytes 1-5/5",
                                       "bytes 1-2/5x",
                                       "items 1-2/5",
                                       "bytes 1-2/99999999999",
                                       "bytes -1-2/5" };
    assert_true(puller_parse_range(" bytes 100-199/200 ", &first, &last, &total));
    assert_int_equal(first, 100);
    assert_int_equal(last, 199);
    assert_int_equal(total, 200);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(puller_parse_range(bad[i], &first, &last, &total));
}

static void a_sidecar_lies_before_the_query(void **state)
{
    (void)state;
    char url[ESPOTA_PULL_URL + 1] = "http://a/b.bin?c#d";
    assert_true(puller_sidecar_url(url));
    assert_string_equal(url, "http://a/b.bin.md5?c#d");
    puller_cut_query(url);
    assert_string_equal(url, "http://a/b.bin.md5");
    memset(url, 'x', ESPOTA_PULL_URL);
    url[ESPOTA_PULL_URL] = '\0';
    assert_false(puller_sidecar_url(url));
}

/* ---- whole pulls ----------------------------------------------------------------------------------------
 */

static void who_asks_is_what_the_url_says(void **state)
{
    (void)state;
    static const struct {
        const char *url, *who;
    } cases[] = {
        { "http://server/app.bin", "" },
        { "http://server/a@b", "" },
        { "http://server?u=a@b", "" },
        { "http://@server/", ":" },
        { "http://user@server/", "user:" },
        { "http://user:pass@server:80/app.bin", "user:pass" },
        { "https://us%40er:p%3a%2Fs@server", "us@er:p:/s" },
        { "http://a@b:c@server/", "a@b:c" },
        { "http://user:100%@server/", "" },
        { "http://user:1%4@server/", "" },
        { "http://user:%zz@server/", "" },
        { "http://user:0123456789abcdef@server/", "" }, /* no room */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[16];
        size_t length = espota_puller_credentials(cases[i].url, out, sizeof out);
        assert_int_equal(length, strlen(cases[i].who));
        assert_memory_equal(out, cases[i].who, length);
    }
}

static void an_image_comes_in_any_pieces(void **state)
{
    (void)state;
    static const size_t pieces[] = { 1, 7, 287, 288, 289, 1024, 4096, 5000, 1 << 20 };
    const struct espota_pull_order order = pull_order("http://server/app.bin");
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct memory_board *b = pull_board();
        struct pull_server s = pull_server(9);
        s.piece = pieces[i];
        struct espota_pull_state end = pull_run(b, &s, &order);
        uint8_t sha256[ESPOTA_SHA256_LENGTH];
        assert_int_equal(end.phase, ESPOTA_PULL_DONE);
        assert_int_equal(end.total, s.file.size);
        assert_int_equal(espota_sha256(s.file.data, s.file.size, sha256), 0);
        assert_memory_equal(end.sha256, sha256, sizeof sha256);
        pull_assert_there(b, &s);
        espota_bytes_free(&s.file);
        memory_board_free(b);
    }
}

static void a_connection_may_break_anywhere(void **state)
{
    (void)state;
    static const uint32_t breaks[] = { 17000, 20480, 24576, 40000, 149999 };
    const struct espota_pull_order order = pull_order("http://server/app.bin");
    for (size_t i = 0; i < 2 * sizeof breaks / sizeof breaks[0]; i++) {
        struct memory_board *b = pull_board();
        struct pull_server s = pull_server(9);
        s.breaks_at = breaks[i / 2];
        s.other_part = i % 2;
        struct espota_pull_state end = pull_run(b, &s, &order);
        assert_true(s.parts > 0);
        if (!s.other_part) {
            assert_int_equal(end.phase, ESPOTA_PULL_DONE);
            pull_assert_there(b, &s);
        } else { /* one that never says which part it sends */
            assert_int_equal(end.phase, ESPOTA_PULL_FAILED);
            assert_int_equal(end.reason, ESPOTA_PULL_ANSWER);
            memory_board_restart(b);
            assert_int_not_equal(b->board.running->offset, IDLE);
        }
        espota_bytes_free(&s.file);
        memory_board_free(b);
    }
}

static void what_was_expected_has_to_come(void **state)
{
    (void)state;
    static const enum espota_pull_reason reasons[] = { ESPOTA_PULL_SHA256, ESPOTA_PULL_MD5,
                                                       ESPOTA_PULL_LENGTH };
    for (unsigned i = 0; i < 6; i++) {
        struct memory_board *b = pull_board();
        struct pull_server s = pull_server(9);
        struct espota_pull_order order = pull_order("http://server/app.bin");
        bool right = i >= 3;
        order.has_sha256 = i % 3 == 0;
        order.has_md5 = i % 3 == 1;
        order.size = i % 3 == 2 ? (uint32_t)s.file.size - !right : 0;
        if (right) {
            assert_int_equal(espota_sha256(s.file.data, s.file.size, order.sha256), 0);
            assert_int_equal(espota_md5(s.file.data, s.file.size, order.md5), 0);
        }
        struct espota_pull_state end = pull_run(b, &s, &order);
        assert_int_equal(end.phase, right ? ESPOTA_PULL_DONE : ESPOTA_PULL_FAILED);
        assert_int_equal(end.reason, right ? ESPOTA_PULL_NO_REASON : reasons[i]);
        assert_int_equal(s.asked, 1);
        memory_board_restart(b);
        assert_int_equal(b->board.running->offset == IDLE, right);
        espota_bytes_free(&s.file);
        memory_board_free(b);
    }
}

/* The power fails at each flash operation. What boots then is what ran, or all of the new image, and the next
 * run has all of it, the later the cut with the fewer bytes. */
static void the_power_may_fail_anywhere(void **state)
{
    (void)state;
    enum { STEP = 5 };
    const struct espota_pull_order order = pull_order("http://server/app.bin");
    struct pull_server s = pull_server(9);
    uint64_t least = UINT64_MAX;
    for (uint64_t cut = 1;; cut += STEP) {
        struct memory_board *b = pull_board();
        b->flash.cut = cut % 2 ? SIM_CUT_TORN : SIM_CUT_BITS;
        b->flash.cut_at = b->flash.operations + cut;
        struct espota_pull_state end = pull_run(b, &s, &order);
        bool over = end.phase == ESPOTA_PULL_DONE;
        b->flash.cut = SIM_CUT_NONE;
        memory_board_restart(b);
        assert_int_equal(b->board.state, SIM_RUNNING);
        if (b->board.running->offset == IDLE) {
            assert_memory_equal(b->flash.data + IDLE, s.file.data, s.file.size);
        } else {
            end = pull_run(b, &s, &order);
            assert_int_equal(end.phase, ESPOTA_PULL_DONE);
            pull_assert_there(b, &s);
            least = s.sent < least ? s.sent : least;
        }
        memory_board_free(b);
        if (over)
            break;
    }
    assert_true(least < 20000); /* two sectors, and what the first one took */
    espota_bytes_free(&s.file);
}

/* What lies in the slot begins as the image does, and goes on otherwise. */
static void what_was_kept_wrongly_comes_anew(void **state)
{
    (void)state;
    const struct espota_pull_order order = pull_order("http://server/app.bin");
    for (unsigned ranges = 0; ranges < 2; ranges++) {
        struct memory_board *b = pull_board();
        struct pull_server s = pull_server(9);
        s.no_ranges = ranges == 0;
        memcpy(b->flash.data + IDLE, s.file.data, s.file.size);
        memset(b->flash.data + IDLE + 40000, 0, 100);
        struct espota_pull_state end = pull_run(b, &s, &order);
        assert_int_equal(end.phase, ESPOTA_PULL_DONE);
        assert_int_equal(end.kept, 0);
        pull_assert_there(b, &s);
        espota_bytes_free(&s.file);
        memory_board_free(b);
    }
}

/* While it fetches, nothing else is changed; what a session knew of flash is forgotten. */
static void two_at_a_time_do_not_write(void **state)
{
    (void)state;
    const struct espota_pull_order order = pull_order("http://server/app.bin");
    struct memory_board *b = pull_board();
    struct espota_puller *p = &b->board.puller->puller;
    struct espota_puller_wish wish;
    assert_int_equal(espota_puller_order(p, &order), ESPOTA_AGENT_OK);
    assert_int_equal(espota_puller_order(p, &order), ESPOTA_AGENT_PULLING);
    assert_true(espota_puller_wants(p, &wish));
    espota_puller_cancel(p);
    espota_puller_ended(p, ESPOTA_PULLER_STOPPED);
    assert_false(espota_puller_wants(p, &wish));
    assert_int_equal(p->state.phase, ESPOTA_PULL_CANCELLED);
    b->board.agent.update.open = true; /* a host is at it */
    assert_int_equal(espota_puller_order(p, &order), ESPOTA_AGENT_ORDER);
    memory_board_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_are_what_was_ordered),     cmocka_unit_test(what_is_no_url_is_not_ordered),
        cmocka_unit_test(states_are_what_was_told),        cmocka_unit_test(redirects_lead_where_they_may),
        cmocka_unit_test(parts_are_what_they_say),         cmocka_unit_test(a_sidecar_lies_before_the_query),
        cmocka_unit_test(who_asks_is_what_the_url_says),   cmocka_unit_test(an_image_comes_in_any_pieces),
        cmocka_unit_test(a_connection_may_break_anywhere), cmocka_unit_test(what_was_expected_has_to_come),
        cmocka_unit_test(the_power_may_fail_anywhere),     cmocka_unit_test(what_was_kept_wrongly_comes_anew),
        cmocka_unit_test(two_at_a_time_do_not_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
