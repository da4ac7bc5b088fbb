/* Writing through an agent: streams that fill the window, raw and coded ones, what faults and lies do to
 * them. */
#include "espota/agent_client.h"
#include "espota/bytes.h"
#include "espota/coder.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/observer.h"
#include "espota/smart_write.h"
#include "espota/table.h"

#include "fixtures/fake_agent.h"
#include "fixtures/slow_line.h"
#include "write_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- what travels ---------------------------------------------------------------------------------------
 */

/* Agents of before coder 2 took bases in another format: they are sent none. */
static void only_who_has_its_coder_gets_a_base(void **state)
{
    (void)state;
    static const struct {
        uint32_t capabilities;
        uint8_t coders, table;
        bool takes;
    } agents[] = {
        { ESPOTA_AGENT_CAN_PATCH, 7, 14, true },
        { ESPOTA_AGENT_CAN_PATCH, 3, 14, false },
        { ESPOTA_AGENT_CAN_PATCH, 7, 0, false },
        { 0, 7, 14, false },
    };
    for (size_t i = 0; i < sizeof agents / sizeof agents[0]; i++) {
        struct write_rig *rig = write_rig(5, RATE);
        rig->agent->capabilities |= agents[i].capabilities;
        rig->agent->coders = agents[i].coders;
        rig->agent->base_table_log = agents[i].table;
        write_rig_open(rig);
        assert_int_equal(espota_device_can(rig->device, ESPOTA_CAP_BASES), agents[i].takes);
        write_rig_free(rig);
    }
}

static void raw_streams_keep_a_line_with_latency_full(void **state)
{
    (void)state;
    struct write_rig *rig = write_rig(50, RATE);
    rig->agent->coders = 1;
    write_rig_open(rig);
    uint64_t since = rig->line->now_us;
    write_rig_assert_written(rig);
    assert_int_equal(rig->agent->coded_streams, 0);
    assert_in_range(rig->agent->stream_bytes, 54 * SECTOR, 55 * SECTOR);
    /* what frames add, and some round trips for digests and the range */
    assert_in_range((rig->line->now_us - since) / 1000, 0, 54 * SECTOR * 1.035 * 1000 / RATE + 800);
    write_rig_free(rig);
}

static void firmware_goes_coded_over_a_slow_line(void **state)
{
    (void)state;
    struct write_rig *rig = write_rig_connected(5, RATE);
    write_rig_assert_written(rig);
    assert_int_equal(rig->agent->coded_streams, 1); /* blank sectors that are there do not end it */
    assert_in_range(rig->agent->stream_bytes, 1, 54 * SECTOR * 7 / 10);
    assert_int_equal(rig->agent->ranges, 1);
    write_rig_free(rig);
}

/* TCP knows no rate; the UART behind it, whose rate can change, has one. */
static void a_line_behind_a_link_without_a_rate_is_slow(void **state)
{
    (void)state;
    for (int serial = 0; serial < 2; serial++) {
        struct write_rig *rig = write_rig(0, RATE);
        rig->line->link.baud = 0;
        rig->agent->cpu_mhz = 40;
        if (!serial)
            rig->agent->capabilities &= ~ESPOTA_AGENT_CAN_RATE;
        write_rig_open(rig);
        write_rig_assert_written(rig);
        assert_int_equal(rig->agent->coded_sectors > 0, serial);
        write_rig_free(rig);
    }
}

