/* Many devices at once: how many at a time, who waits for whom, what is counted. */
#include "espota/error.h"
#include "espota/fleet.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { MANY = 200 };

struct rack {
    atomic_uint at_work, most_at_work, begun;
    bool fails[MANY], slow[MANY];
    int status;          /* of those that fail; 0: each another one */
    unsigned hold_until; /* work until so many have begun */
    atomic_bool stop;
    unsigned ended, of_ended[MANY];
    int results[MANY];
    pthread_t caller;
    bool other_thread;
};

static void pause_ms(long ms)
{
    struct timespec time = { 0, ms * 1000000 };
    nanosleep(&time, NULL);
}

static int work(void *context, size_t device, struct espota_error *error)
{
    struct rack *rack = context;
    unsigned now = ++rack->at_work, most = rack->most_at_work;
    rack->begun++;
    while (now > most && !atomic_compare_exchange_weak(&rack->most_at_work, &most, now))
        ;
    while (rack->begun < rack->hold_until)
        pause_ms(1);
    pause_ms(rack->slow[device] ? 60 : 1);
    rack->at_work--;
    if (!rack->fails[device])
        return 0;
    int status = rack->status ? rack->status : device % 2 ? ESPOTA_ERR_VERIFY : ESPOTA_ERR_NO_DEVICE;
    return espota_fail(error, status, "device %zu failed", device);
}

static void ended(void *context, size_t device, int result, const struct espota_error *error)
{
    struct rack *rack = context;
    rack->results[device] = result;
    rack->of_ended[rack->ended++] = (unsigned)device;
    rack->other_thread = rack->other_thread || !pthread_equal(pthread_self(), rack->caller);
    if (result != 0) {
        char expected[40];
        snprintf(expected, sizeof expected, "device %zu failed", device);
        assert_string_equal(error->text, expected);
    }
}

static bool cancelled(void *context)
{
    struct rack *rack = context;
    return rack->stop;
}

static struct espota_fleet_result run(struct rack *rack, size_t count, unsigned jobs, size_t canaries)
{
    struct espota_fleet_request request = { count, jobs, canaries, rack, work, ended, cancelled };
    struct espota_fleet_result result;
    struct espota_error error;
    rack->caller = pthread_self();
    assert_int_equal(espota_fleet_run(&request, &result, &error), 0);
    assert_int_equal(result.done + result.failed, rack->ended);
    assert_int_equal(result.done + result.failed + result.not_begun, count);
    assert_int_equal(rack->begun, rack->ended);
    assert_false(rack->other_thread);
    return result;
}

static void all_are_done(void **state)
{
    (void)state;
    struct rack rack = { .hold_until = MANY };
    struct espota_fleet_result result = run(&rack, MANY, 0, 0);
    assert_int_equal(result.done, MANY);
    assert_int_equal(result.status, 0);
    assert_int_equal(rack.most_at_work, MANY); /* or they would have waited for ever */
}

static void no_more_than_asked_at_a_time(void **state)
{
    (void)state;
    struct rack rack = { 0 };
    struct espota_fleet_result result = run(&rack, 50, 7, 0);
    assert_int_equal(result.done, 50);
    assert_in_range(rack.most_at_work, 2, 7);
}

static void who_fails_or_is_slow_holds_back_nobody(void **state)
{
    (void)state;
    struct rack rack = { 0 };
    for (unsigned i = 0; i < 20; i++)
        rack.fails[i * 10] = true;
    rack.slow[0] = true;
    struct espota_fleet_result result = run(&rack, MANY, 32, 0);
    assert_int_equal(result.done, 180);
    assert_int_equal(result.failed, 20);
    assert_int_equal(rack.of_ended[0] != 0, 1);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(rack.results[i] != 0, rack.fails[i]);
}

static void the_status_is_theirs_when_they_agree(void **state)
{
    (void)state;
    struct rack agree = { .status = ESPOTA_ERR_VERIFY }, differ = { 0 };
    agree.fails[1] = agree.fails[2] = differ.fails[1] = differ.fails[2] = true;
    assert_int_equal(run(&agree, 5, 0, 0).status, ESPOTA_ERR_VERIFY);
    assert_int_equal(run(&differ, 5, 0, 0).status, ESPOTA_ERR_FAILED);
}

static void canaries_are_first(void **state)
{
    (void)state;
    struct rack good = { 0 }, bad = { 0 };
    good.slow[1] = bad.slow[1] = true;
    bad.fails[0] = true;
    struct espota_fleet_result result = run(&good, 30, 0, 3);
    assert_int_equal(result.done, 30);
    for (unsigned i = 0; i < 3; i++)
        assert_in_range(good.of_ended[i], 0, 2);
    result = run(&bad, 30, 0, 3);
    assert_int_equal(result.done, 2);
    assert_int_equal(result.failed, 1);
    assert_int_equal(result.not_begun, 27);
    assert_int_equal(result.status, ESPOTA_ERR_NO_DEVICE);
}

static void canaries_may_be_all(void **state)
{
    (void)state;
    struct rack rack = { 0 };
    assert_int_equal(run(&rack, 3, 0, 100).done, 3);
}

static void none_begins_after_cancelling(void **state)
{
    (void)state;
    struct rack rack = { .stop = true };
    struct espota_fleet_result result = run(&rack, 10, 0, 0);
    assert_int_equal(result.not_begun, 10);
    assert_int_equal(result.status, ESPOTA_ERR_FAILED);
}

static void of_nothing_nothing_is_done(void **state)
{
    (void)state;
    struct rack rack = { 0 };
    assert_int_equal(run(&rack, 0, 0, 5).status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_done),
        cmocka_unit_test(no_more_than_asked_at_a_time),
        cmocka_unit_test(who_fails_or_is_slow_holds_back_nobody),
        cmocka_unit_test(the_status_is_theirs_when_they_agree),
        cmocka_unit_test(canaries_are_first),
        cmocka_unit_test(canaries_may_be_all),
        cmocka_unit_test(none_begins_after_cancelling),
        cmocka_unit_test(of_nothing_nothing_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
