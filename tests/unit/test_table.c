/* The binary partition table: as today's generator judges it, and as the bootloader does. The files in
 * tests/data/older-tables come from older generators; other bytes are made here, by the format. */
#include "espota/buffer.h"
#include "espota/bytes.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OLDER "tests/data/older-tables/"

enum { RECORD = ESPOTA_TABLE_RECORD_SIZE, FLASH_4M = 4 << 20 };

/* ---- making tables ----------------------------------------------------------------------------------------
 */

static void put_entry(uint8_t *at, uint8_t type, uint8_t subtype, uint32_t offset, uint32_t size,
                      const char *label)
{
    memset(at, 0, RECORD);
    espota_put_le16(at, 0x50aa);
    at[2] = type;
    at[3] = subtype;
    espota_put_le32(at + 4, offset);
    espota_put_le32(at + 8, size);
    for (size_t i = 0; i < ESPOTA_LABEL_LENGTH && label[i]; i++)
        at[12 + i] = (uint8_t)label[i];
}

static void put_md5(uint8_t *table, size_t at)
{
    memset(table + at, 0xff, RECORD);
    espota_put_le16(table + at, 0xebeb);
    assert_int_equal(espota_md5(table, at, table + at + 16), 0);
}

/* nvs, factory, MD5, end. */
static void make_small(uint8_t table[ESPOTA_TABLE_BINARY_SIZE])
{
    memset(table, 0xff, ESPOTA_TABLE_BINARY_SIZE);
    put_entry(table, 1, 2, 0x9000, 0x6000, "nvs");
    put_entry(table + RECORD, 0, 0, 0x10000, 0x100000, "factory");
    put_md5(table, (size_t)2 * RECORD);
}

static int parse_flash(struct espota_table *table, const uint8_t *data, uint64_t flash_size,
                       struct espota_table_problem *problem)
{
    return espota_table_parse_flash(table, data, ESPOTA_TABLE_BINARY_SIZE, 0x8000, flash_size, espota_md5,
                                    problem);
}

static void read_older(const char *name, struct espota_bytes *bytes)
{
    char path[128];
    struct espota_error error;
    (void)snprintf(path, sizeof path, OLDER "%s.bin", name);
    assert_int_equal(espota_file_read(path, 1 << 16, bytes, &error), 0);
    assert_int_equal(bytes->size, ESPOTA_TABLE_BINARY_SIZE);
}

struct breaches {
    unsigned count;
    enum espota_table_fault fault[32];
    char label[32][ESPOTA_LABEL_LENGTH + 1];
};

static void collect(void *context, const struct espota_table_problem *problem)
{
    struct breaches *b = context;
    if (b->count < 32) {
        b->fault[b->count] = problem->fault;
        memcpy(b->label[b->count], problem->label, sizeof problem->label);
    }
    b->count++;
}

/* ---- what is on devices -----------------------------------------------------------------------------------
 */

static void tables_of_older_generators_are_taken_and_their_breaches_listed(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned entries, count;
        enum espota_table_fault fault[3];
    } cases[] = {
        { "no-md5", 6, 0, { 0 } },
        { "same-names", 6, 1, { ESPOTA_TABLE_DUPLICATE_NAME } },
        { "otadata-4k", 6, 1, { ESPOTA_TABLE_OTADATA_SIZE } },
        { "otadata-12k", 6, 1, { ESPOTA_TABLE_OTADATA_SIZE } },
        { "two-otadata", 7, 2, { ESPOTA_TABLE_NVS_TOO_SMALL, ESPOTA_TABLE_SEVERAL_OTADATA } },
        { "app-size", 6, 2, { ESPOTA_TABLE_MISALIGNED_SIZE, ESPOTA_TABLE_MISALIGNED_SIZE } },
        { "unaligned", 7, 2, { ESPOTA_TABLE_MISALIGNED_OFFSET, ESPOTA_TABLE_MISALIGNED_OFFSET } },
        { "nvs-8k", 6, 1, { ESPOTA_TABLE_NVS_TOO_SMALL } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_bytes bytes = { 0 };
        struct espota_table table;
        struct espota_table_problem problem;
        struct breaches b = { 0 };
        read_older(cases[i].name, &bytes);
        assert_int_equal(parse_flash(&table, bytes.data, FLASH_4M, &problem), 0);
        assert_int_equal(table.count, cases[i].entries);
        assert_int_equal(table.has_md5, strcmp(cases[i].name, "no-md5") != 0);
        assert_int_equal(espota_table_check(&table, collect, &b), cases[i].count);
        for (unsigned k = 0; k < cases[i].count; k++)
            assert_int_equal(b.fault[k], cases[i].fault[k]);
        assert_int_equal(espota_table_verify(&table, &problem), cases[i].count ? -1 : 0);
        espota_bytes_free(&bytes);
    }
}

