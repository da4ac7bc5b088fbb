/* Files merged, placed again, and taken apart. That the bytes are esptool's is for tests/interop/merge.sh. */
#include "espota/merged_image.h"

#include "espota/bytes.h"
#include "espota/digest.h"
#include "espota/image.h"
#include "espota/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const uint8_t bytes[3000] = { 1, 2, 3, [2999] = 9 };

static int merge(struct espota_merge_part *parts, unsigned count, const struct espota_merge_options *options,
                 struct espota_bytes *out, struct espota_error *error)
{
    *out = (struct espota_bytes){ 0 };
    *error = (struct espota_error){ 0 };
    return espota_merge(parts, count, options, out, error);
}

static void raw_has_ff_between_its_parts(void **state)
{
    (void)state;
    struct espota_merge_part parts[] = { { "b", 0x3000, bytes, 3000 }, { "a", 0x1000, bytes, 3 } };
    struct espota_merge_options options = { .target_offset = 0x1000, .pad_to = 0x4000 };
    struct espota_bytes out;
    struct espota_error error;
    assert_int_equal(merge(parts, 2, &options, &out, &error), 0);
    assert_int_equal(out.size, 0x3000);
    assert_memory_equal(out.data, bytes, 3);
    assert_int_equal(out.data[3], 0xff);
    assert_memory_equal(out.data + 0x2000, bytes, 3000);
    assert_int_equal(out.data[0x2fff], 0xff);
    espota_bytes_free(&out);
}

static void what_is_placed_comes_back(void **state)
{
    (void)state;
    static const enum espota_merge_format formats[] = { ESPOTA_MERGE_HEX, ESPOTA_MERGE_UF2 };
    for (size_t i = 0; i < COUNT(formats); i++) {
        struct espota_merge_part parts[] = { { "a", 0xfff8, bytes, 3000 },
                                             { "b", 0x10bb0, bytes, 5 }, /* behind a */
                                             { "c", 0x20000, bytes, 1 } };
        struct espota_merge_options options = { .format = formats[i], .family = 0x1c5f21b0 };
        struct espota_bytes out, store = { 0 };
        struct espota_merge_part *found = NULL;
        struct espota_error error;
        struct espota_file about;
        unsigned count = 0;
        assert_int_equal(merge(parts, 3, &options, &out, &error), 0);
        espota_file_examine(&about, out.data, out.size);
        assert_int_equal(espota_merge_unpack(&out, &about, "x", &store, &found, &count, &error), 0);
        assert_int_equal(count, 2);
        assert_int_equal(found[0].offset, 0xfff8);
        assert_int_equal(found[0].size, 3005);
        assert_memory_equal(found[0].data, bytes, 3000);
        assert_int_equal(found[1].offset, 0x20000);
        free(found);
        espota_bytes_free(&store);
        espota_bytes_free(&out);
    }
}

static void what_cannot_be_merged_is_refused(void **state)
{
    (void)state;
    static const struct {
        struct espota_merge_part parts[2];
        struct espota_merge_options options;
        const char *words;
    } cases[] = {
        { { { "a", 0, bytes, 3 }, { "b", 2, bytes, 3 } }, { 0 }, "a (0x0, 3 bytes) and b (0x2) overlap" },
        { { { "a", 0, bytes, 3 }, { "b", 3, bytes, 3 } },
          { .target_offset = 1 },
          "a goes to 0x0, before 0x1" },
        { { { "a", 0, bytes, 3 }, { "b", 0xffffffff, bytes, 3 } }, { 0 }, "ends beyond 4G" },
        { { { "a", 0, bytes, 3 }, { "b", 0x20000000, bytes, 3 } }, { 0 }, "larger than 256M" },
        { { { "a", 0, bytes, 3 }, { "b", 3, bytes, 3 } },
          { .format = ESPOTA_MERGE_UF2, .chunk_size = 453 },
          "1 to 452" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct espota_merge_part parts[2] = { cases[i].parts[0], cases[i].parts[1] };
        struct espota_bytes out;
        struct espota_error error;
        assert_int_not_equal(merge(parts, 2, &cases[i].options, &out, &error), 0);
        if (!strstr(error.text, cases[i].words))
            fail_msg("'%s' is not in '%s'", cases[i].words, error.text);
        espota_bytes_free(&out);
    }
}

/* ---- taking apart ---------------------------------------------------------------------------------------
 */

/* A dump of flash: a table of odd labels at 0x8000, and bytes here and there. */
static void make_dump(struct espota_bytes *dump)
{
    static uint8_t flash[0x30000];
    struct espota_table table = { .count = 3 };
    struct espota_table_problem problem;
    uint8_t binary[ESPOTA_TABLE_BINARY_SIZE];
    static const struct espota_partition entries[] = {
        { .label = "../nvs",
          .type = ESPOTA_TYPE_DATA,
          .subtype = ESPOTA_DATA_NVS,
          .offset = 0x9000,
          .size = 0x3000 },
        { .label = "a b", .type = ESPOTA_TYPE_DATA, .subtype = 0x40, .offset = 0xc000, .size = 0x1000 },
        { .label = "app", .type = ESPOTA_TYPE_APP, .subtype = 0, .offset = 0x20000, .size = 0x100000 },
    };
    struct espota_error error;
    memcpy(table.entry, entries, sizeof entries);
    memset(flash, 0xff, sizeof flash);
    assert_int_equal(espota_table_format_binary(&table, binary, espota_md5, &problem), 0);
    memcpy(flash + 0x8000, binary, sizeof binary);
    memset(flash + 0x9000, 5, 100);
    memset(flash + 0x1f000, 6, 10);   /* of no partition */
    memset(flash + 0x20000, 0xa5, 4); /* no image */
    *dump = (struct espota_bytes){ 0 };
    assert_int_equal(espota_bytes_append(dump, flash, sizeof flash, &error), 0);
}

static void a_dump_is_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t offset, length;
        bool blank, cut;
    } expected[] = { { "partition-table", 0x8000, 0xc00, false, false },
                     { "_._nvs", 0x9000, 0x3000, false, false },
                     { "a_b", 0xc000, 0x1000, true, false },
                     { "app", 0x20000, 4, false, true },
                     { "data-0xd000", 0xd000, 0x1200a, false, false } }; /* up to its last byte */
    struct espota_extract *extract = calloc(1, sizeof *extract);
    struct espota_bytes dump;
    struct espota_file about;
    struct espota_error error = { 0 };
    make_dump(&dump);
    assert_non_null(extract);
    espota_file_examine(&about, dump.data, dump.size);
    assert_int_equal(espota_extract(extract, "x", &about, dump.data, dump.size, &error), 0);
    assert_int_equal(extract->count, COUNT(expected));
    for (size_t i = 0; i < COUNT(expected); i++) {
        const struct espota_extract_part *part = &extract->part[i];
        assert_string_equal(part->name, expected[i].name);
        assert_int_equal(part->offset, expected[i].offset);
        assert_int_equal(part->length, expected[i].length);
        assert_int_equal(part->blank, expected[i].blank);
        assert_int_equal(part->cut, expected[i].cut);
    }
    free(extract);
    espota_bytes_free(&dump);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_has_ff_between_its_parts),
        cmocka_unit_test(what_is_placed_comes_back),
        cmocka_unit_test(what_cannot_be_merged_is_refused),
        cmocka_unit_test(a_dump_is_taken_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
