/* The CSV form of the partition table. What the values should be was taken from ESP-IDF's generator, which
 * tests/interop/idf_table.sh asks again. */
#include "espota/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int parse(struct espota_table *table, const char *text, struct espota_table_problem *problem)
{
    static const struct espota_subtype_name extra[] = { { ESPOTA_TYPE_APP, 0x40, "my_app" },
                                                        { ESPOTA_TYPE_DATA, 0x41, "Shout" } };
    struct espota_table_csv_options options = { .table_offset = 0x8000, .extra = extra, .extra_count = 2 };
    size_t length = strlen(text);
    char *exact = malloc(length ? length : 1); /* without its NUL: reading on is the sanitizer's */
    assert_non_null(exact);
    for (size_t i = 0; i < length; i++)
        exact[i] = text[i];
    int result = espota_table_parse_csv(table, exact, length, &options, problem);
    free(exact);
    return result;
}

static void sizes_are_python_integers_with_suffixes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t size; /* -1: refused */
    } cases[] = {
        { "4096", 4096 },
        { "0x1000", 4096 },
        { "0X1000", 4096 },
        { "0b1000", 8 },
        { "0o17", 15 },
        { "4K", 4096 },
        { "4k", 4096 },
        { "1M", 1 << 20 },
        { "1 M", 1 << 20 },
        { "1  k", 1024 },
        { "1kk", 1 << 20 },
        { "0x1_0000", 65536 },
        { "1_000", 1000 },
        { "+16", 16 },
        { "0", 0 },
        { "00", 0 },
        { "0kkkkkkkkkk", 0 },
        { "4294967295", 0xffffffff },
        { "4294967296", -1 },
        { "4M ", 4 << 20 },
        { "1 K M", -1 },
        { "09", -1 },
        { "1__0", -1 },
        { "_1", -1 },
        { "1_", -1 },
        { "+-1", -1 },
        { "0x", -1 },
        { "K", -1 },
        { "1.5M", -1 },
        { "1e3", -1 },
        { "4K\xe3\x80\x80", 4096 },
        { "4\xc2\xa0K", 4096 },
        { "1kkkkkkkk", -1 },
        { "-0x10000", 0x7000 },
        { "-0x9000", 0 },
        { "-0x8000", -1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_table table;
        struct espota_table_problem problem;
        char line[80] = "n,data,nvs,,";
        strcat(strcat(line, cases[i].text), ",");
        int result = parse(&table, line, &problem);
        if (result != (cases[i].size < 0 ? -1 : 0) || (result == 0 && table.entry[0].size != cases[i].size))
            fail_msg("'%s': %d, %u", cases[i].text, result, result ? 0 : table.entry[0].size);
    }
}

