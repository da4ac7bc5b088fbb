/* SLIP framing. */
#include "espota/slip.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static size_t feed(struct espota_slip_decoder *d, const void *data, size_t length,
                   enum espota_slip_event *last)
{
    size_t frames = 0;
    for (size_t i = 0; i < length; i++) {
        enum espota_slip_event e = espota_slip_byte(d, ((const uint8_t *)data)[i]);
        frames += e == ESPOTA_SLIP_FRAME;
        if (e != ESPOTA_SLIP_MORE)
            *last = e;
    }
    return frames;
}

static void slip_escapes_and_returns_every_byte(void **state)
{
    (void)state;
    uint8_t data[256], wire[ESPOTA_SLIP_MAX_ENCODED(256)], buffer[256];
    struct espota_slip_decoder d;
    enum espota_slip_event last = ESPOTA_SLIP_MORE;
    for (unsigned i = 0; i < 256; i++)
        data[i] = (uint8_t)i;
    size_t length = espota_slip_encode(data, sizeof data, wire);
    assert_int_equal(length, 256 + 2 + 2);
    espota_slip_begin(&d, buffer, sizeof buffer);
    assert_int_equal(feed(&d, wire, length, &last), 1);
    assert_int_equal(d.length, 256);
    assert_memory_equal(buffer, data, 256);
}

static void slip_drops_what_is_too_long_or_badly_escaped_and_goes_on(void **state)
{
    (void)state;
    uint8_t buffer[4];
    struct espota_slip_decoder d;
    enum espota_slip_event last = ESPOTA_SLIP_MORE;
    espota_slip_begin(&d, buffer, sizeof buffer);
    assert_int_equal(feed(&d,
                          "\xc0"
                          "12345",
                          6, &last),
                     0);
    assert_int_equal(last, ESPOTA_SLIP_OVERFLOW);
    assert_int_equal(feed(&d,
                          "\xc0\xc0"
                          "ab\xdbz",
                          6, &last),
                     0);
    assert_int_equal(last, ESPOTA_SLIP_BAD);
    assert_int_equal(feed(&d,
                          "cd\xc0\xc0"
                          "ef\xc0",
                          7, &last),
                     1);
    assert_memory_equal(buffer, "ef", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slip_escapes_and_returns_every_byte),
        cmocka_unit_test(slip_drops_what_is_too_long_or_badly_escaped_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
