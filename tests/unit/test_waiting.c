/* Whoever keeps espota waiting: an agent that is never done, one that says the wrong things for ever, nobody
 * at all; and a wish to stop is heard meanwhile. By a clock of the test: minutes pass in no time. */
#include "device/agent_client/client.h"

#include "espota/agent_client.h"
#include "espota/bytes.h"
#include "espota/clock.h"
#include "espota/crc32.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"
#include "espota/observer.h"
#include "espota/rom_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { LIMIT_MS = 30000, LONG_MS = 600000, SOON_MS = 60000, BREATH_MS = 5 };

static uint64_t test_ms;

static uint64_t test_now(void *context)
{
    (void)context;
    return test_ms;
}

static void test_sleep(void *context, unsigned ms)
{
    (void)context;
    test_ms += ms;
}

static const struct espota_clock test_clock = { .now_ms = test_now, .sleep_ms = test_sleep };

/* The other end: answers each request, again and again. */
struct peer {
    struct espota_link link;
    uint8_t type, status;
    uint32_t sequence_offset; /* of what it answers with */
    uint32_t sequence;
    bool silent;
};

static int peer_write(struct espota_link *link, const void *data, size_t size, struct espota_error *error)
{
    struct peer *peer = (struct peer *)link;
    (void)data;
    (void)size;
    (void)error;
    peer->sequence++;
    return 0;
}

static int peer_read(struct espota_link *link, void *buffer, size_t size, unsigned timeout_ms, size_t *got,
                     struct espota_error *error)
{
    struct peer *peer = (struct peer *)link;
    uint8_t body[64] = { ESPOTA_AGENT_MARK, (uint8_t)(peer->type | ESPOTA_AGENT_RESPONSE) };
    size_t length = ESPOTA_AGENT_HEADER_SIZE + 1;
    (void)error;
    espota_clock_sleep_ms(link->clock, peer->silent ? timeout_ms : BREATH_MS);
    if (peer->silent)
        return 0;
    espota_put_le16(body + 2, 1);
    espota_put_le32(body + 4, peer->sequence + peer->sequence_offset);
    body[ESPOTA_AGENT_HEADER_SIZE] = peer->status;
    espota_put_le32(body + length, espota_crc32(0, body, length));
    assert_true(size >= ESPOTA_SLIP_MAX_ENCODED(sizeof body));
    *got = espota_slip_encode(body, length + ESPOTA_AGENT_CRC_SIZE, buffer);
    return 0;
}

static void peer_drain(struct espota_link *link)
{
    (void)link;
}

static void peer_close(struct espota_link *link)
{
    (void)link;
}

static const struct espota_link_ops peer_ops = {
    .read = peer_read, .write = peer_write, .drain = peer_drain, .close = peer_close
};

static bool after_a_while(void *context)
{
    return test_ms >= *(uint64_t *)context;
}

/* Ask the peer; @return the status, `*took` how long that was. */
static int ask(struct peer *peer, uint64_t *stop_at, struct espota_error *error, uint64_t *took)
{
    static struct agent_client agent;
    memset(&agent, 0, sizeof agent);
    peer->link.ops = &peer_ops;
    peer->link.clock = &test_clock;
    agent.link = &peer->link;
    agent.options.work_timeout_ms = stop_at ? LONG_MS : LIMIT_MS;
    const struct espota_observer observer = { .context = stop_at, .cancelled = after_a_while };
    agent.device.observer = stop_at ? &observer : NULL;
    espota_slip_begin(&agent.decoder, agent.frame, sizeof agent.frame);
    uint64_t started = test_ms;
    int result =
        client_exchange(&agent, ESPOTA_AGENT_DIGEST, NULL, 0, stop_at ? LONG_MS : LIMIT_MS, 0, NULL, error);
    *took = test_ms - started;
    return result;
}

static void an_agent_that_works_for_ever_is_given_up(void **state)
{
    struct peer peer = { .type = ESPOTA_AGENT_DIGEST, .status = ESPOTA_AGENT_WORKING };
    struct espota_error error = { 0 };
    uint64_t took;
    (void)state;
    assert_int_equal(ask(&peer, NULL, &error, &took), ESPOTA_ERR_FAILED);
    assert_non_null(strstr(error.text, "does not finish"));
    assert_true(took < SOON_MS);
}

static void an_agent_that_answers_other_requests_for_ever_is_given_up(void **state)
{
    struct peer peer = { .type = ESPOTA_AGENT_DIGEST, .sequence_offset = 7 };
    struct espota_error error = { 0 };
    uint64_t took;
    (void)state;
    assert_int_not_equal(ask(&peer, NULL, &error, &took), 0);
    assert_true(took < SOON_MS);
}

static void a_wish_to_stop_is_heard_while_the_agent_works(void **state)
{
    struct peer peer = { .type = ESPOTA_AGENT_DIGEST, .status = ESPOTA_AGENT_WORKING };
    struct espota_error error = { 0 };
    uint64_t took, stop_at = test_ms + LIMIT_MS;
    (void)state;
    assert_int_equal(ask(&peer, &stop_at, &error, &took), ESPOTA_ERR_CANCELLED);
    assert_true(took < SOON_MS);
}

static void a_wish_to_stop_is_heard_in_silence(void **state)
{
    struct peer peer = { .silent = true };
    struct espota_error error = { 0 };
    uint64_t took, stop_at = test_ms + LIMIT_MS;
    (void)state;
    assert_int_equal(ask(&peer, &stop_at, &error, &took), ESPOTA_ERR_CANCELLED);
    assert_true(took < SOON_MS);
}

static void nobody_is_waited_for_by_the_clock_of_the_link(void **state)
{
    struct peer peer = { .link = { .ops = &peer_ops, .name = "nobody", .clock = &test_clock },
                         .silent = true };
    struct espota_agent_client_options agent = { .hello_timeout_ms = LONG_MS };
    struct espota_rom_options rom = { .attempts = 1000 };
    struct espota_device *device;
    struct espota_error error = { 0 };
    uint64_t started = test_ms, real = espota_now_ms();
    (void)state;
    assert_int_equal(espota_agent_client_open(&device, &peer.link, &agent, &error), ESPOTA_ERR_NO_DEVICE);
    assert_in_range(test_ms - started, LONG_MS, LONG_MS + 1000);
    assert_int_equal(espota_rom_open(&device, &peer.link, &rom, &error), ESPOTA_ERR_NO_DEVICE);
    assert_true(test_ms - started > 2 * LONG_MS);
    assert_true(espota_now_ms() - real < LONG_MS / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_agent_that_works_for_ever_is_given_up),
        cmocka_unit_test(an_agent_that_answers_other_requests_for_ever_is_given_up),
        cmocka_unit_test(a_wish_to_stop_is_heard_while_the_agent_works),
        cmocka_unit_test(a_wish_to_stop_is_heard_in_silence),
        cmocka_unit_test(nobody_is_waited_for_by_the_clock_of_the_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
