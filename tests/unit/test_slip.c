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

/* As a busy receiver does: what stands for itself in pieces, the rest byte by byte. */
static size_t feed_in_pieces(struct espota_slip_decoder *d, const uint8_t *data, size_t length, size_t piece)
{
    size_t frames = 0;
    for (size_t at = 0; at < length;) {
        size_t left = length - at < piece ? length - at : piece,
               taken = espota_slip_plain(d, data + at, left);
        assert_true(taken <= left);
        at += taken;
        if (taken < left)
            frames += espota_slip_byte(d, data[at++]) == ESPOTA_SLIP_FRAME;
    }
    return frames;
}

static void slip_in_pieces_is_slip_in_bytes(void **state)
{
    (void)state;
    uint8_t data[300], wire[2 * ESPOTA_SLIP_MAX_ENCODED(300) + 2], buffer[300];
    struct espota_slip_decoder d;
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 11);
    size_t length = espota_slip_encode(data, sizeof data, wire);
    length += espota_slip_encode(data, sizeof data, wire + length);
    for (size_t piece = 1; piece < 130; piece++) {
        espota_slip_begin(&d, buffer, sizeof buffer);
        assert_int_equal(feed_in_pieces(&d, wire, length, piece), 2);
        assert_int_equal(d.length, sizeof data);
        assert_memory_equal(buffer, data, sizeof data);
        espota_slip_begin(&d, buffer, 100); /* too long: dropped, and nothing beyond the buffer */
        assert_int_equal(feed_in_pieces(&d, wire, length, piece), 0);
    }
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
        cmocka_unit_test(slip_in_pieces_is_slip_in_bytes),
        cmocka_unit_test(slip_drops_what_is_too_long_or_badly_escaped_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
