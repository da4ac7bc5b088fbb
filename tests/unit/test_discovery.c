/* What is made of announcements: those of each kind of device, and those of strangers who mean harm. */
#include "espota/discovery.h"
#include "espota/error.h"
#include "link/discovery.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

enum { MOST_TEXT = 64 };

/* An answer over IPv4 or IPv6, from the numbers as people write them. */
static int take_from(struct discovery *d, enum espota_service service, const char *name, const char *address,
                     const char *network, const char *const *text)
{
    struct espota_error error = { 0 };
    struct discovery_text strings[MOST_TEXT];
    uint8_t bytes[16];
    struct discovery_answer answer = { .service = service,
                                       .name = name,
                                       .host = "board.local",
                                       .network = network,
                                       .loopback = strcmp(network, "lo") == 0,
                                       .family = strchr(address, ':') ? AF_INET6 : AF_INET,
                                       .address = bytes,
                                       .port = 3232,
                                       .text = strings };
    assert_int_equal(inet_pton(answer.family, address, bytes), 1);
    for (; text && text[answer.text_count]; answer.text_count++)
        strings[answer.text_count] = (struct discovery_text){ (const uint8_t *)text[answer.text_count],
                                                              strlen(text[answer.text_count]) };
    return discovery_take(d, &answer, &error);
}

static void take(struct discovery *d, enum espota_service service, const char *name, const char *const *text)
{
    assert_int_equal(take_from(d, service, name, "192.168.1.20", "eth0", text), 0);
}

static void what_each_kind_of_device_says_is_understood(void **state)
{
    static const char *const agent[] = { "txtvers=1",   "proto=1",          "chip=esp32c3", "project=lamp",
                                         "version=1.4", "mac=240ac4000110", "key=yes",      NULL };
    static const char *const arduino[] = { "board=esp32dev", "tcp_check=no", "ssh_upload=no",
                                           "auth_upload=no", NULL };
    static const char *const esphome[] = { "friendly_name=Hall", "version=2025.7.1", "mac=A0:B1:C2:D3:E4:F5",
                                           "platform=ESP32",     "board=esp32dev",   NULL };
    static const char *const project[] = { "version=2025.7.1", "project_name=acme.plug",
                                           "project_version=3.0", NULL };
    static const struct {
        enum espota_service service;
        const char *const *text;
        const char *chip, *board, *project, *version, *id, *address;
        uint8_t protocol;
        enum espota_known key_needed;
    } cases[] = {
        { ESPOTA_SERVICE_AGENT, agent, "esp32c3", "", "lamp", "1.4", "240ac4000110", "192.168.1.20:3232", 1,
          ESPOTA_YES },
        { ESPOTA_SERVICE_AGENT, NULL, "", "", "", "", "", "192.168.1.20:3232", 0, ESPOTA_UNKNOWN },
        { ESPOTA_SERVICE_ARDUINO, arduino, "", "esp32dev", "", "", "", "192.168.1.20:3232", 0, ESPOTA_NO },
        { ESPOTA_SERVICE_ESPHOME, esphome, "ESP32", "esp32dev", "ESPHome", "2025.7.1", "a0b1c2d3e4f5",
          "192.168.1.20", 0, ESPOTA_UNKNOWN },
        { ESPOTA_SERVICE_ESPHOME, project, "", "", "acme.plug", "3.0", "", "192.168.1.20", 0,
          ESPOTA_UNKNOWN },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct discovery d = { 0 };
        char address[80];
        take(&d, cases[i].service, "kitchen", cases[i].text);
        const struct espota_found_device *found = d.found.device;
        assert_int_equal(d.found.count, 1);
        assert_string_equal(found->name, "kitchen");
        assert_string_equal(found->host, "board.local");
        assert_string_equal(found->chip, cases[i].chip);
        assert_string_equal(found->board, cases[i].board);
        assert_string_equal(found->project, cases[i].project);
        assert_string_equal(found->version, cases[i].version);
        assert_string_equal(found->id, cases[i].id);
        assert_int_equal(found->protocol, cases[i].protocol);
        assert_int_equal(found->key_needed, cases[i].key_needed);
        assert_true(espota_found_device_address(found, address, sizeof address));
        assert_string_equal(address, cases[i].address);
        espota_found_devices_free(&d.found);
    }
}

