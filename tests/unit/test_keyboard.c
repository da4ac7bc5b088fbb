/* What the keys of the monitor mean, what the device gets for others, and which port is the one that went. */
#include "cli/comeback.h"
#include "cli/keyboard.h"

#include "espota/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void keys_have_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int key; /* -1: no key */
    } cases[] = {
        { NULL, 0x14 }, { "T", 0x14 },  { "t", 0x14 }, { "^T", 0x14 }, { "ctrl-t", 0x14 }, { "]", 0x1d },
        { "^]", 0x1d }, { "\\", 0x1c }, { "_", 0x1f }, { "none", 0 },  { "1", -1 },        { "", -1 },
        { "TT", -1 },   { "@", -1 },    { "M", -1 },   { "j", -1 },    { "Ctrl-", -1 },    { "^^", 0x1e },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t key = 0xff;
        struct espota_error error;
        int result = keyboard_key("menu-key", cases[i].name, 0x14, &key, &error);
        assert_int_equal(result, cases[i].key < 0 ? ESPOTA_ERR_USAGE : 0);
        if (cases[i].key >= 0)
            assert_int_equal(key, cases[i].key);
    }
}

static void the_menu_takes_keys_with_ctrl_and_without(void **state)
{
    (void)state;
    static const struct {
        uint8_t key;
        enum keyboard_action action;
    } cases[] = {
        { 'r', KEYBOARD_RESET },       { 0x12, KEYBOARD_RESET },  { 'R', KEYBOARD_RESET },
        { 0x10, KEYBOARD_DOWNLOAD },   { 0x19, KEYBOARD_PAUSE },  { 0x0c, KEYBOARD_LOG },
        { 0x09, KEYBOARD_TIMESTAMPS }, { 'f', KEYBOARD_FILTER },  { 0x08, KEYBOARD_HELP },
        { '?', KEYBOARD_HELP },        { 0x18, KEYBOARD_EXIT },   { 0x14, KEYBOARD_SEND },
        { 0x1d, KEYBOARD_SEND },       { 'z', KEYBOARD_UNKNOWN }, { 0xff, KEYBOARD_UNKNOWN },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct keyboard k = { .grabbed = true, .menu_key = 0x14, .exit_key = 0x1d };
        assert_int_equal(keyboard_take(&k, 0x14), KEYBOARD_NOTHING);
        assert_int_equal(keyboard_take(&k, cases[i].key), cases[i].action);
        assert_int_equal(keyboard_take(&k, 'r'), KEYBOARD_SEND);
        assert_int_equal(keyboard_take(&k, 0x1d), KEYBOARD_EXIT);
    }
}

static void a_pipe_has_no_keys(void **state)
{
    (void)state;
    struct keyboard k = { .grabbed = false, .menu_key = 0x14, .exit_key = 0x1d };
    assert_int_equal(keyboard_take(&k, 0x14), KEYBOARD_SEND);
    assert_int_equal(keyboard_take(&k, 0x1d), KEYBOARD_SEND);
}

static void lines_end_as_the_device_wants(void **state)
{
    (void)state;
    static const struct {
        const char *eol;
        bool grabbed;
        uint8_t key;
        const char *bytes;
    } cases[] = {
        { NULL, true, '\r', "\r" },     { "cr", true, '\r', "\r" },      { "LF", true, '\r', "\n" },
        { "CRLF", true, '\r', "\r\n" }, { "CRLF", true, '\n', "\n" },    { NULL, false, '\n', "\n" },
        { "CR", false, '\n', "\r" },    { "CRLF", false, '\n', "\r\n" }, { "LF", false, '\r', "\r" },
        { "CRLF", true, 'x', "x" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct keyboard k = { .grabbed = cases[i].grabbed };
        struct espota_error error;
        uint8_t bytes[2];
        assert_int_equal(keyboard_eol(cases[i].eol, &k.eol, &error), 0);
        size_t count = keyboard_bytes(&k, cases[i].key, bytes);
        assert_int_equal(count, strlen(cases[i].bytes));
        assert_memory_equal(bytes, cases[i].bytes, count);
    }
    enum keyboard_eol eol;
    struct espota_error error;
    assert_int_equal(keyboard_eol("CRCR", &eol, &error), ESPOTA_ERR_USAGE);
}

static void a_device_is_known_again_by_its_ids(void **state)
{
    (void)state;
    const struct espota_port wanted = {
        .path = "/dev/ttyACM0", .vid = 0x303a, .pid = 0x1001, .serial = "AA"
    };
    struct espota_port ports[] = {
        { .path = "/dev/ttyUSB0", .vid = 0x10c4, .pid = 0xea60, .serial = "AA" },
        { .path = "/dev/ttyACM1", .vid = 0x303a, .pid = 0x1001, .serial = "BB" },
        { .path = "/dev/ttyACM2", .vid = 0x303a, .pid = 0x1001, .serial = "AA" },
        { .path = "/dev/ttyS0" },
    };
    const struct espota_port no_usb = { .path = "/dev/ttyS0" };
    assert_ptr_equal(comeback_find(&wanted, ports, 4), &ports[2]);
    assert_null(comeback_find(&wanted, ports, 2));
    assert_null(comeback_find(&no_usb, ports, 4));
    memcpy(ports[1].serial, "AA", 3);
    assert_null(comeback_find(&wanted, ports, 4)); /* two that look the same */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_have_names),
        cmocka_unit_test(the_menu_takes_keys_with_ctrl_and_without),
        cmocka_unit_test(a_pipe_has_no_keys),
        cmocka_unit_test(lines_end_as_the_device_wants),
        cmocka_unit_test(a_device_is_known_again_by_its_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
