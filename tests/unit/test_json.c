/* JSON results: numbers, text of any bytes, and memory that runs out. */
#include "cli/json.h"

#include "espota/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static size_t allocations, fails_at; /* 0: none fails */

static void *count_or_fail(size_t size)
{
    return ++allocations == fails_at ? NULL : malloc(size);
}

/* One with everything in it. */
static char *example(void)
{
    static const uint8_t bytes[] = { 0x00, 0xab, 0xff };
    struct fields document = device_document_begin("/dev/ttyUSB0"), part = fields_begin();
    struct items items = items_begin();
    struct espota_partition partition = { .label = "nvs" };
    field_text_if_any(&part, "none", "");
    field_real(&part, "real", 0.1);
    field_label(&part, "label", &partition);
    item_text(&items, "first");
    item_number(&items, 2);
    item_object(&items, part);
    field_number(&document, "number", INT64_C(1) << 40);
    field_number_if(&document, "unknown", false, 3);
    field_flag(&document, "flag", true);
    field_flag_if(&document, "undecided", false, true);
    field_bytes(&document, "bytes", bytes, sizeof bytes);
    field_bytes(&document, "no_bytes", NULL, sizeof bytes);
    field_null(&document, "null");
    field_chip(&document, "chip", NULL);
    field_list(&document, "items", items);
    char *text = document_text(&document);
    fields_free(&document);
    return text;
}

static void a_document_has_its_fields_in_order(void **state)
{
    static const char expected[] = "{\n"
                                   "  \"schema\": 1,\n"
                                   "  \"device\": \"/dev/ttyUSB0\",\n"
                                   "  \"number\": 1099511627776,\n"
                                   "  \"unknown\": null,\n"
                                   "  \"flag\": true,\n"
                                   "  \"undecided\": null,\n"
                                   "  \"bytes\": \"00abff\",\n"
                                   "  \"no_bytes\": null,\n"
                                   "  \"null\": null,\n"
                                   "  \"chip\": null,\n"
                                   "  \"items\": [\n"
                                   "    \"first\",\n"
                                   "    2,\n"
                                   "    {\n"
                                   "      \"none\": null,\n"
                                   "      \"real\": 0.1,\n"
                                   "      \"label\": \"nvs\"\n"
                                   "    }\n"
                                   "  ]\n"
                                   "}";
    (void)state;
    char *text = example();
    assert_string_equal(text, expected);
    free(text);
}

static void no_half_document_where_memory_runs_out(void **state)
{
    (void)state;
    json_set_alloc_funcs(count_or_fail, free);
    allocations = fails_at = 0;
    char *whole = example();
    size_t all = allocations, failed = 0;
    for (size_t at = 1; at <= all; at++) {
        allocations = 0;
        fails_at = at;
        char *text = example();
        if (text)
            assert_string_equal(text, whole); /* a text was tried once more */
        failed += !text;
        free(text);
    }
    assert_true(failed > all / 2);
    free(whole);
    json_set_alloc_funcs(malloc, free);
}

static void numbers_have_three_decimals(void **state)
{
    static const struct {
        double number;
        const char *text;
    } cases[] = {
        { 0, "0.0" },   { 2221.1538461538462, "2221.154" }, { 0.0004, "0.0" },    { 0.0005, "0.001" },
        { 1.1, "1.1" }, { 12345678.9999, "12345679.0" },    { 86400, "86400.0" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[64];
        struct fields fields = fields_begin();
        field_real(&fields, "x", cases[i].number);
        char *text = document_text(&fields);
        snprintf(expected, sizeof expected, "{\n  \"x\": %s\n}", cases[i].text);
        assert_string_equal(text, expected);
        free(text);
        fields_free(&fields);
    }
}

static void text_may_be_any_bytes(void **state)
{
    static const struct {
        const char *text, *json;
    } cases[] = {
        { "plain", "\"plain\"" },
        { "", "\"\"" },
        { NULL, "null" },
        { "\xc3\xa4", "\"\\u00E4\"" },
        { "a\xff\"b", "\"a?\\\"b\"" },
        { "\xed\xa0\x80", "\"???\"" },
        { "esc\x1b[2J", "\"esc\\u001B[2J\"" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[64];
        struct fields fields = fields_begin();
        field_text(&fields, "x", cases[i].text);
        char *text = document_text(&fields);
        snprintf(expected, sizeof expected, "{\n  \"x\": %s\n}", cases[i].json);
        assert_string_equal(text, expected);
        free(text);
        fields_free(&fields);
    }
}

static void a_text_is_found_among_items(void **state)
{
    struct items items = items_begin();
    (void)state;
    item_text(&items, "one");
    item_text(&items, "b\xff");
    assert_true(items_have_text(&items, "one"));
    assert_true(items_have_text(&items, "b\xff"));
    assert_false(items_have_text(&items, "on"));
    items_free(&items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_has_its_fields_in_order),
        cmocka_unit_test(no_half_document_where_memory_runs_out),
        cmocka_unit_test(numbers_have_three_decimals),
        cmocka_unit_test(text_may_be_any_bytes),
        cmocka_unit_test(a_text_is_found_among_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