static void a_device_on_several_networks_is_one(void **state)
{
    static const char *const text[] = { "mac=240ac4000110", NULL };
    struct discovery d = { 0 };
    char address[80];
    (void)state;
    assert_int_equal(take_from(&d, ESPOTA_SERVICE_AGENT, "Lamp", "fe80::1", "wlan0", text), 0);
    assert_int_equal(take_from(&d, ESPOTA_SERVICE_AGENT, "lamp", "2001:db8::7", "wlan0", text), 0);
    assert_int_equal(take_from(&d, ESPOTA_SERVICE_AGENT, "lamp", "169.254.7.7", "eth0", text), 0);
    assert_int_equal(take_from(&d, ESPOTA_SERVICE_AGENT, "lamp", "10.0.0.7", "eth0", text), 0);
    assert_int_equal(take_from(&d, ESPOTA_SERVICE_AGENT, "lamp", "10.0.0.7", "eth1", NULL), 0);
    assert_int_equal(d.found.count, 1);
    assert_int_equal(d.found.device->address_count, 4);
    assert_string_equal(d.found.device->address[0], "10.0.0.7");
    assert_string_equal(d.found.device->address[1], "2001:db8::7");
    assert_string_equal(d.found.device->address[2], "169.254.7.7");
    assert_string_equal(d.found.device->address[3], "fe80::1%wlan0");
    assert_true(espota_found_device_address(d.found.device, address, sizeof address));
    assert_string_equal(address, "10.0.0.7:3232");
    espota_found_devices_free(&d.found);
}

static void two_networks_may_each_have_one_of_a_name(void **state)
{
    static const char *const one[] = { "mac=240ac4000110", NULL }, *const other[] = { "mac=240ac4000111",
                                                                                      NULL };
    struct espota_error error = { 0 };
    const struct discovery_answer name = { .service = ESPOTA_SERVICE_AGENT, .name = "lamp" };
    struct discovery d = { 0 };
    (void)state;
    assert_int_equal(discovery_take(&d, &name, &error), 0);
    assert_int_equal(discovery_take(&d, &name, &error), 0);
    take(&d, ESPOTA_SERVICE_AGENT, "lamp", one);
    take(&d, ESPOTA_SERVICE_AGENT, "lamp", other);
    take(&d, ESPOTA_SERVICE_ARDUINO, "lamp", NULL);
    discovery_end(&d);
    assert_int_equal(d.found.count, 3);
    assert_string_equal(d.found.device[0].id, "240ac4000110");
    assert_string_equal(d.found.device[1].id, "240ac4000111");
    assert_int_equal(d.found.device[2].service, ESPOTA_SERVICE_ARDUINO);
    espota_found_devices_free(&d.found);
}

static void nobody_is_sent_where_no_device_can_be(void **state)
{
    static const struct {
        const char *address, *network, *text; /* NULL: it is none */
    } cases[] = {
        { "127.0.0.1", "lo", "127.0.0.1:3232" },
        { "::1", "lo", "[::1]:3232" },
        { "fe80::abcd", "eth0", "[fe80::abcd%eth0]:3232" },
        { "fd00::1", "eth0", "[fd00::1]:3232" },
        { "127.0.0.1", "eth0", NULL }, /* a stranger points at this machine */
        { "::1", "eth0", NULL },
        { "::ffff:127.0.0.1", "eth0", NULL },
        { "::127.0.0.1", "eth0", NULL },
        { "::", "eth0", NULL },
        { "0.0.0.0", "eth0", NULL },
        { "224.0.0.251", "eth0", NULL },
        { "255.255.255.255", "eth0", NULL },
        { "ff02::fb", "eth0", NULL },
        { "fe80::abcd", "", NULL }, /* on a network that has no name any more */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct discovery d = { 0 };
        char address[80] = "";
        assert_int_equal(
            take_from(&d, ESPOTA_SERVICE_AGENT, "lamp", cases[i].address, cases[i].network, NULL), 0);
        assert_int_equal(espota_found_device_address(d.found.device, address, sizeof address),
                         cases[i].text != NULL);
        if (cases[i].text)
            assert_string_equal(address, cases[i].text);
        espota_found_devices_free(&d.found);
    }
}

static void a_name_alone_has_no_address(void **state)
{
    const struct discovery_answer name = { .service = ESPOTA_SERVICE_AGENT,
                                           .name = "lamp",
                                           .network = "eth0" };
    struct espota_error error = { 0 };
    struct discovery d = { 0 };
    char address[80];
    (void)state;
    assert_int_equal(discovery_take(&d, &name, &error), 0);
    assert_false(espota_found_device_address(d.found.device, address, sizeof address));
    assert_string_equal(d.found.device->network, "eth0");
    take(&d, ESPOTA_SERVICE_AGENT, "lamp", NULL);
    assert_true(espota_found_device_address(d.found.device, address, sizeof address));
    assert_false(espota_found_device_address(d.found.device, address, 10)); /* no half address */
    espota_found_devices_free(&d.found);
}

static void text_is_cleaned_and_cut(void **state)
{
    char longest[300], value[256];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    snprintf(value, sizeof value, "project=%.247s", longest);
    const char *const text[] = { value, "version=\x1b]0;owned\x07 \r\n1",
                                 "chip=a\x7f"
                                 "b",
                                 NULL };
    struct discovery d = { 0 };
    (void)state;
    take(&d, ESPOTA_SERVICE_AGENT, longest, text);
    take(&d, ESPOTA_SERVICE_AGENT, "evil\x1b[2J\n", NULL);
    const struct espota_found_device *found = d.found.device;
    assert_int_equal(d.found.count, 2);
    assert_int_equal(strlen(found[0].name), 63);
    assert_int_equal(strlen(found[0].project), 63);
    assert_string_equal(found[0].version, "?]0;owned? ??1");
    assert_string_equal(found[0].chip, "a?b");
    assert_int_equal(strlen(found[0].attribute[0].value), 255 - strlen("project="));
    assert_string_equal(found[1].name, "evil?[2J?");
    espota_found_devices_free(&d.found);
}

