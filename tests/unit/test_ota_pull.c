/* A host that has a device fetch an image: what it says in the end is what it knows. The device says what it
 * is told to here. */
#include "espota/agent_client.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/ota_pull.h"

#include "pull_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { RUNNING = 0x10000, OTADATA = 0xd000, SAYS = 4 };

/* What it says one after the other, the last again and again. */
struct says {
    enum espota_status status; /* in place of a state */
    enum espota_pull_phase phase;
    uint32_t offset;
    bool in_words; /* why it failed, as an error of its own */
};

struct script {
    struct espota_device_ops ops; /* of its device */
    struct says says[SAYS];
    enum espota_pull_phase before; /* of what was ordered once */
    enum espota_status refuses;    /* the order */
    bool restart;
    bool stops; /* somebody pressed Ctrl-C once the order was given */
    bool ordered;
    uint32_t number;
    unsigned asked, told; /* how it goes; to stop */
};

static struct script *script_of(const struct espota_device *device)
{
    return (struct script *)(uintptr_t)device->ops; /* its first member */
}

static int start_as_told(struct espota_device *device, const struct espota_pull_order *order, uint32_t number,
                         struct espota_error *error)
{
    struct script *s = script_of(device);
    (void)order;
    s->number = number;
    s->ordered = true;
    return s->refuses ? espota_fail(error, s->refuses, "no order") : 0;
}

static int say_as_told(struct espota_device *device, bool cancel, struct espota_pull_state *state,
                       struct espota_error *error)
{
    struct script *s = script_of(device);
    *state = (struct espota_pull_state){ .phase = s->before };
    if (!s->ordered)
        return 0;
    s->told += cancel;
    const struct says *now = &s->says[s->asked < SAYS - 1 ? s->asked : SAYS - 1];
    s->asked++;
    if (now->status != ESPOTA_OK)
        return espota_fail(error, now->status, "no answer");
    *state = (struct espota_pull_state){
        .phase = now->phase, .number = s->number, .restart = s->restart, .total = APP, .offset = now->offset
    };
    return now->in_words ? espota_fail(error, ESPOTA_ERR_TOO_BIG, "it is too large") : 0;
}

static int find_nobody(struct espota_device *device, struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "%s is gone", device->name);
}

static bool is_stopped(void *context)
{
    const struct script *s = context;
    return s->stops && s->ordered;
}

/* @return the status of `ota --pull` of a device that says so. */
static int pull_as(struct script *s, struct espota_ota_pull_result *result, struct espota_error *error)
{
    struct memory_board *b = pull_board();
    struct espota_device *device = NULL;
    const struct espota_agent_client_options options = { .hello_timeout_ms = 50 };
    const struct espota_observer observer = { .context = s, .cancelled = is_stopped };
    const struct espota_ota_pull_request request = { .name = "new.bin",
                                                     .order = pull_order("http://server/new.bin") };
    assert_int_equal(espota_agent_client_open(&device, &b->link, &options, error), 0);
    const struct espota_device_ops *ops = device->ops;
    s->ops = *ops;
    s->ops.pull_start = start_as_told;
    s->ops.pull_state = say_as_told;
    s->ops.recover = find_nobody;
    device->ops = &s->ops;
    device->observer = &observer;
    int outcome = espota_ota_pull(device, &request, result, error);
    device->ops = ops;
    device->observer = NULL;
    espota_device_close(device);
    memory_board_free(b);
    return outcome;
}

/* It ends so, and says, and does not say. */
static void assert_ends(struct script s, enum espota_status status, const char *text, const char *never)
{
    struct espota_ota_pull_result result;
    struct espota_error error = { 0 };
    assert_int_equal(pull_as(&s, &result, &error), status);
    if (!strstr(error.text, text) || strstr(error.text, never))
        fail_msg("\"%s\" in place of \"%s\", never \"%s\"", error.text, text, never);
    assert_int_equal(s.told, s.stops ? 1 : 0);
}

/* The same each time that it is asked. */
static struct script always(struct says says)
{
    return (struct script){ .says = { says, says, says, says } };
}

static const char unchanged[] = "what boots is as it was", unknown[] = "is not known";

static void what_is_done_boots(void **state)
{
    (void)state;
    struct espota_ota_pull_result result;
    struct espota_error error = { 0 };
    struct script s = always((struct says){ .phase = ESPOTA_PULL_DONE, .offset = IDLE });
    assert_int_equal(pull_as(&s, &result, &error), 0);
    assert_string_equal(result.from.label, "MicroPython_1");
    assert_string_equal(result.to.label, "MicroPython_2");
}

