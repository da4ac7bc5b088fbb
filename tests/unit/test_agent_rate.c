/* The rate of a stream: changed by request, and taken back when nobody is heard at it. */
#include "fixtures/range_board.h"

#include "espota/bytes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct signed_images images;

/* ---- rate -----------------------------------------------------------------------------------------------
 */

struct rates {
    uint32_t baud;
    unsigned changes;
    uint32_t now_ms;
};

static struct rates rates;

static int set_rate(void *context, uint32_t baud)
{
    (void)context;
    if (baud > 2000000)
        return -1;
    rates.baud = baud;
    rates.changes++;
    return 0;
}

static uint32_t clock_ms(void *context)
{
    (void)context;
    return rates.now_ms;
}

static struct owned_board at_a_rate(void)
{
    struct owned_board o = range_board(&images, 0);
    rates = (struct rates){ .baud = 115200 };
    o.b->board.port.port.now_ms = clock_ms;
    o.b->board.stream[SIM_UART].stream.set_rate = set_rate;
    o.b->board.stream[SIM_UART].stream.rate = 115200;
    owned_board_open(&o);
    return o;
}

static int ask_rate(struct owned_board *o, uint32_t baud)
{
    uint8_t in[4];
    espota_put_le32(in, baud);
    return owned_ask(o, ESPOTA_AGENT_RATE, in, sizeof in);
}

static void pass(struct owned_board *o, uint32_t ms)
{
    rates.now_ms += ms;
    espota_agent_work(&o->b->board.agent);
}

static void a_rate_at_which_nobody_is_heard_is_taken_back(void **state)
{
    (void)state;
    struct owned_board o = at_a_rate();
    assert_int_equal(ask_rate(&o, 921600), ESPOTA_AGENT_OK);
    assert_int_equal(rates.baud, 921600);
    pass(&o, 999);
    assert_int_equal(rates.baud, 921600);
    pass(&o, 1);
    assert_int_equal(rates.baud, 115200);
    assert_int_equal(ask_rate(&o, 921600), ESPOTA_AGENT_OK);
    pass(&o, 500);
    assert_int_equal(owned_ask(&o, ESPOTA_AGENT_INFO, NULL, 0), ESPOTA_AGENT_OK); /* heard */
    pass(&o, 2000);
    assert_int_equal(rates.baud, 921600);
    assert_int_equal(ask_rate(&o, 2000000), ESPOTA_AGENT_OK);
    pass(&o, 1000);
    assert_int_equal(rates.baud, 921600); /* the one before */
    range_board_leave(&o);
}

/* Who comes next knows no other rate than the one that the stream began with. */
static void a_session_that_falls_silent_loses_its_rate(void **state)
{
    (void)state;
    struct owned_board o = at_a_rate();
    assert_int_equal(ask_rate(&o, 921600), ESPOTA_AGENT_OK);
    assert_int_equal(owned_ask(&o, ESPOTA_AGENT_INFO, NULL, 0), ESPOTA_AGENT_OK);
    pass(&o, 2999);
    assert_int_equal(rates.baud, 921600);
    assert_int_equal(owned_ask(&o, ESPOTA_AGENT_INFO, NULL, 0), ESPOTA_AGENT_OK);
    pass(&o, 2999);
    assert_int_equal(rates.baud, 921600);
    pass(&o, 1);
    assert_int_equal(rates.baud, 115200);
    assert_int_equal(ask_rate(&o, 921600), ESPOTA_AGENT_OK); /* not the one before the last */
    assert_int_equal(owned_ask(&o, ESPOTA_AGENT_INFO, NULL, 0), ESPOTA_AGENT_OK);
    assert_int_equal(ask_rate(&o, 2000000), ESPOTA_AGENT_OK);
    assert_int_equal(owned_ask(&o, ESPOTA_AGENT_INFO, NULL, 0), ESPOTA_AGENT_OK);
    pass(&o, 3000);
    assert_int_equal(rates.baud, 115200);
    unsigned changes = rates.changes;
    pass(&o, 10000);
    assert_int_equal(rates.changes, changes);
    range_board_leave(&o);
}

static void a_rate_that_cannot_be_is_none(void **state)
{
    (void)state;
    struct owned_board o = at_a_rate();
    assert_int_equal(ask_rate(&o, 0), ESPOTA_AGENT_RANGE);
    assert_int_equal(owned_ask(&o, ESPOTA_AGENT_RATE, NULL, 0), ESPOTA_AGENT_MALFORMED);
    assert_int_equal(rates.changes, 0);
    assert_int_equal(ask_rate(&o, 5000000), ESPOTA_AGENT_OK); /* the UART does not take it, and stays */
    assert_int_equal(rates.baud, 115200);
    o.b->board.stream[SIM_UART].stream.set_rate = NULL;
    assert_int_equal(ask_rate(&o, 921600), ESPOTA_AGENT_UNSUPPORTED);
    range_board_leave(&o);
}

static int make_images(void **state)
{
    (void)state;
    signed_images_make(&images);
    return 0;
}

static int free_images(void **state)
{
    (void)state;
    signed_images_free(&images);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_at_which_nobody_is_heard_is_taken_back),
        cmocka_unit_test(a_session_that_falls_silent_loses_its_rate),
        cmocka_unit_test(a_rate_that_cannot_be_is_none),
    };
    return cmocka_run_group_tests(tests, make_images, free_images);
}
