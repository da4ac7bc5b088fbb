/* Reset sequences: how they drive the lines, which are none, and which a port is driven by. */
#include "espota/error.h"
#include "espota/link.h"
#include "espota/reset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A link that writes down what its lines are driven to. */
struct recorder {
    struct espota_link link;
    char text[128];
};

static int record(struct espota_link *link, bool dtr, bool rts, struct espota_error *error)
{
    (void)error;
    struct recorder *r = (struct recorder *)link;
    size_t used = strlen(r->text);
    snprintf(r->text + used, sizeof r->text - used, "%d%d ", dtr, rts);
    return 0;
}

static const struct espota_link_ops recording = { .set_lines = record };

static const char *recorded(struct recorder *r, const char *sequence)
{
    struct espota_error error = { 0 };
    *r = (struct recorder){ .link = { .ops = &recording, .name = "recorder", .has_lines = true } };
    if (espota_reset_run(&r->link, sequence, &error) != 0)
        fail_msg("%s", error.text);
    return r->text;
}

static void sequences_drive_the_lines_as_written(void **state)
{
    (void)state;
    struct recorder r;
    assert_string_equal(recorded(&r, "D1|R1|D0|R0"), "10 11 01 00 ");
    assert_string_equal(recorded(&r, "U1,0|W0.001|U0,1|W.002"), "10 01 ");
    assert_string_equal(recorded(&r, ESPOTA_RESET_CLASSIC_FLOW), "01 10 ");
}

static void a_malformed_sequence_drives_nothing(void **state)
{
    (void)state;
    static const char *const malformed[] = { "",      "D",    "D2",   "R1|",   "|R1",      "d1",
                                             "R10",   "U0",   "U0;1", "U0,12", "W",        "W-1",
                                             "Wx",    "W1s",  "W31",  "W1e9",  "Winf",     "Wnan",
                                             "D1 R1", "R1|W", "Z1",   "W0x1",  "W 0.1|D1", "R1||D0" };
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        struct espota_error error = { 0 };
        if (espota_reset_check(malformed[i], &error) != ESPOTA_ERR_USAGE)
            fail_msg("'%s' is taken for a sequence", malformed[i]);
        assert_non_null(strstr(error.text, "no step of a reset sequence"));
    }
}

/* By what the port is known to be; what is not known is tried one after the other. */
static void a_port_is_driven_by_what_it_is(void **state)
{
    static const struct {
        uint16_t vid, pid;
        const char *download[3], *hard;
    } cases[] = {
        /* not on USB, or not known: one after the other */
        { 0,
          0,
          { ESPOTA_RESET_CLASSIC, ESPOTA_RESET_CLASSIC_SLOW, ESPOTA_RESET_USB_JTAG },
          ESPOTA_RESET_HARD },
        /* a CP210x is an adapter: never a chip of its own */
        { 0x10c4,
          0xea60,
          { ESPOTA_RESET_CLASSIC, ESPOTA_RESET_CLASSIC_SLOW, ESPOTA_RESET_CLASSIC },
          ESPOTA_RESET_HARD },
        /* a CP2102C couples RTS to DTR */
        { 0x10c4,
          0xea64,
          { ESPOTA_RESET_CLASSIC_FLOW, ESPOTA_RESET_CLASSIC_FLOW, ESPOTA_RESET_CLASSIC_FLOW },
          ESPOTA_RESET_HARD },
        { ESPOTA_USB_VID_ESPRESSIF,
          ESPOTA_USB_PID_JTAG,
          { ESPOTA_RESET_USB_JTAG, ESPOTA_RESET_USB_JTAG, ESPOTA_RESET_USB_JTAG },
          ESPOTA_RESET_HARD_USB },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_link link = { .usb_vid = cases[i].vid, .usb_pid = cases[i].pid, .has_lines = true };
        for (unsigned attempt = 0; attempt < 3; attempt++)
            assert_string_equal(espota_reset_download_for(&link, attempt), cases[i].download[attempt]);
        assert_string_equal(espota_reset_hard_for(&link), cases[i].hard);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequences_drive_the_lines_as_written),
        cmocka_unit_test(a_malformed_sequence_drives_nothing),
        cmocka_unit_test(a_port_is_driven_by_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
