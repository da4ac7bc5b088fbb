/* From one layout to another: what becomes of each partition, and what has to be erased. */
#include "espota/error.h"
#include "espota/layout_change.h"
#include "espota/plan.h"
#include "espota/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define KiB(n) ((n)*1024u)
#define MiB(n) ((n)*1024u * 1024u)

/* Each case: one partition before, and what there is of it after. */
static void each_kind_of_change_has_a_name(void **state)
{
    static const struct espota_partition before = {
        .label = "a", .type = 1, .subtype = 2, .offset = 0x10000, .size = 0x4000
    };
    static const struct {
        struct espota_partition after;
        enum espota_layout_change_kind kind;
        const char *text; /* NULL: it stays */
    } cases[] = {
        { { .label = "a", .type = 1, .subtype = 2, .offset = 0x10000, .size = 0x4000 },
          ESPOTA_CHANGE_STAYS,
          NULL },
        { { .label = "a", .type = 1, .subtype = 2, .offset = 0x20000, .size = 0x4000 },
          ESPOTA_CHANGE_MOVED,
          "'a' moves from 0x10000 to 0x20000" },
        { { .label = "a", .type = 1, .subtype = 2, .offset = 0x10000, .size = 0x8000 },
          ESPOTA_CHANGE_GROWN,
          "'a' grows from 16K to 32K" },
        { { .label = "a", .type = 1, .subtype = 2, .offset = 0x10000, .size = 0x2000 },
          ESPOTA_CHANGE_SHRUNK,
          "'a' shrinks from 16K to 8K" },
        { { .label = "a", .type = 1, .subtype = 0x81, .offset = 0x10000, .size = 0x4000 },
          ESPOTA_CHANGE_RETYPED,
          "'a'" },
        { { .label = "b", .type = 1, .subtype = 2, .offset = 0x10000, .size = 0x4000 },
          ESPOTA_CHANGE_VANISHED,
          "vanishes" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_table from = { .count = 1, .entry = { before } };
        struct espota_table to = { .count = 1, .entry = { cases[i].after } };
        struct espota_layout_change change[1];
        char text[ESPOTA_LAYOUT_TEXT];
        bool stays = cases[i].text == NULL;
        assert_int_equal(espota_layout_compare(&from, &to, change), !stays);
        assert_int_equal(change[0].kind, cases[i].kind);
        assert_int_equal(espota_layout_same(&from, &to), stays);
        if (!stays)
            assert_non_null(strstr(espota_layout_change_text(&change[0], text), cases[i].text));
    }
}

static struct espota_plan plan_or_fail(struct espota_plan_request request)
{
    struct espota_plan plan;
    struct espota_error error = { 0 };
    if (espota_plan_make(&plan, &request, &error) != 0)
        fail_msg("%s", error.text);
    return plan;
}

static void a_change_of_layout_names_what_moves_and_vanishes(void **state)
{
    (void)state;
    struct espota_plan two =
        plan_or_fail((struct espota_plan_request){ .flash_size = MiB(16), .layout = ESPOTA_LAYOUT_2P });
    struct espota_plan three = plan_or_fail((struct espota_plan_request){ .flash_size = MiB(16) });
    struct espota_layout_change change[ESPOTA_TABLE_MAX_ENTRIES];
    char text[ESPOTA_LAYOUT_TEXT];
    assert_true(espota_layout_same(&two.table, &two.table));
    assert_false(espota_layout_same(&two.table, &three.table));
    assert_int_equal(espota_layout_compare(&three.table, &two.table, change), 4);
    assert_int_equal(change[0].kind, ESPOTA_CHANGE_STAYS);
    assert_string_equal(espota_layout_change_text(&change[3], text),
                        "'MicroPython' (factory) at 0x10000 vanishes");
    assert_string_equal(espota_layout_change_text(&change[4], text),
                        "'MicroPython_1' moves from 0x110000 to 0x10000");
}

static const struct espota_layout_erasure *find_erasure(const struct espota_layout_erasure *erasure,
                                                        unsigned count, const char *label)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(erasure[i].partition->label, label) == 0)
            return &erasure[i];
    return NULL;
}

static void a_migration_erases_what_is_not_as_it_was_and_no_more(void **state)
{
    (void)state;
    struct espota_plan small = plan_or_fail((struct espota_plan_request){ .flash_size = MiB(4) });
    struct espota_plan large =
        plan_or_fail((struct espota_plan_request){ .flash_size = MiB(4), .app_size = KiB(1280) });
    struct espota_layout_erasure erasure[ESPOTA_TABLE_MAX_ENTRIES];
    assert_int_equal(espota_layout_erasures(&small.table, &small.table, erasure), 0);
    unsigned count = espota_layout_erasures(&small.table, &large.table, erasure);
    assert_null(find_erasure(erasure, count, "nvs"));
    assert_null(find_erasure(erasure, count, "phy_init"));
    const struct espota_layout_erasure *fs = find_erasure(erasure, count, "internalfs");
    assert_non_null(fs);
    assert_int_equal(fs->length, espota_table_find(&large.table, "internalfs")->size);
    const struct espota_layout_erasure *slot = find_erasure(erasure, count, "MicroPython_2");
    assert_non_null(slot);
    assert_int_equal(slot->length, 4096);
    const struct espota_layout_erasure *otadata = find_erasure(erasure, count, "otadata");
    assert_non_null(otadata);
    assert_int_equal(otadata->length, 8192);
}

static void a_partition_that_is_only_renamed_keeps_what_it_holds(void **state)
{
    (void)state;
    struct espota_plan before = plan_or_fail((struct espota_plan_request){ .flash_size = MiB(4) });
    struct espota_plan after =
        plan_or_fail((struct espota_plan_request){ .flash_size = MiB(4), .fs_name = "storage" });
    struct espota_layout_erasure erasure[ESPOTA_TABLE_MAX_ENTRIES];
    assert_int_equal(espota_layout_erasures(&before.table, &after.table, erasure), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_change_has_a_name),
        cmocka_unit_test(a_change_of_layout_names_what_moves_and_vanishes),
        cmocka_unit_test(a_migration_erases_what_is_not_as_it_was_and_no_more),
        cmocka_unit_test(a_partition_that_is_only_renamed_keeps_what_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
