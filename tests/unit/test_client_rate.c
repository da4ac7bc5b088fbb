/* The rate of a session, from the host's end: raised, taken back, found again. */
#include "espota/agent_client.h"
#include "espota/device.h"
#include "espota/error.h"

#include "fixtures/fake_agent.h"
#include "fixtures/slow_line.h"
#include "write_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct write_rig *at_115200(void)
{
    struct write_rig *rig = write_rig(1, RATE);
    rig->agent->baud = 115200;
    rig->agent->now_us = &rig->line->now_us;
    slow_line_has_baud(rig->line, &rig->agent->baud);
    return rig;
}

static void a_rate_that_works_stays_until_the_end(void **state)
{
    (void)state;
    struct write_rig *rig = at_115200();
    write_rig_open(rig);
    assert_true(espota_agent_client_has_rate(rig->device));
    assert_int_equal(espota_agent_client_set_rate(rig->device, 921600, &rig->error), 0);
    assert_int_equal(rig->agent->baud, 921600);
    assert_int_equal(rig->line->link.baud, 921600);
    uint64_t since = rig->line->now_us;
    write_rig_assert_written(rig);
    assert_in_range((rig->line->now_us - since) / 1000, 0, 54 * SECTOR * 10 / 921 + 500);
    espota_device_close(rig->device);
    assert_int_equal(rig->agent->baud, 115200); /* it was asked to */
    rig->line->link.baud = 115200;
    write_rig_open(rig);
    write_rig_free(rig);
}

static void a_rate_that_does_not_work_is_taken_back(void **state)
{
    (void)state;
    struct write_rig *rig = at_115200();
    rig->agent->rate_fails = true;
    write_rig_open(rig);
    uint64_t since = rig->line->now_us;
    assert_int_equal(espota_agent_client_set_rate(rig->device, 2000000, &rig->error), ESPOTA_ERR_UNSUPPORTED);
    assert_non_null(strstr(rig->notes, "2000000 baud do not work"));
    assert_in_range((rig->line->now_us - since) / 1000, 1000, 4000);
    assert_int_equal(rig->line->link.baud, 115200);
    assert_int_equal(rig->agent->baud, 115200);
    write_rig_assert_written(rig);
    write_rig_free(rig);
}

/* An emulator behind a raw TCP port, or a bridge that follows by itself. */
static void a_line_without_rates_lets_the_agent_change_its_own(void **state)
{
    (void)state;
    struct write_rig *rig = write_rig(1, FAST);
    rig->agent->now_us = &rig->line->now_us;
    write_rig_open(rig);
    assert_int_equal(espota_agent_client_set_rate(rig->device, 921600, &rig->error), 0);
    assert_int_equal(rig->agent->baud, 921600);
    write_rig_assert_written(rig);
    write_rig_free(rig);
}

static void an_agent_without_rates_keeps_its_own(void **state)
{
    (void)state;
    struct write_rig *rig = write_rig(1, RATE);
    rig->agent->capabilities &= ~ESPOTA_AGENT_CAN_RATE;
    write_rig_open(rig);
    assert_false(espota_agent_client_has_rate(rig->device));
    assert_int_equal(espota_agent_client_set_rate(rig->device, 921600, &rig->error), ESPOTA_ERR_UNSUPPORTED);
    assert_int_equal(rig->agent->requests[ESPOTA_AGENT_RATE], 0);
    write_rig_free(rig);
}

static void an_agent_at_another_rate_is_found(void **state)
{
    (void)state;
    struct write_rig *rig = at_115200();
    struct espota_agent_client_options options = { .other_baud = 460800 };
    rig->agent->baud = 460800;
    assert_int_equal(espota_agent_client_open(&rig->device, &rig->line->link, &options, &rig->error), 0);
    assert_int_equal(rig->line->link.baud, 460800);
    write_rig_free(rig);
}

/* Restarted in the middle, at the rate that it begins with. */
static void a_device_that_starts_anew_is_found_at_its_own_rate(void **state)
{
    (void)state;
    struct write_rig *rig = at_115200();
    write_rig_open(rig);
    assert_int_equal(espota_agent_client_set_rate(rig->device, 921600, &rig->error), 0);
    rig->agent->baud = 115200;
    fake_agent_restart(rig->agent);
    write_rig_assert_written(rig);
    assert_int_equal(rig->agent->baud, 921600); /* and brought to the faster one again */
    write_rig_free(rig);
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_that_works_stays_until_the_end),
        cmocka_unit_test(a_rate_that_does_not_work_is_taken_back),
        cmocka_unit_test(a_line_without_rates_lets_the_agent_change_its_own),
        cmocka_unit_test(an_agent_without_rates_keeps_its_own),
        cmocka_unit_test(an_agent_at_another_rate_is_found),
        cmocka_unit_test(a_device_that_starts_anew_is_found_at_its_own_rate),
    };
    return cmocka_run_group_tests_name("client_rate", tests, NULL, NULL);
}
