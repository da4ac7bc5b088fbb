/* NVS: what is built is read back; what is damaged, superseded or incomplete is told as such. Whether the
 * bytes are those of ESP-IDF is for tests/interop/nvs.sh. */
#include "espota/bytes.h"
#include "espota/nvs_build.h"
#include "espota/nvs_csv.h"
#include "espota/nvs_values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PAGES = 6, SIZE = PAGES * 4096, ENTRIES = 64 };

struct rig {
    uint8_t image[SIZE];
    struct espota_nvs_builder builder;
    struct espota_nvs_values values;
    struct espota_error error;
};

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    *state = rig;
    return rig && espota_nvs_build_begin(&rig->builder, rig->image, SIZE, 2) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    espota_nvs_values_free(&rig->values);
    free(rig);
    return 0;
}

static void csv(struct rig *rig, const char *rows)
{
    char text[1024];
    snprintf(text, sizeof text, "key,type,encoding,value\n%s", rows);
    assert_int_equal(espota_nvs_csv_read(&rig->builder, "x.csv", text, strlen(text), &rig->error), 0);
}

static const struct espota_nvs_value *find(struct rig *rig, const char *key)
{
    espota_nvs_values_free(&rig->values);
    assert_int_equal(espota_nvs_values_read(&rig->values, rig->image, SIZE, &rig->error), 0);
    for (size_t i = 0; i < rig->values.count; i++)
        if (strcmp(rig->values.value[i].key, key) == 0)
            return &rig->values.value[i];
    return NULL;
}

static void values_come_back(void **state)
{
    struct rig *rig = *state;
    csv(rig, "cfg,namespace,,\na,data,i8,-5\nb,data,u64,18446744073709551615\ns,data,string,\"x \"\"y\"\"\"\n"
             "net,namespace,,\nx,data,hex2bin,00Ff10\nlong,data,blob_fill(9000;0xab),\n");
    const struct espota_nvs_value *value = find(rig, "a");
    assert_string_equal(value->name_space_name, "cfg");
    assert_int_equal((int64_t)value->number, -5);
    assert_true(find(rig, "b")->number == UINT64_MAX);
    assert_string_equal((const char *)find(rig, "s")->data, "x \"y\"");
    value = find(rig, "x");
    assert_string_equal(value->name_space_name, "net");
    assert_int_equal(value->size, 3);
    assert_memory_equal(value->data, "\x00\xff\x10", 3);
    value = find(rig, "long");
    assert_int_equal(value->size, 9000);
    assert_int_equal(value->data[8999], 0xab);
    assert_int_equal(value->standing, ESPOTA_NVS_CURRENT);
    assert_int_equal(rig->values.count, 5); /* namespaces and chunks are none */
    assert_int_equal(rig->values.damaged, 0);
}

static void damage_is_told(void **state)
{
    struct rig *rig = *state;
    csv(rig, "cfg,namespace,,\na,data,u8,1\ns,data,string,hello\n");
    rig->image[ENTRIES + 32 + 24] ^= 1; /* of 'a' */
    assert_int_equal(find(rig, "a")->standing, ESPOTA_NVS_DAMAGED);
    rig->image[ENTRIES + 3 * 32] ^= 1; /* the first byte of 's' */
    assert_int_equal(find(rig, "s")->standing, ESPOTA_NVS_DAMAGED);
    assert_int_equal(rig->values.damaged, 2);
    assert_int_equal(rig->values.page[0].damaged, 2);
    rig->image[4] ^= 1; /* the header */
    rig->image[4096] = 0xfe;
    espota_nvs_values_free(&rig->values);
    assert_int_equal(espota_nvs_values_read(&rig->values, rig->image, SIZE, &rig->error), ESPOTA_ERR_VERIFY);
}

static void a_blob_without_one_of_its_chunks_is_incomplete(void **state)
{
    struct rig *rig = *state;
    csv(rig, "cfg,namespace,,\nlong,data,blob_fill(9000;0xab),\n");
    assert_int_equal(find(rig, "long")->standing, ESPOTA_NVS_CURRENT);
    rig->image[4096 + 32] &= 0xfc; /* the first entry of the second page is erased: the second chunk */
    const struct espota_nvs_value *value = find(rig, "long");
    while (value->type != ESPOTA_NVS_BLOB)
        value++;
    assert_int_equal(value->standing, ESPOTA_NVS_INCOMPLETE);
}

static void the_last_one_written_counts(void **state)
{
    struct rig *rig = *state;
    csv(rig, "cfg,namespace,,\na,data,u8,1\na,data,u8,2\n");
    const struct espota_nvs_value *value = find(rig, "a");
    assert_int_equal(value->standing, ESPOTA_NVS_SUPERSEDED);
    assert_int_equal(value[1].number, 2);
    assert_int_equal(value[1].standing, ESPOTA_NVS_CURRENT);
    rig->image[32] &= 0xcf; /* entry 2, the newer one */
    assert_int_equal(find(rig, "a")->standing, ESPOTA_NVS_CURRENT);
    assert_int_equal(rig->values.value[1].standing, ESPOTA_NVS_ERASED);
}

static void a_namespace_goes_on_where_it_is_named_again(void **state)
{
    struct rig *rig = *state;
    csv(rig, "one,namespace,,\na,data,u8,1\ntwo,namespace,,\nb,data,u8,2\none,namespace,,\nc,data,u8,3\n");
    assert_string_equal(find(rig, "c")->name_space_name, "one");
    assert_int_equal(rig->builder.name_space_count, 2);
}

