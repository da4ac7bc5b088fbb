/* The agent at the other end of a line: where it is on the network, how the line is kept full, and what
 * faults cost. */
#include "espota/agent_client.h"
#include "espota/device.h"
#include "espota/digest.h"
#include "espota/error.h"

#include "fixtures/keyed_board.h"
#include "fixtures/slow_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void a_host_becomes_an_address(void **state)
{
    (void)state;
    static const struct {
        const char *host, *address;
    } cases[] = {
        { "board.local", "tcp://board.local:3232" },
        { "board.local:99", "tcp://board.local:99" },
        { "192.0.2.7", "tcp://192.0.2.7:3232" },
        { "::1", "tcp://[::1]:3232" },
        { "fe80::1%lo", "tcp://[fe80::1%lo]:3232" },
        { "[::1]", "tcp://[::1]:3232" },
        { "[::1]:99", "tcp://[::1]:99" },
        { "", "tcp://:3232" },
        { ":", "tcp://:" },
        { "[", "tcp://[:3232" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char address[64];
        struct espota_error error;
        assert_int_equal(espota_agent_client_address(cases[i].host, address, sizeof address, &error), 0);
        assert_string_equal(address, cases[i].address);
    }
}

static void one_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    char address[24];
    struct espota_error error;
    assert_int_equal(espota_agent_client_address("a-name-of-twenty-bytes", address, sizeof address, &error),
                     ESPOTA_ERR_USAGE);
    assert_non_null(strstr(error.text, "too long"));
}

/* ---- many requests under way ----------------------------------------------------------------------------
 */

enum { APP = 0x10000, SECTOR = 4096, RATE = 11520 };

struct rig {
    struct memory_board *board;
    struct slow_line *line;
    struct espota_device *device;
};

static void set_up(struct rig *rig, bool keyed, unsigned latency_ms, uint32_t rate)
{
    struct espota_agent_client_options options = { .key = keyed ? DEVICE_KEY : NULL,
                                                   .key_length = keyed ? KEY : 0 };
    struct espota_error error = { 0 };
    rig->board = keyed ? keyed_board() : memory_board_running(false);
    rig->line = slow_line(rig->board, latency_ms, rate);
    for (size_t i = 0; i < MiB(1); i++)
        rig->board->flash.data[APP + 65536 + i] = (uint8_t)(i * 31 + (i >> 9));
    if (espota_agent_client_open(&rig->device, &rig->line->link, &options, &error) != 0)
        fail_msg("%s", error.text);
}

static void tear_down(struct rig *rig)
{
    espota_device_close(rig->device);
    slow_line_free(rig->line);
    memory_board_free(rig->board);
}

static uint64_t elapsed_ms(const struct rig *rig, uint64_t since_us)
{
    return (rig->line->now_us - since_us) / 1000;
}

static void reads_keep_a_line_with_latency_full(void **state)
{
    (void)state;
    enum { LENGTH = 300000 };
    static uint8_t data[LENGTH];
    for (int keyed = 0; keyed < 2; keyed++) {
        struct rig rig;
        struct espota_error error = { 0 };
        set_up(&rig, keyed, 50, RATE);
        uint64_t since = rig.line->now_us;
        assert_int_equal(espota_device_read(rig.device, APP, data, LENGTH, &error), 0);
        assert_memory_equal(data, rig.board->flash.data + APP, LENGTH);
        assert_in_range(elapsed_ms(&rig, since), 0, 1.06 * 1000 * LENGTH / RATE);
        tear_down(&rig);
    }
}

static void ranges_are_asked_for_before_the_first_is_answered(void **state)
{
    (void)state;
    enum { COUNT = 40 };
    static uint8_t data[COUNT][SECTOR / 4];
    struct espota_read read[COUNT];
    struct espota_extent extent[COUNT];
    uint8_t digests[COUNT * 32], expected[32];
    struct rig rig;
    struct espota_error error = { 0 };
    set_up(&rig, false, 50, 0);
    for (uint32_t i = 0; i < COUNT; i++) {
        extent[i] = (struct espota_extent){ APP + i * 2 * SECTOR, SECTOR };
        read[i] = (struct espota_read){ extent[i].offset + 7 * i, sizeof data[i], data[i] };
    }
    uint64_t since = rig.line->now_us;
    assert_int_equal(espota_device_reads(rig.device, read, COUNT, &error), 0);
    assert_int_equal(espota_device_digests_of(rig.device, extent, COUNT, SECTOR, digests, &error), 0);
    for (size_t i = 0; i < COUNT; i++) {
        assert_memory_equal(data[i], rig.board->flash.data + read[i].offset, sizeof data[i]);
        assert_int_equal(espota_sha256(rig.board->flash.data + extent[i].offset, SECTOR, expected), 0);
        assert_memory_equal(digests + i * 32, expected, sizeof expected);
    }
    /* 80 requests, four at a time: 20 round trips, where one by one they were 80 */
    assert_in_range(elapsed_ms(&rig, since), 0, 21 * 100);
    tear_down(&rig);
}