/* With a thousand cycles a byte to decode: what the CPU can do while the line carries the rest. */
static void line_and_cpu_share_the_work(void **state)
{
    static const struct {
        uint32_t rate;
        uint16_t mhz;
        unsigned least, most; /* sectors coded, of 54 */
    } cases[] = {
        { RATE, 160, 45, 54 },     { RATE, 40, 45, 54 },      { RATE, 8, 10, 35 },
        { 8 * RATE, 240, 45, 54 }, { 8 * RATE, 60, 10, 40 },  { 16 * RATE, 120, 10, 40 },
        { 40 * RATE, 40, 0, 0 },   { 40 * RATE, 1000, 0, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct write_rig *rig = write_rig(0, cases[i].rate);
        rig->agent->cpu_mhz = cases[i].mhz;
        write_rig_open(rig);
        write_rig_assert_written(rig);
        assert_in_range(rig->agent->coded_sectors, cases[i].least, cases[i].most);
        write_rig_free(rig);
    }
}

/* A file system: whole of another content than it had, and the chip is not blank. */
static void filled_sectors_do_not_travel(void **state)
{
    (void)state;
    struct write_rig *rig = write_rig(1, FAST);
    rig->agent->capabilities &= ~ESPOTA_AGENT_CAN_RATE; /* a network */
    write_rig_open(rig);
    memset(rig->agent->flash, 0x55, FAKE_FLASH);
    memset(rig->data + 10 * SECTOR, 0xff, 45 * SECTOR);
    memset(rig->data + 20 * SECTOR, 0, 10 * SECTOR);
    write_rig_assert_written(rig);
    assert_in_range(rig->agent->stream_bytes, 13 * SECTOR, 14 * SECTOR);
    write_rig_free(rig);
}

static void single_sectors_go_raw_without_a_round_trip_each(void **state)
{
    (void)state;
    struct write_rig *rig = write_rig_connected(50, 8 * RATE);
    memcpy(rig->agent->flash + AT, rig->data, LENGTH);
    for (unsigned i = 0; i < SECTORS; i += 3)
        rig->agent->flash[AT + i * SECTOR + 5] ^= 1;
    uint64_t since = rig->line->now_us;
    write_rig_assert_written(rig);
    assert_int_equal(rig->result.written, SECTORS / 3 * SECTOR);
    assert_int_equal(rig->agent->starts, SECTORS / 3);
    assert_int_equal(rig->agent->requests[ESPOTA_AGENT_BEGIN], 1);
    /* 20 sectors of 4K at the line's rate, that is 900 ms; 20 round trips more were 2 s */
    assert_in_range((rig->line->now_us - since) / 1000, 0, 900 + 900);
    write_rig_free(rig);
}

static void a_busy_agent_is_not_flooded(void **state)
{
    (void)state;
    static const uint32_t windows[] = { 8192, 4000, 100 };
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        struct write_rig *rig = write_rig(2, FAST);
        rig->agent->window_bytes = windows[i];
        rig->agent->coders = 1;
        rig->line->busy_us = 30000;
        write_rig_open(rig);
        assert_int_equal(write_rig_write(rig), 0);
        assert_in_range(rig->line->most_waiting, 1, windows[i] < 2200 ? 2200 : windows[i]);
        assert_in_range(rig->line->most_frames, 1, windows[i] < 2200 ? 1 : rig->agent->window);
        write_rig_free(rig);
    }
}

/* ---- faults ---------------------------------------------------------------------------------------------
 */

static void faults_cost_time_and_nothing_else(void **state)
{
    static const struct slow_faults faults[] = {
        { .drop = 30 }, { .flip = 30 }, { .duplicate = 50 }, { 20, 20, 20 }, { .drop = 200 },
    };
    (void)state;
    for (size_t i = 0; i < 4 * sizeof faults / sizeof faults[0]; i++) {
        struct write_rig *rig = write_rig(10, 8 * RATE);
        rig->agent->coders = i & 1 ? 3 : 1;
        write_rig_open(rig);
        if (i & 2) /* many streams */
            for (unsigned k = 0; k < SECTORS; k += 2)
                memcpy(rig->agent->flash + AT + k * SECTOR, rig->data + k * SECTOR, SECTOR);
        rig->line->faults = faults[i / 4];
        rig->line->random = (uint32_t)i + 1;
        uint64_t since = rig->line->now_us;
        if (write_rig_write(rig) != 0)
            fail_msg("case %zu: %s", i, rig->error.text);
        assert_memory_equal(rig->agent->flash + AT, rig->data, LENGTH);
        assert_in_range((rig->line->now_us - since) / 1000, 0, faults[i / 4].drop == 200 ? 240000 : 60000);
        write_rig_free(rig);
    }
}

/* Wherever it breaks: what was rebuilt stays, and the next run begins a new stream at the first sector that
 * differs.
 */