static void a_txt_record_may_be_anything(void **state)
{
    static const uint8_t zeros[] = { 'v', 'e', 'r', 's', 'i', 'o', 'n', '=', '1', 0, 0, '2' };
    static const char *const numbers[] = { "proto=300", "proto=-1", "proto=1x",
                                           "proto=",    "proto",    "proto=0001" };
    static const char *const macs[] = { "mac=240ac400011", "mac=240ac40001100", "mac=240ac400011g", "mac=" };
    const struct discovery_text text[] = { { zeros, 0 },
                                           { (const uint8_t *)"=value", 6 },
                                           { (const uint8_t *)"=", 1 },
                                           { zeros, sizeof zeros },
                                           { (const uint8_t *)"VERSION=2", 9 },
                                           { (const uint8_t *)"flag", 4 } };
    const struct discovery_answer answer = { .service = ESPOTA_SERVICE_AGENT,
                                             .name = "lamp",
                                             .host = "h",
                                             .text = text,
                                             .text_count = sizeof text / sizeof text[0] };
    struct espota_error error = { 0 };
    struct discovery d = { 0 };
    (void)state;
    assert_int_equal(discovery_take(&d, &answer, &error), 0);
    assert_string_equal(d.found.device->version, "1??2");
    assert_int_equal(d.found.device->attribute_count, 2);
    assert_string_equal(d.found.device->attribute[1].key, "flag");
    assert_null(d.found.device->attribute[1].value);
    espota_found_devices_free(&d.found);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct discovery one = { 0 };
        take(&one, ESPOTA_SERVICE_AGENT, "lamp", (const char *const[]){ numbers[i], "key=maybe", NULL });
        assert_int_equal(one.found.device->protocol, 0);
        assert_int_equal(one.found.device->key_needed, ESPOTA_UNKNOWN);
        espota_found_devices_free(&one.found);
    }
    for (size_t i = 0; i < sizeof macs / sizeof macs[0]; i++) {
        struct discovery one = { 0 };
        take(&one, ESPOTA_SERVICE_AGENT, "lamp", (const char *const[]){ macs[i], NULL });
        assert_string_equal(one.found.device->id, "");
        espota_found_devices_free(&one.found);
    }
}

static void a_flood_is_bounded(void **state)
{
    enum { FLOOD = 3000 };
    char name[32], strings[MOST_TEXT][16];
    const char *text[MOST_TEXT] = { NULL };
    struct discovery d = { 0 };
    (void)state;
    for (int i = 0; i < MOST_TEXT - 1; i++) {
        snprintf(strings[i], sizeof strings[i], "k%d=v", i);
        text[i] = strings[i];
    }
    for (int i = 0; i < FLOOD; i++) {
        snprintf(name, sizeof name, "n%d", i);
        take(&d, ESPOTA_SERVICE_AGENT, name, text);
    }
    assert_int_equal(d.found.count, ESPOTA_FOUND_MOST);
    assert_int_equal(d.found.left_out, FLOOD - ESPOTA_FOUND_MOST);
    assert_int_equal(d.found.device->attribute_count, ESPOTA_FOUND_MOST_ATTRIBUTES);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "10.0.0.%d", i + 1);
        assert_int_equal(take_from(&d, ESPOTA_SERVICE_AGENT, "n1", name, "eth0", NULL), 0);
    }
    assert_int_equal(d.found.device[1].address_count, ESPOTA_FOUND_MOST_ADDRESSES);
    espota_found_devices_free(&d.found);
}

static void services_have_names(void **state)
{
    (void)state;
    assert_string_equal(espota_service_name(ESPOTA_SERVICE_AGENT), "agent");
    assert_string_equal(espota_service_type(ESPOTA_SERVICE_AGENT), "_espota._tcp");
    assert_string_equal(espota_service_type(ESPOTA_SERVICE_ESPHOME), "_esphomelib._tcp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_each_kind_of_device_says_is_understood),
        cmocka_unit_test(a_device_on_several_networks_is_one),
        cmocka_unit_test(two_networks_may_each_have_one_of_a_name),
        cmocka_unit_test(nobody_is_sent_where_no_device_can_be),
        cmocka_unit_test(a_name_alone_has_no_address),
        cmocka_unit_test(text_is_cleaned_and_cut),
        cmocka_unit_test(a_txt_record_may_be_anything),
        cmocka_unit_test(a_flood_is_bounded),
        cmocka_unit_test(services_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