/* How one table goes wrong, and what becomes of it. */
struct change {
    const char *name;
    void (*make)(uint8_t *table);
    int fault; /* of the bootloader; 0: it takes the table */
    unsigned entries;
};

static void nothing_at_all(uint8_t *t)
{
    memset(t, 0xff, ESPOTA_TABLE_BINARY_SIZE);
}
static void zeros(uint8_t *t)
{
    memset(t, 0, ESPOTA_TABLE_BINARY_SIZE);
}
static void bad_md5(uint8_t *t)
{
    t[8] ^= 1;
}
static void no_md5(uint8_t *t)
{
    memset(t + 64, 0xff, RECORD);
}
static void rubbish_in_the_end_marker(uint8_t *t)
{
    t[96 + 7] = 0x12;
}
static void unknown_flags(uint8_t *t)
{
    espota_put_le32(t + 28, 0x80), put_md5(t, 64);
}
static void unknown_type(uint8_t *t)
{
    t[2] = 0x77, put_md5(t, 64);
}
static void empty_label(uint8_t *t)
{
    memset(t + 12, 0, 16), put_md5(t, 64);
}
static void label_without_nul(uint8_t *t)
{
    memset(t + 12, 'x', 16), put_md5(t, 64);
}
static void second_magic(uint8_t *t)
{
    t[32] = 0, put_md5(t, 64);
}
static void beyond(uint8_t *t)
{
    espota_put_le32(t + 40, FLASH_4M), put_md5(t, 64);
}
static void wraps(uint8_t *t)
{
    espota_put_le32(t + 40, 0xffff0000), put_md5(t, 64);
}
static void at_the_end(uint8_t *t)
{
    espota_put_le32(t + 40, FLASH_4M - 0x10000), put_md5(t, 64);
}
static void md5_alone(uint8_t *t)
{
    nothing_at_all(t), put_md5(t, 0);
}
static void two_md5(uint8_t *t)
{
    put_md5(t, 96);
}
static void entry_after_md5(uint8_t *t)
{
    put_entry(t + 96, 1, 6, 0x200000, 0x1000, "late");
}

static void no_end(uint8_t *t)
{
    for (size_t at = 0; at < ESPOTA_TABLE_BINARY_SIZE; at += RECORD)
        put_entry(t + at, 1, 6, 0x10000, 0x1000, "x");
}

static void ninety_five(uint8_t *t)
{
    no_end(t);
    memset(t + 95u * RECORD, 0xff, RECORD);
}

