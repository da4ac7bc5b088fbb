/* Which model of the coder streams are made by: the deep one where the line is slow and the CPU is not. */
#include "device/agent_client/plan.h"

#include "espota/agent_protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct agent_client client_at(struct espota_link *link, uint32_t baud, uint16_t mhz)
{
    link->baud = baud;
    return (struct agent_client){ .link = link,
                                  .window_bytes = 65536,
                                  .isa = ESPOTA_ISA_XTENSA,
                                  .cpu_mhz = mhz,
                                  .table_log = 16,
                                  .deep_table_log = 15 };
}

static bool chooses_deep(uint32_t baud, uint16_t mhz)
{
    struct espota_link link = { 0 };
    struct agent_client client = client_at(&link, baud, mhz);
    client_choose_depth(&client);
    return client.deep;
}

static void deep_where_the_line_is_slow(void **state)
{
    (void)state;
    assert_true(chooses_deep(115200, 160));
    assert_true(chooses_deep(115200, 240));
    assert_true(chooses_deep(230400, 240));
    assert_false(chooses_deep(921600, 240));
    assert_false(chooses_deep(2000000, 160));
    assert_false(chooses_deep(115200, 40));
}

static void an_agent_without_it_gets_the_quick_one(void **state)
{
    (void)state;
    struct espota_link link = { 0 };
    struct agent_client client = client_at(&link, 115200, 240);
    client.deep_table_log = 0;
    client_choose_depth(&client);
    assert_false(client.deep);
    assert_int_equal(client_table_log(&client), 16);
}

static void the_head_says_which(void **state)
{
    (void)state;
    struct espota_link link = { 0 };
    struct agent_client client = client_at(&link, 115200, 240);
    client_choose_depth(&client);
    assert_int_equal(client_table_log(&client), 15 | ESPOTA_CODER_DEEP);
}

/* A decoder that was measured to be slow does not get the slower model, and is believed when the other one is
 * asked for. */
static void what_was_measured_counts(void **state)
{
    (void)state;
    struct espota_link link = { 0 };
    struct agent_client client = client_at(&link, 115200, 240);
    client.decode_ns = 30000;
    client_choose_depth(&client);
    assert_false(client.deep);
    assert_in_range(client.decode_ns, 29990, 30000);
    client.decode_ns = 3000;
    client_choose_depth(&client);
    assert_true(client.deep);
    assert_true(client.decode_ns > 9000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deep_where_the_line_is_slow),
        cmocka_unit_test(an_agent_without_it_gets_the_quick_one),
        cmocka_unit_test(the_head_says_which),
        cmocka_unit_test(what_was_measured_counts),
    };
    return cmocka_run_group_tests_name("client_depth", tests, NULL, NULL);
}
