/* The ways to a chip: reset sequences, the circuit behind DTR and RTS, telnet, what ports and flash ids stand
 * for. */
#include "espota/chip.h"
#include "espota/link.h"
#include "espota/ports.h"
#include "espota/reset.h"
#include "espota/telnet.h"

#include "sim/circuit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- reset sequences ------------------------------------------------------------------------------------
 */

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

/* ---- the circuit ----------------------------------------------------------------------------------------
 */

/* Drive a circuit by a sequence of one character per 10 ms: the lines as DTR + 2 * RTS. @return the last
 * start. */
static enum sim_circuit_event start_by(struct sim_circuit *c, const char *levels)
{
    enum sim_circuit_event last = SIM_CIRCUIT_NOTHING;
    uint64_t now = 1000;
    for (; *levels; levels++) {
        enum sim_circuit_event event = sim_circuit_drive(c, (*levels - '0') & 1, (*levels - '0') & 2, now);
        for (int i = 0; i < 10; i++, now++) {
            if (event == SIM_CIRCUIT_START || event == SIM_CIRCUIT_DOWNLOAD)
                last = event;
            event = sim_circuit_wait(c, now);
        }
    }
    return last;
}

static void the_auto_reset_circuit_starts_what_the_lines_say(void **state)
{
    (void)state;
    struct sim_circuit c = { .kind = SIM_CIRCUIT_AUTO_RESET, .rise_ms = 1 };
    assert_int_equal(start_by(&c, "2210"), SIM_CIRCUIT_DOWNLOAD);
    assert_int_equal(start_by(&c, "220"), SIM_CIRCUIT_START);
    assert_int_equal(start_by(&c, "1330"), SIM_CIRCUIT_NOTHING); /* both asserted do nothing */
    assert_int_equal(start_by(&c, "2301"), SIM_CIRCUIT_START);   /* GPIO0 low too late */
    c.rise_ms = 35; /* a large capacitor on EN: GPIO0 has to stay low for longer */
    assert_int_equal(start_by(&c, "221000000"), SIM_CIRCUIT_START);
    assert_int_equal(start_by(&c, "221111100"), SIM_CIRCUIT_DOWNLOAD);
}

static void the_usb_jtag_controller_starts_what_its_flag_says(void **state)
{
    (void)state;
    struct sim_circuit c = { .kind = SIM_CIRCUIT_USB_JTAG };
    assert_int_equal(start_by(&c, "013200"), SIM_CIRCUIT_DOWNLOAD);
    assert_int_equal(start_by(&c, "0200"), SIM_CIRCUIT_START);
    c = (struct sim_circuit){ .kind = SIM_CIRCUIT_NONE };
    assert_int_equal(start_by(&c, "013200"), SIM_CIRCUIT_NOTHING);
    assert_int_equal(start_by(&c, "2210"), SIM_CIRCUIT_NOTHING);
}

/* ---- telnet ---------------------------------------------------------------------------------------------
 */

static void data_survives_telnet(void **state)
{
    (void)state;
    uint8_t data[256], wire[512];
    struct espota_telnet telnet = { 0 };
    for (unsigned i = 0; i < 256; i++)
        data[i] = (uint8_t)i;
    size_t length = espota_telnet_escape(data, sizeof data, wire), got = 0;
    assert_int_equal(length, 257);
    for (size_t i = 0; i < length; i++)
        if (espota_telnet_byte(&telnet, wire[i]) == ESPOTA_TELNET_DATA)
            assert_int_equal(wire[i], data[got++]);
    assert_int_equal(got, 256);
}

static void com_port_commands_are_framed(void **state)
{
    (void)state;
    uint8_t out[ESPOTA_COM_MAX_SIZE];
    const uint8_t rate[4] = { 0x00, 0xff, 0x01, 0x00 };
    const uint8_t expected[] = { 255, 250, 44, 1, 0x00, 0xff, 0xff, 0x01, 0x00, 255, 240 };
    struct espota_telnet telnet = { 0 };
    size_t length = espota_com_command(ESPOTA_COM_BAUDRATE, rate, sizeof rate, out);
    assert_int_equal(length, sizeof expected);
    assert_memory_equal(out, expected, length);
    for (size_t i = 0; i + 1 < length; i++)
        assert_int_equal(espota_telnet_byte(&telnet, out[i]), ESPOTA_TELNET_NOTHING);
    assert_int_equal(espota_telnet_byte(&telnet, out[length - 1]), ESPOTA_TELNET_SUB);
    assert_int_equal(telnet.sub_length, 6);
    assert_memory_equal(telnet.sub + 2, rate, sizeof rate);
}

static void options_and_overlong_subnegotiations_are_taken(void **state)
{
    (void)state;
    struct espota_telnet telnet = { 0 };
    assert_int_equal(espota_telnet_byte(&telnet, 255), ESPOTA_TELNET_NOTHING);
    assert_int_equal(espota_telnet_byte(&telnet, ESPOTA_TELNET_WILL), ESPOTA_TELNET_NOTHING);
    assert_int_equal(espota_telnet_byte(&telnet, 44), ESPOTA_TELNET_OPTION);
    assert_int_equal(telnet.verb, ESPOTA_TELNET_WILL);
    assert_int_equal(telnet.option, 44);
    espota_telnet_byte(&telnet, 255);
    espota_telnet_byte(&telnet, ESPOTA_TELNET_SB);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(espota_telnet_byte(&telnet, 'x'), ESPOTA_TELNET_NOTHING);
    espota_telnet_byte(&telnet, 255);
    assert_int_equal(espota_telnet_byte(&telnet, ESPOTA_TELNET_SE), ESPOTA_TELNET_SUB);
    assert_int_equal(telnet.sub_length, ESPOTA_TELNET_MAX_SUB);
    assert_int_equal(espota_telnet_byte(&telnet, 'y'), ESPOTA_TELNET_DATA);
}

/* ---- what numbers stand for -----------------------------------------------------------------------------
 */

static void known_ids_have_names(void **state)
{
    (void)state;
    assert_string_equal(espota_port_adapter(0x303a, 0x1001), "USB-Serial/JTAG");
    assert_non_null(strstr(espota_port_adapter(0x10c4, 0xea60), "CP210"));
    assert_null(espota_port_adapter(0x046d, 0xc52b)); /* a mouse's receiver */
    assert_string_equal(espota_flash_maker(0x001640ef), "Winbond");
    assert_null(espota_flash_maker(0x00ffffff));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequences_drive_the_lines_as_written),
        cmocka_unit_test(a_malformed_sequence_drives_nothing),
        cmocka_unit_test(the_auto_reset_circuit_starts_what_the_lines_say),
        cmocka_unit_test(the_usb_jtag_controller_starts_what_its_flag_says),
        cmocka_unit_test(data_survives_telnet),
        cmocka_unit_test(com_port_commands_are_framed),
        cmocka_unit_test(options_and_overlong_subnegotiations_are_taken),
        cmocka_unit_test(known_ids_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