static void a_table_in_flash_is_judged_as_the_bootloader_judges_it(void **state)
{
    (void)state;
    static const struct change cases[] = {
        { "nothing", nothing_at_all, ESPOTA_TABLE_BAD_MAGIC, 0 },
        { "zeros", zeros, ESPOTA_TABLE_BAD_MAGIC, 0 },
        { "MD5 that does not match", bad_md5, ESPOTA_TABLE_BAD_MD5, 0 },
        { "no MD5", no_md5, 0, 2 },
        { "only four bytes make an end", rubbish_in_the_end_marker, 0, 2 },
        { "unknown flags", unknown_flags, 0, 2 },
        { "unknown type", unknown_type, 0, 2 },
        { "empty label", empty_label, 0, 2 },
        { "label without NUL", label_without_nul, 0, 2 },
        { "magic bytes of an entry", second_magic, ESPOTA_TABLE_BAD_MAGIC, 0 },
        { "beyond the flash", beyond, ESPOTA_TABLE_BEYOND_FLASH, 0 },
        { "offset and size overflow", wraps, ESPOTA_TABLE_BEYOND_FLASH, 0 },
        { "up to the last byte of flash", at_the_end, 0, 2 },
        { "an MD5 of nothing", md5_alone, 0, 0 },
        { "two MD5 records", two_md5, ESPOTA_TABLE_BAD_MAGIC, 0 },
        { "an entry after the MD5 loses the last", entry_after_md5, 0, 2 },
        { "96 entries and no end", no_end, ESPOTA_TABLE_NO_END, 0 },
        { "95 entries", ninety_five, 0, 95 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t data[ESPOTA_TABLE_BINARY_SIZE];
        struct espota_table table;
        struct espota_table_problem problem = { 0 };
        uint64_t size = cases[i].make == at_the_end ? FLASH_4M + 0x100000 - 0x10000 : FLASH_4M;
        make_small(data);
        cases[i].make(data);
        int result = parse_flash(&table, data, size, &problem);
        if (result != (cases[i].fault ? -1 : 0) || (result != 0 && (int)problem.fault != cases[i].fault))
            fail_msg("%s: result %d, fault %d", cases[i].name, result, (int)problem.fault);
        if (result == 0 && table.count != cases[i].entries)
            fail_msg("%s: %u entries", cases[i].name, table.count);
    }
}

static void an_unknown_flash_size_refuses_nothing(void **state)
{
    (void)state;
    uint8_t data[ESPOTA_TABLE_BINARY_SIZE];
    struct espota_table table;
    struct espota_table_problem problem;
    make_small(data);
    wraps(data);
    assert_int_equal(parse_flash(&table, data, 0, &problem), 0);
}

static void less_than_a_record_is_read_no_further(void **state)
{
    (void)state;
    uint8_t data[ESPOTA_TABLE_BINARY_SIZE];
    struct espota_table table;
    struct espota_table_problem problem;
    make_small(data);
    for (size_t length = 0; length < 4u * RECORD; length++) {
        uint8_t *exact = malloc(length + !length); /* a byte too far is the sanitizer's */
        assert_non_null(exact);
        memcpy(exact, data, length);
        assert_int_equal(espota_table_parse_flash(&table, exact, length, 0x8000, 0, espota_md5, &problem),
                         -1);
        free(exact);
    }
}

/* ---- which of several counts ------------------------------------------------------------------------------
 */

static void of_two_otadata_and_of_two_apps_the_last_counts(void **state)
{
    (void)state;
    struct espota_bytes bytes = { 0 };
    struct espota_table table;
    struct espota_table_problem problem;
    read_older("two-otadata", &bytes);
    assert_int_equal(parse_flash(&table, bytes.data, FLASH_4M, &problem), 0);
    assert_string_equal(espota_table_otadata(&table)->label, "otadata");
    table.entry[5].subtype = ESPOTA_APP_OTA_0; /* a second ota_0 */
    assert_ptr_equal(espota_table_slot(&table, 0), &table.entry[5]);
    assert_int_equal(espota_table_slot_count(&table), 2);
    espota_bytes_free(&bytes);
}

static void of_two_nvs_the_first_counts(void **state)
{
    (void)state;
    struct espota_table table = { .count = 2 };
    for (unsigned i = 0; i < 2; i++) {
        table.entry[i].type = ESPOTA_TYPE_DATA;
        table.entry[i].subtype = ESPOTA_DATA_NVS;
    }
    assert_ptr_equal(espota_table_find_type(&table, ESPOTA_TYPE_DATA, ESPOTA_DATA_NVS), &table.entry[0]);
}

static void otadata_that_the_bootloader_cannot_read_is_none(void **state)
{
    (void)state;
    static const struct {
        uint32_t size;
        bool found;
    } cases[] = { { 0, false }, { 0x1000, false }, { 0x1fff, false }, { 0x2000, true }, { 0x3000, true } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_table table = { .count = 1 };
        table.entry[0].type = ESPOTA_TYPE_DATA;
        table.entry[0].size = cases[i].size;
        assert_int_equal(espota_table_otadata(&table) != NULL, cases[i].found);
    }
}

/* ---- writing without harm ---------------------------------------------------------------------------------
 */

static void a_partition_that_shares_flash_is_not_writable(void **state)
{
    (void)state;
    static const struct {
        uint32_t offset, size; /* of the other partition is 0x20000+0x10000; the table lies at 0x8000 */
        int fault;
    } cases[] = {
        { 0x10000, 0x10000, 0 },
        { 0x30000, 0x10000, 0 },
        { 0x10000, 0x10001, ESPOTA_TABLE_OVERLAP },
        { 0x20000, 0x10000, ESPOTA_TABLE_OVERLAP },
        { 0x21000, 0x1000, ESPOTA_TABLE_OVERLAP },
        { 0x10000, 0xffffffff, ESPOTA_TABLE_OVERLAP },
        { 0x8000, 0x1000, ESPOTA_TABLE_BELOW_TABLE },
        { 0, 0x1000, ESPOTA_TABLE_BELOW_TABLE },
        { 0x10004, 0x1000, ESPOTA_TABLE_MISALIGNED_OFFSET },
        { 0x30000, 0, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_table table = { .offset = 0x8000, .count = 2 };
        struct espota_table_problem problem = { 0 };
        table.entry[0].offset = cases[i].offset;
        table.entry[0].size = cases[i].size;
        table.entry[1].offset = 0x20000;
        table.entry[1].size = 0x10000;
        int result = espota_table_verify_writable(&table, &table.entry[0], &problem);
        assert_int_equal(result, cases[i].fault ? -1 : 0);
        assert_int_equal(problem.fault, cases[i].fault);
    }
}

static void capacity_is_whole_sectors_within_the_partition(void **state)
{
    (void)state;
    static const struct {
        uint32_t offset, size, capacity;
    } cases[] = {
        { 0x10000, 0x100000, 0x100000 },
        { 0x10000, 0x100100, 0x100000 },
        { 0x10000, 0xfff, 0 },
        { 0x10004, 0x1000, 0 },
        { 0x10004, 0x1ffc, 0x1000 },
        { 0x10000, 0, 0 },
        { 0x10001, 0xffffffff, 0xfffff000 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_partition p = { .offset = cases[i].offset, .size = cases[i].size };
        assert_int_equal(espota_partition_capacity(&p), cases[i].capacity);
    }
}

static void room_ends_where_a_neighbours_sector_begins(void **state)
{
    (void)state;
    static const struct {
        uint32_t size, next, room;
    } cases[] = {
        { 0x1800, 0x11800, 0x1000 }, { 0x1800, 0x11fff, 0x1000 }, { 0x1800, 0x12000, 0x1800 },
        { 0x2000, 0x12000, 0x2000 }, { 0x1800, 0x11000, 0x1800 }, { 0x800, 0x10800, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_table table = { .count = 2 };
        table.entry[0].offset = 0x10000;
        table.entry[0].size = cases[i].size;
        table.entry[1].offset = cases[i].next;
        assert_int_equal(espota_table_room(&table, &table.entry[0]), cases[i].room);
    }
}

/* ---- the generator's rules --------------------------------------------------------------------------------
 */

static void every_breach_is_reported_in_the_generators_order(void **state)
{
    (void)state;
    static const struct espota_partition entries[] = {
        { "low", ESPOTA_TYPE_DATA, ESPOTA_DATA_NVS, 0x1004, 0x1000, 0 },
        { "app", ESPOTA_TYPE_APP, ESPOTA_APP_FACTORY, 0x18000, 0x20010, 0 },
        { "app", ESPOTA_TYPE_DATA, ESPOTA_DATA_OTA, 0x20000, 0x1000, ESPOTA_FLAG_READONLY },
        { "ota2", ESPOTA_TYPE_DATA, ESPOTA_DATA_OTA, 0x50000, 0x2000, 0 },
    };
    static const enum espota_table_fault expected[] = {
        ESPOTA_TABLE_MISALIGNED_OFFSET, ESPOTA_TABLE_NVS_TOO_SMALL, ESPOTA_TABLE_MISALIGNED_OFFSET,
        ESPOTA_TABLE_MISALIGNED_SIZE,   ESPOTA_TABLE_NOT_READONLY,  ESPOTA_TABLE_DUPLICATE_NAME,
        ESPOTA_TABLE_BELOW_TABLE,       ESPOTA_TABLE_OVERLAP,       ESPOTA_TABLE_OTADATA_SIZE,
        ESPOTA_TABLE_SEVERAL_OTADATA,
    };
    struct espota_table table = { .offset = 0x8000, .count = 4 };
    struct espota_table_problem first;
    struct breaches b = { 0 };
    memcpy(table.entry, entries, sizeof entries);
    assert_int_equal(espota_table_check(&table, collect, &b), sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(b.fault[i], expected[i]);
    assert_int_equal(espota_table_check(&table, NULL, NULL), b.count);
    assert_int_equal(espota_table_verify(&table, &first), -1);
    assert_int_equal(first.fault, expected[0]);
    assert_string_equal(first.label, "low");
}

static void a_table_survives_a_round_trip(void **state)
{
    (void)state;
    uint8_t data[ESPOTA_TABLE_BINARY_SIZE], again[ESPOTA_TABLE_BINARY_SIZE];
    struct espota_table table;
    struct espota_table_problem problem;
    make_small(data);
    assert_int_equal(espota_table_parse_binary(&table, data, sizeof data, 0x8000, espota_md5, &problem), 0);
    assert_int_equal(espota_table_verify(&table, &problem), 0);
    assert_int_equal(espota_table_format_binary(&table, again, espota_md5, &problem), 0);
    assert_memory_equal(data, again, sizeof data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_of_older_generators_are_taken_and_their_breaches_listed),
        cmocka_unit_test(a_table_in_flash_is_judged_as_the_bootloader_judges_it),
        cmocka_unit_test(an_unknown_flash_size_refuses_nothing),
        cmocka_unit_test(less_than_a_record_is_read_no_further),
        cmocka_unit_test(of_two_otadata_and_of_two_apps_the_last_counts),
        cmocka_unit_test(of_two_nvs_the_first_counts),
        cmocka_unit_test(otadata_that_the_bootloader_cannot_read_is_none),
        cmocka_unit_test(a_partition_that_shares_flash_is_not_writable),
        cmocka_unit_test(capacity_is_whole_sectors_within_the_partition),
        cmocka_unit_test(room_ends_where_a_neighbours_sector_begins),
        cmocka_unit_test(every_breach_is_reported_in_the_generators_order),
        cmocka_unit_test(a_table_survives_a_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
