/* A device that hangs up before a session began: it is called again, for a while, or until somebody stops
 * that. */
#include "espota/agent_client.h"
#include "espota/clock.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_CALLS = 8, STEP_MS = 100, NEVER = INT32_MAX };

/* Somebody who takes each call and hangs up. */
struct busy {
    struct espota_link link;
    struct espota_clock clock;
    uint64_t now_ms, stop_ms;
    unsigned calls;
};

static int hang_up(struct espota_link *link, void *buffer, size_t size, unsigned timeout_ms, size_t *got,
                   struct espota_error *error)
{
    (void)buffer;
    (void)size;
    (void)timeout_ms;
    *got = 0;
    link->lost = true;
    return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "it hung up");
}

static int take(struct espota_link *link, const void *data, size_t size, struct espota_error *error)
{
    (void)link;
    (void)data;
    (void)size;
    (void)error;
    return 0;
}

static int call(struct espota_link *link, struct espota_error *error)
{
    (void)error;
    ((struct busy *)link)->calls++;
    return 0;
}

static void nothing(struct espota_link *link)
{
    (void)link;
}

static uint64_t now_of(void *context)
{
    return ((struct busy *)context)->now_ms;
}

static void pass(void *context, unsigned ms)
{
    ((struct busy *)context)->now_ms += ms;
}

static bool is_stopped(void *context)
{
    struct busy *b = context;
    return b->now_ms >= b->stop_ms;
}

/* Open a session, with Ctrl-C at a time. @return the status. */
static int open_until(struct busy *b, uint64_t stop_ms, const char *key, struct espota_error *error)
{
    static const struct espota_link_ops ops = {
        .read = hang_up, .write = take, .call_again = call, .drain = nothing, .close = nothing
    };
    const struct espota_agent_client_options options = { .key = (const uint8_t *)key,
                                                         .key_length = key ? strlen(key) : 0 };
    struct espota_device *device = NULL;
    *b = (struct busy){ .stop_ms = stop_ms };
    b->clock = (struct espota_clock){ .context = b, .now_ms = now_of, .sleep_ms = pass };
    b->link.ops = &ops;
    b->link.clock = &b->clock;
    b->link.cancelled = is_stopped;
    b->link.cancelled_context = b;
    strcpy(b->link.name, "busy");
    int result = espota_agent_client_open(&device, &b->link, &options, error);
    assert_null(device);
    return result;
}

static void it_is_called_again_for_a_while(void **state)
{
    (void)state;
    struct busy b;
    struct espota_error error;
    assert_int_equal(open_until(&b, NEVER, "a key", &error), ESPOTA_ERR_NO_DEVICE);
    assert_int_equal(b.calls, MOST_CALLS);
    assert_int_equal(open_until(&b, NEVER, NULL, &error), ESPOTA_ERR_NO_DEVICE);
    assert_int_equal(b.calls, 0); /* who has no key found no place that was taken */
}

static void who_stops_that_does_not_wait(void **state)
{
    (void)state;
    for (unsigned stop_ms = 30; stop_ms < 5000; stop_ms += 70) {
        struct busy b;
        struct espota_error error;
        assert_int_equal(open_until(&b, stop_ms, "a key", &error), ESPOTA_ERR_CANCELLED);
        assert_in_range(b.now_ms, stop_ms, stop_ms + STEP_MS);
        assert_non_null(strstr(error.text, "stopped on request"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_called_again_for_a_while),
        cmocka_unit_test(who_stops_that_does_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
