/* The planner's rules. */
#include "espota/error.h"
#include "espota/plan.h"
#include "espota/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define KiB(n) ((n)*1024u)
#define MiB(n) ((n)*1024u * 1024u)

static struct espota_plan plan_or_fail(struct espota_plan_request request)
{
    struct espota_plan plan;
    struct espota_error error = { 0 };
    if (espota_plan_make(&plan, &request, &error) != 0)
        fail_msg("%s", error.text);
    return plan;
}

static enum espota_status refusal(struct espota_plan_request request, struct espota_error *error)
{
    struct espota_plan plan;
    return (enum espota_status)espota_plan_make(&plan, &request, error);
}

static void layouts_follow_flash_size_and_options(void **state)
{
    (void)state;
    static const struct {
        struct espota_plan_request request;
        enum espota_layout layout;
    } cases[] = {
        { { .flash_size = MiB(4) }, ESPOTA_LAYOUT_2P },
        { { .flash_size = MiB(8) }, ESPOTA_LAYOUT_2P },
        { { .flash_size = MiB(16) }, ESPOTA_LAYOUT_3P },
        { { .flash_size = MiB(16), .layout = ESPOTA_LAYOUT_2P }, ESPOTA_LAYOUT_2P },
        { { .flash_size = MiB(8), .layout = ESPOTA_LAYOUT_3P }, ESPOTA_LAYOUT_3P },
        { { .flash_size = MiB(16), .layout = ESPOTA_LAYOUT_SINGLE }, ESPOTA_LAYOUT_SINGLE },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(plan_or_fail(cases[i].request).layout, cases[i].layout);
}

static void app_sizes_are_rounded_up_to_64k_and_no_further(void **state)
{
    (void)state;
    static const uint32_t cases[][2] = {
        { 1, KiB(64) }, { KiB(64), KiB(64) }, { KiB(64) + 1, KiB(128) }, { KiB(1728), KiB(1728) }
    };
    for (size_t i = 0; i < 4; i++) {
        struct espota_plan p =
            plan_or_fail((struct espota_plan_request){ .flash_size = MiB(16), .app_size = cases[i][0] });
        assert_int_equal(espota_table_find(&p.table, "MicroPython_1")->size, cases[i][1]);
    }
}

static void app_size_grows_to_hold_the_app_with_a_note(void **state)
{
    (void)state;
    struct espota_plan p = plan_or_fail(
        (struct espota_plan_request){ .flash_size = MiB(4), .app_file_size = 1553392, .app_file = "a.bin" });
    assert_int_equal(espota_table_find(&p.table, "MicroPython_1")->size, KiB(1536));
    assert_string_equal(p.note[0].text, "app size grown from 1024K to 1536K to hold a.bin");
}

static void plan_reduces_a_file_system_that_does_not_fit(void **state)
{
    (void)state;
    struct espota_plan p = plan_or_fail(
        (struct espota_plan_request){ .flash_size = MiB(4), .fs_size_given = true, .fs_size = MiB(3) });
    assert_int_equal(espota_table_find(&p.table, "internalfs")->size, KiB(1984));
    assert_true(p.note[0].warning);
    assert_string_equal(p.note[0].text, "file system reduced from 3072K to 1984K to fit");
}

static void impossible_requests_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        struct espota_plan_request request;
        enum espota_status status;
        const char *text;
        enum espota_hint hint;
        uint32_t value[3];
    } cases[] = {
        { { .flash_size = MiB(4), .layout = ESPOTA_LAYOUT_3P },
          ESPOTA_ERR_USAGE,
          "needs 8M of flash",
          ESPOTA_HINT_FEWER_APPS,
          { ESPOTA_LAYOUT_2P } },
        { { .flash_size = MiB(3) }, ESPOTA_ERR_USAGE, "no ESP32 has", ESPOTA_HINT_FLASH_SIZE, { 0 } },
        { { .flash_size = MiB(4), .app_size = MiB(2) },
          ESPOTA_ERR_TOO_BIG,
          "bytes too many",
          ESPOTA_HINT_MORE_ROOM,
          { KiB(1984), MiB(8), ESPOTA_LAYOUT_SINGLE } },
        { { .flash_size = MiB(4), .app_size = MiB(5) },
          ESPOTA_ERR_TOO_BIG,
          "bytes too many",
          ESPOTA_HINT_SMALLER_APP,
          { 0 } },
        { { .flash_size = MiB(4), .fs = "ext4" },
          ESPOTA_ERR_USAGE,
          "no file system type",
          ESPOTA_HINT_NONE,
          { 0 } },
        { { .flash_size = MiB(4), .nvs_size = 4096 },
          ESPOTA_ERR_USAGE,
          "needs 12K",
          ESPOTA_HINT_NONE,
          { 0 } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_error error = { 0 };
        assert_int_equal(refusal(cases[i].request, &error), cases[i].status);
        assert_non_null(strstr(error.text, cases[i].text));
        assert_null(strstr(error.text, "--"));
        assert_int_equal(error.hint, cases[i].hint);
        assert_memory_equal(error.hint_value, cases[i].value, sizeof error.hint_value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts_follow_flash_size_and_options),
        cmocka_unit_test(app_sizes_are_rounded_up_to_64k_and_no_further),
        cmocka_unit_test(app_size_grows_to_hold_the_app_with_a_note),
        cmocka_unit_test(plan_reduces_a_file_system_that_does_not_fit),
        cmocka_unit_test(impossible_requests_are_refused_with_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
