/* Telnet and the COM port option: what is data, what is not. */
#include "espota/telnet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_survives_telnet),
        cmocka_unit_test(com_port_commands_are_framed),
        cmocka_unit_test(options_and_overlong_subnegotiations_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
