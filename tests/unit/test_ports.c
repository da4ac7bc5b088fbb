/* Serial ports: what USB ids stand for, and which port is taken when none is named. */
#include "espota/error.h"
#include "espota/ports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void usb_ids_stand_for_adapters(void **state)
{
    static const struct {
        uint16_t vid, pid;
        const char *name;
    } cases[] = {
        { 0x303a, 0x1001, "USB-Serial/JTAG" },
        { 0x303a, 0x8123, "Espressif USB" },
        { 0x10c4, 0xea60, "CP210x" },
        { 0x1a86, 0x7523, "CH340" },
        { 0x1a86, 0x0001, NULL },
        { 0x0403, 0x6001, "FT232R" },
        { 0x046d, 0xc52b, NULL }, /* a mouse's receiver */
        { 0, 0, NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *name = espota_port_adapter(cases[i].vid, cases[i].pid);
        assert_int_equal(name == NULL, cases[i].name == NULL);
        if (name)
            assert_string_equal(name, cases[i].name);
    }
}

static void the_one_port_that_looks_like_a_board_is_taken(void **state)
{
    static const struct espota_port none = { .path = "/dev/ttyS0" },
                                    one = { .path = "/dev/ttyUSB0", .adapter = "CP210x" },
                                    other = { .path = "/dev/ttyACM0", .adapter = "USB-Serial/JTAG" };
    const struct {
        struct espota_port ports[3];
        size_t count;
        int chosen; /* -1: none */
        const char *says[2];
    } cases[] = {
        { { none }, 0, -1, { "", "" } },
        { { none }, 1, -1, { "", "" } },
        { { none, one }, 2, 1, { "", "" } },
        { { one, none }, 2, 0, { "", "" } },
        { { one, none, other }, 3, -1, { "/dev/ttyUSB0", "/dev/ttyACM0" } },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_error error = { 0 };
        const struct espota_port *chosen = NULL;
        int result = espota_ports_choose(cases[i].ports, cases[i].count, &chosen, &error);
        assert_int_equal(result, cases[i].chosen < 0 ? ESPOTA_ERR_USAGE : ESPOTA_OK);
        if (cases[i].chosen >= 0)
            assert_ptr_equal(chosen, &cases[i].ports[cases[i].chosen]);
        assert_non_null(strstr(error.text, cases[i].says[0]));
        assert_non_null(strstr(error.text, cases[i].says[1]));
    }
}

static void what_is_no_port_says_what_it_is(void **state)
{
    static const struct {
        const char *path;
        enum espota_port_state state;
        const char *reason;
    } cases[] = {
        { "/dev/tty", ESPOTA_PORT_FREE, "" },
        { "/dev/null", ESPOTA_PORT_GONE, "it is something else, no serial port" },
        { "/nowhere/ttyUSB0", ESPOTA_PORT_GONE, "is the board plugged in?" },
        { "/tmp", ESPOTA_PORT_GONE, "it is a directory, no serial port" },
        { "/proc/self/comm", ESPOTA_PORT_GONE, "it is a file, no serial port" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_port port = { 0 };
        strcpy(port.path, cases[i].path);
        espota_port_examine(&port);
        if (port.state != ESPOTA_PORT_BUSY) /* /dev/tty may be held by anybody */
            assert_int_equal(port.state, cases[i].state);
        if (cases[i].reason[0])
            assert_non_null(strstr(port.reason, cases[i].reason));
    }
}

static void a_filter_leaves_what_it_says(void **state)
{
    static const struct espota_port all[] = {
        { .path = "/dev/ttyUSB0", .vid = 0x10c4, .pid = 0xea60, .product = "CP2102N", .serial = "0001" },
        { .path = "/dev/ttyACM0", .vid = 0x303a, .pid = 0x1001, .product = "USB JTAG", .serial = "34:85:18" },
        { .path = "/dev/ttyACM1", .vid = 0x303a, .pid = 0x1001, .product = "USB JTAG", .serial = "34:85:99" },
        { .path = "/dev/ttyS0" },
    };
    enum { ALL = sizeof all / sizeof all[0], BAD = 99 };
    static const struct {
        const char *filter;
        size_t left;
        const char *first;
    } cases[] = {
        { "vid=0x303a", 2, "/dev/ttyACM0" },
        { "vid=303A", 2, "/dev/ttyACM0" },
        { "vid=0x303a,serial=99", 1, "/dev/ttyACM1" },
        { "vid=0x303a,vid=0x10c4", 3, "/dev/ttyUSB0" },
        { "serial=34:85", 2, "/dev/ttyACM0" },
        { "name=ttyS0", 1, "/dev/ttyS0" },
        { "name=CP2102", 1, "/dev/ttyUSB0" },
        { "pid=0", 0, NULL },
        { "vid=1234", 0, NULL },
        { "", ALL, "/dev/ttyUSB0" },
        { "vid=", BAD, NULL },
        { "vid=-1", BAD, NULL },
        { "vid=10000", BAD, NULL },
        { "vid=303a,", 2, "/dev/ttyACM0" },
        { "303a", BAD, NULL },
        { "vendor=303a", BAD, NULL },
        { "vid=0x303a;pid=1", BAD, NULL },
        { "name=0123456789012345678901234567890123456789012345678901234567890123", BAD, NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_port ports[ALL];
        struct espota_error error = { 0 };
        size_t count = ALL;
        memcpy(ports, all, sizeof ports);
        int result = espota_ports_filter(ports, &count, cases[i].filter, &error);
        if ((result != 0) != (cases[i].left == BAD) || (result == 0 && count != cases[i].left))
            fail_msg("'%s': %d, %zu left", cases[i].filter, result, count);
        if (cases[i].first)
            assert_string_equal(ports[0].path, cases[i].first);
    }
}

static void what_a_filter_leaves_has_to_be_one(void **state)
{
    static const struct espota_port ports[] = { { .path = "/dev/ttyS0" }, { .path = "/dev/ttyS1" } };
    const struct espota_port *chosen = NULL;
    struct espota_error error = { 0 };
    (void)state;
    assert_int_equal(espota_ports_only(ports, 1, "name=S", &chosen, &error), 0);
    assert_ptr_equal(chosen, &ports[0]);
    assert_int_equal(espota_ports_only(ports, 0, "name=x", &chosen, &error), ESPOTA_ERR_NO_DEVICE);
    assert_null(chosen);
    assert_non_null(strstr(error.text, "'name=x'"));
    assert_int_equal(espota_ports_only(ports, 2, "name=S", &chosen, &error), ESPOTA_ERR_USAGE);
    assert_non_null(strstr(error.text, "/dev/ttyS0, /dev/ttyS1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usb_ids_stand_for_adapters),
        cmocka_unit_test(the_one_port_that_looks_like_a_board_is_taken),
        cmocka_unit_test(a_filter_leaves_what_it_says),
        cmocka_unit_test(what_a_filter_leaves_has_to_be_one),
        cmocka_unit_test(what_is_no_port_says_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