static void types_and_subtypes_are_numbers_or_names(void **state)
{
    (void)state;
    static const struct {
        const char *type, *subtype;
        int type_value, subtype_value; /* -1: refused */
    } cases[] = {
        { "app", "factory", 0, 0 },   { "APP", "Ota_3", 0, 0x13 }, { "data", "littlefs", 1, 0x83 },
        { "data", "", 1, 6 },         { "0x40", "7", 0x40, 7 },    { "255", "0xff", 255, 255 },
        { "app", "my_app", 0, 0x40 }, { "app", "factorym", 0, 0 }, { "appk", "0", 0, 0 },
        { "data", "shout", -1, -1 }, /* names that were given are looked for in lower case, as the generator
                                        does */
        { "app", "", -1, -1 },        { "", "nvs", -1, -1 },       { "256", "0", -1, -1 },
        { "-1", "0", -1, -1 },        { "datak", "0", -1, -1 },    { "data", "factory", -1, -1 },
        { "data", "my_app", -1, -1 }, { "app k", "0", -1, -1 },    { "0x40", "nvs", -1, -1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_table table;
        struct espota_table_problem problem;
        char line[80] = "n,";
        strcat(strcat(strcat(strcat(line, cases[i].type), ","), cases[i].subtype), ",,64K,");
        int result = parse(&table, line, &problem);
        if (result != (cases[i].type_value < 0 ? -1 : 0) ||
            (result == 0 && (table.entry[0].type != cases[i].type_value ||
                             table.entry[0].subtype != cases[i].subtype_value)))
            fail_msg("%s: %d", line, result);
    }
}

static void each_fault_says_where_and_what(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum espota_table_fault fault;
        unsigned line;
        const char *label, *token;
    } cases[] = {
        { "$NONE,data,nvs,,4K", ESPOTA_TABLE_UNKNOWN_VARIABLE, 1, "", "NONE" },
        { "# c\n\nn,,nvs,,4K", ESPOTA_TABLE_EMPTY_TYPE, 3, "n", "" },
        { "n,app,,,4K", ESPOTA_TABLE_EMPTY_APP_SUBTYPE, 1, "n", "" },
        { "n,data,nvs", ESPOTA_TABLE_EMPTY_SIZE, 1, "n", "" },
        { "n,data,nvs,,x", ESPOTA_TABLE_BAD_VALUE, 1, "n", "x" },
        { "n,soup,nvs,,4K", ESPOTA_TABLE_UNKNOWN_TYPE, 1, "n", "soup" },
        { "n,data,soup,,4K", ESPOTA_TABLE_UNKNOWN_SUBTYPE, 1, "n", "soup" },
        { "n,data,nvs,99999999999,4K", ESPOTA_TABLE_VALUE_RANGE, 1, "n", "99999999999" },
        { "n,data,nvs,,4K,readonly:new", ESPOTA_TABLE_UNKNOWN_FLAG, 1, "n", "new" },
        { "n,data,nvs,0x8000,4K", ESPOTA_TABLE_CSV_BELOW, 1, "n", "" },
        { "n,data,nvs,,8K\np,data,phy,0x9000,4K", ESPOTA_TABLE_CSV_OVERLAP, 2, "p", "" },
        { "n,data,nvs,,-0x8000", ESPOTA_TABLE_NEGATIVE_SIZE, 1, "n", "" },
        { "b,bootloader,primary,,", ESPOTA_TABLE_NO_BOOTLOADER_OFFSET, 1, "b", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_table table;
        struct espota_table_problem problem;
        assert_int_equal(parse(&table, cases[i].text, &problem), -1);
        assert_int_equal(problem.fault, cases[i].fault);
        assert_int_equal(problem.line, cases[i].line);
        assert_string_equal(problem.label, cases[i].label);
        assert_string_equal(problem.token, cases[i].token);
    }
}

static void lines_end_where_python_ends_them(void **state)
{
    (void)state;
    static const char *const breaks[] = {
        "\n",   "\r\n", "\r",   "\v",       "\f",           "\x1c",
        "\x1d", "\x1e", "\n\n", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"
    };
    for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++) {
        struct espota_table table;
        struct espota_table_problem problem;
        char text[80] = "\xef\xbb\xbf"
                        "a,data,nvs,,24K,";
        strcat(strcat(text, breaks[i]), "b,data,phy,,4K,");
        assert_int_equal(parse(&table, text, &problem), 0);
        assert_int_equal(table.count, 2);
        assert_string_equal(table.entry[1].label, "b");
        assert_int_equal(table.entry[1].offset, 0xf000);
    }
}

static void fields_are_trimmed_of_every_space(void **state)
{
    (void)state;
    static const char *const spaces[] = { " ",           "\t",           "\x1f",
                                          "\xc2\xa0",    "\xe1\x9a\x80", "\xe2\x80\x83",
                                          "\xe3\x80\x80" };
    for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; i++) {
        struct espota_table table;
        struct espota_table_problem problem;
        char text[80] = "";
        const char *const parts[] = { spaces[i], "a b",     spaces[i],    ",",      spaces[i],
                                      "data",    spaces[i], ",nvs,,24K,", spaces[i] };
        for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++)
            strcat(text, parts[k]);
        assert_int_equal(parse(&table, text, &problem), 0);
        assert_string_equal(table.entry[0].label, "a b");
    }
}