static void an_image_where_no_app_goes_is_none(void **state)
{
    (void)state;
    static const uint32_t offsets[] = { 0, RUNNING, OTADATA, IDLE + 1, 0xfffff000 };
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++)
        assert_ends(always((struct says){ .phase = ESPOTA_PULL_DONE, .offset = offsets[i] }),
                    ESPOTA_ERR_DEVICE, "where no app goes", unchanged);
}

static void who_stops_it_too_late_is_told(void **state)
{
    (void)state;
    const struct says busy = { .phase = ESPOTA_PULL_VERIFYING },
                      done = { .phase = ESPOTA_PULL_DONE, .offset = IDLE };
    struct script s = always(done);
    s.stops = true;
    assert_ends(s, ESPOTA_ERR_CANCELLED, "it boots next", unchanged);
    assert_ends(s, ESPOTA_ERR_CANCELLED, "it boots next", "by itself");
    s.restart = true;
    assert_ends(s, ESPOTA_ERR_CANCELLED, "restarts by itself", unchanged);
    s.says[0] = s.says[1] = busy; /* it hears of it when nothing can stop it any more */
    assert_ends(s, ESPOTA_ERR_CANCELLED, "it boots next", unchanged);
}

static void who_stops_it_in_time_is_told(void **state)
{
    (void)state;
    struct script s = always((struct says){ .phase = ESPOTA_PULL_CANCELLED });
    s.stops = true;
    assert_ends(s, ESPOTA_ERR_CANCELLED, unchanged, unknown);
    s.says[0].phase = ESPOTA_PULL_FETCHING;
    assert_ends(s, ESPOTA_ERR_CANCELLED, "was told to stop", unknown);
    for (unsigned i = 1; i < SAYS; i++)
        s.says[i].phase = ESPOTA_PULL_FETCHING; /* and it does not stop */
    assert_ends(s, ESPOTA_ERR_CANCELLED, unknown, unchanged);
}

static void what_nobody_heard_is_not_known(void **state)
{
    (void)state;
    struct script s = always((struct says){ .status = ESPOTA_ERR_TIMEOUT });
    assert_ends(s, ESPOTA_ERR_TIMEOUT, unknown, unchanged);
    s.stops = true;
    assert_ends(s, ESPOTA_ERR_CANCELLED, "may go on by itself", unchanged);
    s = always((struct says){ .phase = ESPOTA_PULL_NONE }); /* it was restarted */
    assert_ends(s, ESPOTA_ERR_DEVICE, unknown, unchanged);
    s = always((struct says){ .phase = ESPOTA_PULL_FAILED });
    assert_ends(s, ESPOTA_ERR_DEVICE, unchanged, unknown);
}

/* An order that was not answered may have been heard. */
static void what_was_ordered_in_vain_is_told(void **state)
{
    (void)state;
    struct script s = always((struct says){ .phase = ESPOTA_PULL_DONE, .offset = IDLE });
    s.refuses = ESPOTA_ERR_DEVICE;
    assert_ends(s, ESPOTA_ERR_DEVICE, unchanged, unknown);
    s.refuses = ESPOTA_ERR_TIMEOUT;
    for (unsigned i = 0; i < 2; i++) {
        assert_ends(s, ESPOTA_ERR_TIMEOUT, unknown, unchanged);
        s.before = ESPOTA_PULL_FAILED;
    }
}

static void what_it_says_in_words_is_an_answer(void **state)
{
    (void)state;
    struct script s = always((struct says){ .phase = ESPOTA_PULL_FAILED, .in_words = true });
    assert_ends(s, ESPOTA_ERR_TOO_BIG, unchanged, unknown);
    s.stops = true;
    assert_ends(s, ESPOTA_ERR_CANCELLED, unchanged, "does not answer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_done_boots),
        cmocka_unit_test(an_image_where_no_app_goes_is_none),
        cmocka_unit_test(who_stops_it_too_late_is_told),
        cmocka_unit_test(who_stops_it_in_time_is_told),
        cmocka_unit_test(what_nobody_heard_is_not_known),
        cmocka_unit_test(what_was_ordered_in_vain_is_told),
        cmocka_unit_test(what_it_says_in_words_is_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