/* More never waits for a busy device than it said it has room for. */
static void a_busy_device_is_not_flooded(void **state)
{
    (void)state;
    static uint8_t data[100000];
    struct rig rig;
    struct espota_error error = { 0 };
    set_up(&rig, false, 5, 0);
    rig.line->busy_us = 20000;
    assert_int_equal(espota_device_read(rig.device, APP, data, sizeof data, &error), 0);
    assert_in_range(rig.line->most_frames, 2, rig.board->board.agent_config.window);
    tear_down(&rig);
}

static void faults_cost_time_and_nothing_else(void **state)
{
    (void)state;
    static const struct slow_faults faults[] = {
        { .drop = 50 }, { .flip = 50 }, { .duplicate = 50 }, { 30, 30, 30 }, { .drop = 300 },
    };
    static uint8_t data[200000], digests[256 * 32], expected[32];
    for (size_t i = 0; i < 2 * sizeof faults / sizeof faults[0]; i++) {
        struct rig rig;
        struct espota_error error = { 0 };
        set_up(&rig, i % 2, 10, RATE * 8);
        rig.line->faults = faults[i / 2];
        uint64_t since = rig.line->now_us;
        memset(data, 0, sizeof data);
        assert_int_equal(espota_device_read(rig.device, APP, data, sizeof data, &error), 0);
        assert_memory_equal(data, rig.board->flash.data + APP, sizeof data);
        assert_int_equal(espota_device_digests(rig.device, APP, MiB(1), SECTOR, digests, &error), 0);
        for (unsigned k = 0; k < 256; k++) {
            assert_int_equal(espota_sha256(rig.board->flash.data + APP + k * SECTOR, SECTOR, expected), 0);
            assert_memory_equal(digests + k * 32, expected, sizeof expected);
        }
        /* as long as the answers need, and a wait for each time that everything under way got lost */
        assert_in_range(elapsed_ms(&rig, since), 0, faults[i / 2].drop == 300 ? 120000 : 20000);
        tear_down(&rig);
    }
}

/* All is lost until the host has waited for two seconds. */
static bool clean_later(void *context)
{
    struct slow_line *line = context;
    if (line->faults.drop == 1000 && line->now_us > 20 * 1000000)
        line->faults.drop = 0;
    return false;
}

/* A full window, and silence: a question that is asked then takes no other's place. */
static void no_window_is_too_large(void **state)
{
    (void)state;
    static uint8_t data[300000];
    struct rig rig;
    struct espota_error error = { 0 };
    set_up(&rig, false, 10, 0);
    espota_device_close(rig.device);
    rig.board->board.agent_config.window = 255;
    rig.board->board.agent_config.window_bytes = UINT32_MAX;
    struct espota_observer observer = { .context = rig.line, .cancelled = clean_later };
    struct espota_agent_client_options options = { .observer = &observer };
    assert_int_equal(espota_agent_client_open(&rig.device, &rig.line->link, &options, &error), 0);
    rig.line->now_us = 18 * 1000000;
    rig.line->faults.drop = 1000;
    if (espota_device_read(rig.device, APP, data, sizeof data, &error) != 0)
        fail_msg("%s", error.text);
    assert_memory_equal(data, rig.board->flash.data + APP, sizeof data);
    tear_down(&rig);
}

static void one_that_was_lost_is_asked_again_alone(void **state)
{
    (void)state;
    static uint8_t data[200 * 1024]; /* in pieces of 2K */
    struct rig rig;
    struct espota_error error = { 0 };
    set_up(&rig, false, 10, RATE * 8);
    unsigned asked = rig.line->to_device.frames, answered = rig.line->to_host.frames;
    rig.line->faults.drop = 40;
    assert_int_equal(espota_device_read(rig.device, APP, data, sizeof data, &error), 0);
    asked = rig.line->to_device.frames - asked;
    answered = rig.line->to_host.frames - answered;
    assert_in_range(asked, 101, 115); /* a hundred, and 4% of them and of their answers once more */
    assert_in_range(answered, 100, asked);
    tear_down(&rig);
}

static void a_silent_line_is_given_up(void **state)
{
    (void)state;
    static uint8_t data[100 * 1024];
    struct rig rig;
    struct espota_error error = { 0 };
    set_up(&rig, false, 10, RATE * 8);
    rig.line->faults.drop = 1000;
    uint64_t since = rig.line->now_us;
    assert_int_equal(espota_device_read(rig.device, APP, data, sizeof data, &error), ESPOTA_ERR_TIMEOUT);
    assert_in_range(elapsed_ms(&rig, since), 2000, 16000);
    tear_down(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_becomes_an_address),
        cmocka_unit_test(one_that_does_not_fit_is_refused),
        cmocka_unit_test(reads_keep_a_line_with_latency_full),
        cmocka_unit_test(ranges_are_asked_for_before_the_first_is_answered),
        cmocka_unit_test(a_busy_device_is_not_flooded),
        cmocka_unit_test(faults_cost_time_and_nothing_else),
        cmocka_unit_test(no_window_is_too_large),
        cmocka_unit_test(one_that_was_lost_is_asked_again_alone),
        cmocka_unit_test(a_silent_line_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