static void a_line_may_be_longer_than_any_buffer(void **state)
{
    (void)state;
    enum { LONG = 100000 };
    struct espota_table table;
    struct espota_table_problem problem;
    char *text = malloc(LONG + 100);
    assert_non_null(text);
    memset(text, ' ', LONG);
    strcpy(text + LONG, "name,data,nvs,,24K,readonly,more");
    assert_int_equal(parse(&table, text, &problem), 0);
    assert_string_equal(table.entry[0].label, "name");
    memset(text, 'x', LONG);
    assert_int_equal(parse(&table, text, &problem), 0);
    assert_string_equal(table.entry[0].label, "xxxxxxxxxxxxxxxx");
    text[0] = '#';
    assert_int_equal(parse(&table, text, &problem), 0);
    assert_int_equal(table.count, 0);
    free(text);
}

static void blank_offsets_follow_and_are_aligned(void **state)
{
    (void)state;
    struct espota_table table;
    struct espota_table_problem problem;
    assert_int_equal(
        parse(
            &table,
            "a,data,nvs,,0x3001\nb,data,phy,,4K\nc,app,factory,,64K\nd,app,ota_0,0x50000,64K\ne,data,fat,,4K",
            &problem),
        0);
    static const uint32_t offsets[] = { 0x9000, 0xd000, 0x10000, 0x50000, 0x60000 };
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(table.entry[i].offset, offsets[i]);
}

static void too_many_partitions_are_refused(void **state)
{
    (void)state;
    struct espota_table table;
    struct espota_table_problem problem;
    char text[96 * 16 + 1] = "";
    for (unsigned i = 0; i < 95; i++)
        strcat(text, "n,1,1,,4K\n");
    assert_int_equal(parse(&table, text, &problem), 0);
    assert_int_equal(table.count, 95);
    strcat(text, "n,1,1,,4K\n");
    assert_int_equal(parse(&table, text, &problem), -1);
    assert_int_equal(problem.fault, ESPOTA_TABLE_TOO_MANY);
}

static void a_new_subtype_is_type_name_and_hexadecimal_value(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name; /* NULL: refused */
        int type, value;
    } cases[] = {
        { "app, my_app1, 0x40", "my_app1", 0, 0x40 },
        { "app,x,41", "x", 0, 0x41 },
        { "data, y , 0XFE", "y", 1, 0xfe },
        { "app,x", NULL, 0, 0 },
        { "app,x,", NULL, 0, 0 },
        { "app,,40", NULL, 0, 0 },
        { "soup,x,40", NULL, 0, 0 },
        { "app,x,0x100", NULL, 0, 0 },
        { "app,x,4g", NULL, 0, 0 },
        { "app,x,10", NULL, 0, 0 },
        { "", NULL, 0, 0 },
        { "app,x,0x", NULL, 0, 0 },
        { "app,x,40,41", NULL, 0, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_subtype_name extra;
        assert_int_equal(espota_subtype_name_parse(&extra, cases[i].text), cases[i].name != NULL);
        if (!cases[i].name)
            continue;
        assert_string_equal(extra.name, cases[i].name);
        assert_int_equal(extra.type, cases[i].type);
        assert_int_equal(extra.value, cases[i].value);
    }
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    struct espota_table table, again;
    struct espota_table_problem problem;
    char text[512], cut[16];
    assert_int_equal(
        parse(
            &table,
            "nvs,data,nvs,,24K,encrypted\nx,0x40,9,,0x1801,readonly\nf,app,factory,,1984K,encrypted:readonly",
            &problem),
        0);
    size_t length = espota_table_format_csv(&table, text, sizeof text);
    assert_int_equal(length, strlen(text));
    assert_int_equal(espota_table_format_csv(&table, cut, sizeof cut), length);
    assert_int_equal(strlen(cut), sizeof cut - 1);
    assert_int_equal(parse(&again, text, &problem), 0);
    assert_memory_equal(&table, &again, sizeof table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_python_integers_with_suffixes),
        cmocka_unit_test(types_and_subtypes_are_numbers_or_names),
        cmocka_unit_test(each_fault_says_where_and_what),
        cmocka_unit_test(lines_end_where_python_ends_them),
        cmocka_unit_test(fields_are_trimmed_of_every_space),
        cmocka_unit_test(a_line_may_be_longer_than_any_buffer),
        cmocka_unit_test(blank_offsets_follow_and_are_aligned),
        cmocka_unit_test(too_many_partitions_are_refused),
        cmocka_unit_test(a_new_subtype_is_type_name_and_hexadecimal_value),
        cmocka_unit_test(what_is_written_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