static void a_cut_costs_what_was_not_rebuilt_yet(void **state)
{
    (void)state;
    for (unsigned cut = 1000; cut < 130000; cut += 13000)
        for (int coded = 0; coded < 2; coded++) {
            struct write_rig *rig = write_rig(5, RATE);
            rig->agent->coders = coded ? 3 : 1;
            write_rig_open(rig);
            rig->line->carried = 0;
            rig->line->cut_after = cut;
            int result = write_rig_write(rig);
            assert_true(result == ESPOTA_ERR_NO_DEVICE || result == 0);
            espota_device_close(rig->device);
            uint32_t there = 0;
            for (unsigned i = 0; i < SECTORS; i++)
                there += memcmp(rig->agent->flash + AT + i * SECTOR, rig->data + i * SECTOR, SECTOR) == 0;
            slow_line_mend(rig->line);
            fake_agent_restart(rig->agent);
            write_rig_open(rig);
            write_rig_assert_written(rig);
            assert_int_equal(rig->result.kept, there * SECTOR);
            write_rig_free(rig);
        }
}

/* ---- agents that are not what they say ------------------------------------------------------------------
 */

static bool write_response(const struct fake_reply *reply)
{
    return reply->type == ESPOTA_AGENT_WRITE;
}

static bool acknowledge_too_much(struct fake_agent *agent, struct fake_reply *reply)
{
    (void)agent;
    if (write_response(reply))
        memset(reply->data, 0x7f, 4);
    return true;
}

static bool gap_beyond(struct fake_agent *agent, struct fake_reply *reply)
{
    if (write_response(reply))
        reply->status = ESPOTA_AGENT_GAP;
    return acknowledge_too_much(agent, reply);
}

static bool gap_always(struct fake_agent *agent, struct fake_reply *reply)
{
    (void)agent;
    if (!write_response(reply))
        return true;
    reply->status = ESPOTA_AGENT_GAP;
    memset(reply->data, 0, 4);
    return true;
}

static bool acknowledge_nothing(struct fake_agent *agent, struct fake_reply *reply)
{
    (void)agent;
    if (write_response(reply))
        memset(reply->data, 0, 4);
    return true;
}

/* Every other answer takes back what the one before said. */
static bool take_back(struct fake_agent *agent, struct fake_reply *reply)
{
    if (write_response(reply) && agent->requests[ESPOTA_AGENT_WRITE] % 2 == 0) {
        reply->status = ESPOTA_AGENT_GAP;
        memset(reply->data, 0, 4);
    }
    return true;
}

static bool answer_short(struct fake_agent *agent, struct fake_reply *reply)
{
    (void)agent;
    if (write_response(reply))
        reply->length = 3;
    return true;
}

static bool work_for_ever(struct fake_agent *agent, struct fake_reply *reply)
{
    (void)agent;
    if (write_response(reply))
        reply->status = ESPOTA_AGENT_WORKING;
    return true;
}

static bool count_wrong(struct fake_agent *agent, struct fake_reply *reply)
{
    (void)agent;
    if (reply->type == ESPOTA_AGENT_DIGEST)
        reply->length -= 32;
    return true;
}

static bool count_too_many(struct fake_agent *agent, struct fake_reply *reply)
{
    (void)agent;
    if (reply->type == ESPOTA_AGENT_DIGEST)
        reply->length += 32;
    return true;
}

/* What was asked after silence is answered as if it had been a part of a stream. */
static bool take_the_probe_for_a_write(struct fake_agent *agent, struct fake_reply *reply)
{
    if (reply->type == ESPOTA_AGENT_WRITE)
        return false;
    if (reply->type == ESPOTA_AGENT_INFO && agent->requests[ESPOTA_AGENT_WRITE] > 0) {
        reply->type = ESPOTA_AGENT_WRITE;
        reply->length = 4;
    }
    return true;
}

