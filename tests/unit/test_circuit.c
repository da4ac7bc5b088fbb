/* The simulated circuit between DTR and RTS and a chip: what it starts. */
#include "sim/circuit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

/* The button is pressed while EN still rises: what the lines asked for before does not come after it. */
static void a_press_ends_what_was_to_start(void **state)
{
    (void)state;
    struct sim_circuit c = { .kind = SIM_CIRCUIT_AUTO_RESET, .rise_ms = 35 };
    assert_int_equal(sim_circuit_drive(&c, false, true, 0), SIM_CIRCUIT_HOLD);
    assert_int_equal(sim_circuit_drive(&c, false, false, 10), SIM_CIRCUIT_NOTHING);
    assert_int_equal(sim_circuit_timeout(&c, 20), 25);
    sim_circuit_press(&c);
    assert_int_equal(sim_circuit_timeout(&c, 20), -1);
    assert_int_equal(sim_circuit_wait(&c, 100), SIM_CIRCUIT_NOTHING);
    assert_int_equal(sim_circuit_drive(&c, false, true, 200), SIM_CIRCUIT_HOLD); /* and is forgotten */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_auto_reset_circuit_starts_what_the_lines_say),
        cmocka_unit_test(a_press_ends_what_was_to_start),
        cmocka_unit_test(the_usb_jtag_controller_starts_what_its_flag_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