static void what_is_encrypted_is_recognised_and_decrypted(void **state)
{
    struct rig *rig = *state;
    uint8_t key[ESPOTA_NVS_KEYS];
    for (unsigned i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)(i * 7);
    csv(rig, "cfg,namespace,,\na,data,u8,1\nb,data,string,secret\n");
    assert_int_equal(espota_nvs_encrypt(rig->image, SIZE, key, &rig->error), 0);
    assert_null(find(rig, "a"));
    assert_true(rig->values.encrypted);
    assert_int_equal(espota_nvs_decrypt(rig->image, SIZE, key, &rig->error), 0);
    assert_int_equal(find(rig, "a")->number, 1);
    assert_false(rig->values.encrypted);
}

static void csv_that_says_nothing_good_is_refused(void **state)
{
    static const struct {
        const char *rows, *text;
    } cases[] = {
        { "a,data,u8,1\n", "line 2: 'a' stands before the first namespace" },
        { "n,namespace,,\na,data,u8,256\n", "line 3: 'a': '256' is no decimal number that u8 has room for" },
        { "n,namespace,,\na,data,i8,-129\n", "no decimal number" },
        { "n,namespace,,\na,data,u8,0x10\n", "no decimal number" },
        { "n,namespace,,\na,data,u8,1__0\n", "no decimal number" },
        { "n,namespace,,\na,data,u64,18446744073709551616\n", "no decimal number" },
        { "n,namespace,,\na,dta,u8,1\n", "has the type 'dta'" },
        { "n,namespace,,\na,data,STRING,x\n", "there is no encoding 'STRING'" },
        { "n,namespace,,\na,data,hex2bin,abc\n", "come in pairs" },
        { "n,namespace,,\na,data,hex2bin,zz\n", "no pair of hex digits" },
        { "n,namespace,,\na,data,base64,aGk\n", "in the middle of a group" },
        { "n,namespace,,\na,data,u8\n", "'a' has no value" },
        { "n,namespace,,\nsixteen_bytes_xx,data,u8,1\n", "a key or namespace has 1 to 15" },
        { "n,namespace,,\n,data,u8,1\n", "a key or namespace has 1 to 15" },
        { "n,namespace,,\na,data,blob_fill(9),x\n", "is no encoding such as" },
        { "n,namespace,,\na,data,blob_fill(1;0xff),xy\n", "the value has 2 bytes" },
        { "n,namespace,,\na,file,string,/nowhere/x\n", "/nowhere/x" },
        { "n,namespace,,\na,data,blob_fill(30000;0xff),\n", "need more than a partition of 24K" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig *rig = *state;
        char text[256];
        snprintf(text, sizeof text, "key,type,encoding,value\n%s", cases[i].rows);
        (void)espota_nvs_build_begin(&rig->builder, rig->image, SIZE, 2);
        assert_int_not_equal(espota_nvs_csv_read(&rig->builder, "x.csv", text, strlen(text), &rig->error), 0);
        if (!strstr(rig->error.text, cases[i].text))
            fail_msg("'%s' instead of '%s'", rig->error.text, cases[i].text);
    }
}

static void columns_may_stand_in_any_order(void **state)
{
    struct rig *rig = *state;
    static const char text[] =
        "\xef\xbb\xbfvalue,more,key,encoding,type\r\n#x\r\n\r\n,,n,,namespace\r\n7,,a,u8,data";
    assert_int_equal(espota_nvs_csv_read(&rig->builder, "x", text, sizeof text - 1, &rig->error), 0);
    assert_int_equal(find(rig, "a")->number, 7);
}

static void secrets_are_known_by_their_names(void **state)
{
    (void)state;
    assert_true(espota_nvs_is_secret("nvs.net80211", "sta.pswd"));
    assert_true(espota_nvs_is_secret("nvs.net80211", "ap.passwd"));
    assert_true(espota_nvs_is_secret("nvs.net80211", "sta.apinfo"));
    assert_true(espota_nvs_is_secret("cfg", "WifiPassword"));
    assert_true(espota_nvs_is_secret("cfg", "api_token"));
    assert_true(espota_nvs_is_secret("secrets", "x"));
    assert_false(espota_nvs_is_secret("nvs.net80211", "sta.ssid"));
    assert_false(espota_nvs_is_secret("cfg", "counter"));
}

static void fewer_than_three_pages_can_only_be_read(void **state)
{
    struct rig *rig = *state;
    assert_true(espota_nvs_build_begin(&rig->builder, rig->image, 8192, 2));
    assert_true(espota_nvs_build_read_only(&rig->builder));
    assert_int_equal(espota_nvs_build_end(&rig->builder), 4096);
    assert_false(espota_nvs_build_begin(&rig->builder, rig->image, 5000, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_blob_without_one_of_its_chunks_is_incomplete, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_one_written_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_namespace_goes_on_where_it_is_named_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_encrypted_is_recognised_and_decrypted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(csv_that_says_nothing_good_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(columns_may_stand_in_any_order, set_up, tear_down),
        cmocka_unit_test(secrets_are_known_by_their_names),
        cmocka_unit_test_setup_teardown(fewer_than_three_pages_can_only_be_read, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("nvs", tests, NULL, NULL);
}