static void an_agent_that_lies_is_given_up(void **state)
{
    static bool (*const lies[])(struct fake_agent *, struct fake_reply *) = {
        acknowledge_too_much, gap_beyond,  gap_always,     acknowledge_nothing, answer_short,
        work_for_ever,        count_wrong, count_too_many, take_back,           take_the_probe_for_a_write,
    };
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++)
        for (int coded = 0; coded < 2; coded++) {
            struct write_rig *rig = write_rig(1, 8 * RATE);
            rig->agent->coders = coded ? 3 : 1;
            rig->agent->twist = lies[i];
            write_rig_open(rig);
            uint64_t since = rig->line->now_us;
            int result = write_rig_write(rig);
            if (result != ESPOTA_ERR_DEVICE && result != ESPOTA_ERR_TIMEOUT && result != ESPOTA_ERR_VERIFY &&
                result != 0)
                fail_msg("lie %zu: %d, %s", i, result, rig->error.text);
            if (result == 0) /* it was in flash, whatever was said of it */
                assert_memory_equal(rig->agent->flash + AT, rig->data, LENGTH);
            assert_in_range((rig->line->now_us - since) / 1000, 0, 600000);
            write_rig_free(rig);
        }
}

/* The same of what is asked in series: `twist_context` is its type. */
static bool take_the_probe_for_what_is_asked(struct fake_agent *agent, struct fake_reply *reply)
{
    const uint8_t *asked = agent->twist_context;
    if (reply->type == *asked)
        return false;
    if (reply->type == ESPOTA_AGENT_INFO && agent->requests[*asked] > 0) {
        reply->type = *asked;
        reply->length = *asked == ESPOTA_AGENT_READ ? FAKE_DATA : ESPOTA_SHA256_LENGTH;
    }
    return true;
}

static void an_answer_to_a_probe_is_none_to_a_series(void **state)
{
    (void)state;
    static uint8_t out[4 * SECTOR];
    static const uint8_t types[] = { ESPOTA_AGENT_READ, ESPOTA_AGENT_DIGEST };
    for (size_t i = 0; i < sizeof types; i++) {
        uint8_t type = types[i];
        struct write_rig *rig = write_rig_connected(1, FAST);
        rig->agent->twist = take_the_probe_for_what_is_asked;
        rig->agent->twist_context = &type;
        int result = type == ESPOTA_AGENT_READ
                         ? espota_device_read(rig->device, AT, out, sizeof out, &rig->error)
                         : espota_device_digest(rig->device, AT, sizeof out, out, &rig->error);
        assert_true(rig->agent->requests[type] > 0);
        assert_int_equal(result, ESPOTA_ERR_TIMEOUT);
        write_rig_free(rig);
    }
}

static void impossible_limits_end_the_session(void **state)
{
    (void)state;
    struct espota_agent_client_options options = { 0 };
    struct write_rig *rig = write_rig(1, FAST);
    rig->agent->window = 0;
    assert_int_equal(espota_agent_client_open(&rig->device, &rig->line->link, &options, &rig->error),
                     ESPOTA_ERR_DEVICE);
    assert_non_null(strstr(rig->error.text, "impossible limits"));
    rig->device = NULL;
    write_rig_free(rig);
}

/* Once: it was restarted, or somebody else began a stream. */
static bool lose_the_stream(struct fake_agent *agent, struct fake_reply *reply)
{
    unsigned *times = agent->twist_context;
    if (write_response(reply) && reply->status == ESPOTA_AGENT_OK &&
        agent->requests[ESPOTA_AGENT_WRITE] % 20 == 0 && *times > 0) {
        --*times;
        agent->open = false;
    }
    return true;
}

static void a_stream_that_the_agent_lost_is_begun_anew_where_it_was(void **state)
{
    (void)state;
    for (uint8_t coders = 1; coders <= 3; coders += 2) {
        unsigned times = 3;
        struct write_rig *rig = write_rig(5, RATE);
        rig->agent->coders = coders;
        rig->agent->twist = lose_the_stream;
        rig->agent->twist_context = &times;
        write_rig_open(rig);
        write_rig_assert_written(rig);
        assert_int_equal(times, 0);
        assert_int_equal(rig->result.repeats, 0);
        if (coders == 1)
            assert_in_range(rig->agent->stream_bytes, 54 * SECTOR, 54 * SECTOR + 3 * (8192 + SECTOR + 1024));
        write_rig_free(rig);
    }
}

