/* Lists of devices, as people and spreadsheets write them. */
#include "espota/device_list.h"
#include "espota/error.h"
#include "espota/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/espota-list-XXXXXX";
static char path[sizeof folder + 16];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/list.csv", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static int read_text(struct espota_device_list *list, const char *text, struct espota_error *error)
{
    assert_int_equal(espota_file_write(path, text, strlen(text), error), 0);
    return espota_device_list_read(list, path, error);
}

static void a_list_is_read(void **state)
{
    (void)state;
    struct espota_device_list list;
    struct espota_error error;
    char key[sizeof path + 16];
    snprintf(key, sizeof key, "%s/keys/a.key", folder);
    assert_int_equal(read_text(&list,
                               "# kitchen\r\nname,address,key,tags\r\n\"a, b\",host:1,keys/a.key,x y\r\n\r\n"
                               "c,/dev/ttyUSB0,/etc/c.key,\r\nd,tcp://h:2\r\n",
                               &error),
                     0);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.device[0].name, "a, b");
    assert_string_equal(list.device[0].address, "host:1");
    assert_string_equal(list.device[0].key, key);
    assert_string_equal(list.device[1].key, "/etc/c.key");
    assert_string_equal(list.device[1].tags, "");
    assert_null(list.device[2].key);
    assert_string_equal(list.device[2].tags, "");
    espota_device_list_free(&list);
}

static void columns_are_found_by_name(void **state)
{
    (void)state;
    struct espota_device_list list;
    struct espota_error error;
    assert_int_equal(read_text(&list, "room,address,name\nkitchen,h,n\n", &error), 0);
    assert_string_equal(list.device[0].name, "n");
    assert_string_equal(list.device[0].address, "h");
    espota_device_list_free(&list);
}

/* A byte order mark, blanks, quotes, line ends of another system. */
static void spreadsheets_write_lists_too(void **state)
{
    (void)state;
    struct espota_device_list list;
    struct espota_error error;
    assert_int_equal(read_text(&list,
                               "\xEF\xBB\xBFname, address ,\"key\", tags\r"
                               "\"say \"\"a\"\"\",  10.0.0.1\t, ,\" x \"\r"
                               "# b, 10.0.0.2\r",
                               &error),
                     0);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.device[0].name, "say \"a\"");
    assert_string_equal(list.device[0].address, "10.0.0.1");
    assert_null(list.device[0].key);
    assert_true(espota_listed_device_has_tag(&list.device[0], "x"));
    espota_device_list_free(&list);
}

static void lists_may_be_long_but_not_endless(void **state)
{
    (void)state;
    enum { LINE = 40, TOO_MANY = ESPOTA_DEVICE_LIST_MOST + 1 };
    struct espota_device_list list;
    struct espota_error error;
    char *text = malloc((size_t)TOO_MANY * LINE + LINE);
    assert_non_null(text);
    size_t size = (size_t)sprintf(text, "name,address,key\n");
    for (unsigned i = 1; i < TOO_MANY; i++)
        size += (size_t)sprintf(text + size, "d%u,10.0.%u.%u,k%u\n", i, i / 250, i % 250, i);
    assert_int_equal(read_text(&list, text, &error), 0);
    assert_int_equal(list.count, ESPOTA_DEVICE_LIST_MOST);
    assert_string_equal(list.device[list.count - 1].name, "d100000");
    espota_device_list_free(&list);
    sprintf(text + size, "one,more\n");
    assert_int_equal(read_text(&list, text, &error), ESPOTA_ERR_USAGE);
    free(text);
}

static void what_is_no_list_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "\n\n",
        "name\nx\n",
        "Name,Address\nx,y\n",
        "name,address\nx\n",
        "name,address\n,y\n",
        "name,address\nx,y\nz,z\nx,w\n",
        "name,address\nx,y\n\"z,w\nv,u\n",
        "name,address\n\"x\nx\",y\n",
        "name,address\nx,y\x1b[2J\n",
        "name,address\n  ,y\n",
        "name;address\nx;y\n",
    };
    struct espota_device_list list;
    struct espota_error error;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(read_text(&list, wrong[i], &error), ESPOTA_ERR_USAGE);
        assert_non_null(strstr(error.text, path));
        assert_int_equal(list.count, 0);
    }
    assert_int_equal(espota_device_list_read(&list, "/nowhere/list.csv", &error), ESPOTA_ERR_IO);
}

static void addresses_are_ports_or_hosts(void **state)
{
    (void)state;
    assert_true(espota_device_address_is_port("/dev/ttyUSB0"));
    assert_true(espota_device_address_is_port("rfc2217://h:1"));
    assert_true(espota_device_address_is_port("file:x.bin"));
    assert_false(espota_device_address_is_port("192.168.1.2"));
    assert_false(espota_device_address_is_port("[::1]:3232"));
}

static void addresses_of_other_firmware_have_a_scheme(void **state)
{
    (void)state;
    static const struct {
        const char *address, *rest;
        enum espota_address_kind kind;
    } cases[] = {
        { "arduino://plug", "plug", ESPOTA_ADDRESS_ARDUINO },
        { "Arduino://[::1]:1", "[::1]:1", ESPOTA_ADDRESS_ARDUINO },
        { "esphome://h:8266", "h:8266", ESPOTA_ADDRESS_ESPHOME },
        { "http://h/update", "http://h/update", ESPOTA_ADDRESS_HTTP_UPLOAD },
        { "HTTPS://h", "HTTPS://h", ESPOTA_ADDRESS_HTTP_UPLOAD },
        { "tcp://h:1", "tcp://h:1", ESPOTA_ADDRESS_PORT },
        { "arduino", "arduino", ESPOTA_ADDRESS_HOST },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *rest = NULL;
        assert_int_equal(espota_device_address_kind(cases[i].address, &rest), cases[i].kind);
        assert_string_equal(rest, cases[i].rest);
        assert_int_equal(espota_device_address_is_port(cases[i].address),
                         cases[i].kind == ESPOTA_ADDRESS_PORT);
    }
}

static void tags_are_words(void **state)
{
    (void)state;
    const struct espota_listed_device device = { .tags = " beta  first\t2nd " };
    assert_true(espota_listed_device_has_tag(&device, "beta"));
    assert_true(espota_listed_device_has_tag(&device, "2nd"));
    assert_false(espota_listed_device_has_tag(&device, "bet"));
    assert_false(espota_listed_device_has_tag(&device, "beta "));
    assert_false(espota_listed_device_has_tag(&device, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_read),
        cmocka_unit_test(columns_are_found_by_name),
        cmocka_unit_test(spreadsheets_write_lists_too),
        cmocka_unit_test(lists_may_be_long_but_not_endless),
        cmocka_unit_test(what_is_no_list_is_refused),
        cmocka_unit_test(addresses_are_ports_or_hosts),
        cmocka_unit_test(addresses_of_other_firmware_have_a_scheme),
        cmocka_unit_test(tags_are_words),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