static bool refuse_coded(struct fake_agent *agent, struct fake_reply *reply)
{
    if (write_response(reply) && agent->coded_streams > 0 && agent->stream.size > 0 &&
        agent->stream.data[0] == ESPOTA_STREAM_CODED) {
        reply->status = agent->twist_context ? ESPOTA_AGENT_MALFORMED : ESPOTA_AGENT_UNSUPPORTED;
        agent->open = false;
    }
    return true;
}

static void an_agent_that_refuses_coded_streams_gets_raw_ones(void **state)
{
    (void)state;
    for (int malformed = 0; malformed < 2; malformed++) {
        struct write_rig *rig = write_rig_connected(5, RATE);
        rig->agent->twist = refuse_coded;
        rig->agent->twist_context = malformed ? rig : NULL;
        write_rig_assert_written(rig);
        assert_int_equal(rig->result.repeats, 0);
        assert_non_null(strstr(rig->notes, "does not take a coded stream"));
        write_rig_free(rig);
    }
}

/* Its decoder is another one than ours. */
static bool decode_wrongly(struct fake_agent *agent, struct fake_reply *reply)
{
    if (write_response(reply) && agent->rebuilt > 2 && agent->stream.data[0] == ESPOTA_STREAM_CODED)
        memset(agent->flash + AT + espota_get_le32(agent->stream.data + 4) + SECTOR, 1, 8);
    return true;
}

static void what_was_decoded_wrongly_goes_raw(void **state)
{
    (void)state;
    struct write_rig *rig = write_rig_connected(5, RATE);
    rig->agent->twist = decode_wrongly;
    write_rig_assert_written(rig);
    assert_non_null(strstr(rig->notes, "does not hold what the agent decoded"));
    write_rig_free(rig);
}

static void erasing_goes_through_the_window_too(void **state)
{
    (void)state;
    struct write_rig *rig = write_rig_connected(50, FAST);
    memset(rig->agent->flash, 0, FAKE_FLASH);
    uint64_t since = rig->line->now_us;
    assert_int_equal(espota_device_erase(rig->device, SECTOR, FAKE_FLASH - 2 * SECTOR, &rig->error), 0);
    for (uint32_t i = 0; i < FAKE_FLASH; i++)
        assert_int_equal(rig->agent->flash[i], i >= SECTOR && i < FAKE_FLASH - SECTOR ? 0xff : 0);
    assert_int_equal(rig->done, FAKE_FLASH - 2 * SECTOR);
    assert_in_range((rig->line->now_us - since) / 1000, 100, 150);
    write_rig_free(rig);
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_who_has_its_coder_gets_a_base),
        cmocka_unit_test(raw_streams_keep_a_line_with_latency_full),
        cmocka_unit_test(firmware_goes_coded_over_a_slow_line),
        cmocka_unit_test(a_line_behind_a_link_without_a_rate_is_slow),
        cmocka_unit_test(line_and_cpu_share_the_work),
        cmocka_unit_test(filled_sectors_do_not_travel),
        cmocka_unit_test(single_sectors_go_raw_without_a_round_trip_each),
        cmocka_unit_test(a_busy_agent_is_not_flooded),
        cmocka_unit_test(faults_cost_time_and_nothing_else),
        cmocka_unit_test(a_cut_costs_what_was_not_rebuilt_yet),
        cmocka_unit_test(an_agent_that_lies_is_given_up),
        cmocka_unit_test(an_answer_to_a_probe_is_none_to_a_series),
        cmocka_unit_test(impossible_limits_end_the_session),
        cmocka_unit_test(a_stream_that_the_agent_lost_is_begun_anew_where_it_was),
        cmocka_unit_test(an_agent_that_refuses_coded_streams_gets_raw_ones),
        cmocka_unit_test(what_was_decoded_wrongly_goes_raw),
        cmocka_unit_test(erasing_goes_through_the_window_too),
    };
    return cmocka_run_group_tests_name("agent_write", tests, NULL, NULL);
}
