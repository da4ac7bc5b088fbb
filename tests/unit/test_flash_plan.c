/* Plans of flashing: what a device holds decides, and what a file is. */
#include "espota/bytes.h"
#include "espota/error.h"
#include "espota/flash_plan.h"
#include "espota/otadata.h"

#include "fixtures/flash_board.h"
#include "fixtures/fresh_otadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KiB(n) ((n)*1024u)

/* ---- what is on the device decides ----------------------------------------------------------------------
 */

static void damage_table(uint8_t *flash)
{
    flash[0x8005] ^= 0x10;
}

static void move_table(uint8_t *flash)
{
    memcpy(flash + 0xc000, flash + 0x8000, 0x1000);
    memset(flash + 0x8000, 0xff, 0x1000);
}

static void drop_table(uint8_t *flash)
{
    memset(flash + 0x8000, 0xff, 0x1000);
}

static void scatter(uint8_t *flash)
{
    uint32_t x = 1;
    for (uint32_t at = 0; at < 0x40000; at++) {
        x = x * 1664525 + 1013904223;
        flash[at] = (uint8_t)(x >> 24);
    }
}

static void mcuboot(uint8_t *flash)
{
    memset(flash, 0xff, FLASH);
    espota_put_le32(flash + 0x20000, 0x96f3b83d);
}

static void one_byte(uint8_t *flash)
{
    memset(flash, 0xff, FLASH);
    flash[FLASH - 1] = 0;
}

static void nothing(uint8_t *flash)
{
    memset(flash, 0xff, FLASH);
}

static void as_it_was(uint8_t *flash)
{
    (void)flash;
}

static const struct {
    void (*change)(uint8_t *flash);
    enum espota_flash_state state;
    uint32_t offset;
    enum espota_status status; /* of an app alone */
    enum espota_hint hint;
} contents[] = {
    { as_it_was, ESPOTA_FLASH_HAS_TABLE, 0x8000, ESPOTA_OK, ESPOTA_HINT_NONE },
    { nothing, ESPOTA_FLASH_IS_BLANK, 0x8000, ESPOTA_OK, ESPOTA_HINT_NONE },
    { damage_table, ESPOTA_FLASH_TABLE_DAMAGED, 0x8000, ESPOTA_ERR_REFUSED, ESPOTA_HINT_MEND_TABLE },
    { move_table, ESPOTA_FLASH_TABLE_ELSEWHERE, 0xc000, ESPOTA_ERR_REFUSED, ESPOTA_HINT_OTHER_TABLE },
    { drop_table, ESPOTA_FLASH_HAS_APP, 0x10000, ESPOTA_ERR_REFUSED, ESPOTA_HINT_WRITE_OVER },
    { scatter, ESPOTA_FLASH_ENCRYPTED, 0x8000, ESPOTA_ERR_REFUSED, ESPOTA_HINT_WRITE_OVER },
    { mcuboot, ESPOTA_FLASH_HAS_MCUBOOT, 0x20000, ESPOTA_ERR_REFUSED, ESPOTA_HINT_WRITE_OVER },
    { one_byte, ESPOTA_FLASH_HAS_DATA, 0x3f0000, ESPOTA_ERR_REFUSED, ESPOTA_HINT_WRITE_OVER },
};

static void what_flash_holds_decides_what_an_app_alone_may_do(void **state)
{
    struct espota_flash_files files = { 0 };
    struct espota_flash_request request = { .files = &files };
    (void)state;
    flash_board_add_file(&files, ESPOTA_FLASH_APP, "app2.bin", app_v2, app_size);
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        struct flash_board b;
        struct espota_error error = { 0 };
        struct espota_flash_plan *plan = malloc(sizeof *plan);
        flash_board_flashed(&b);
        contents[i].change(b.flash);
        b.operations = 0;
        assert_int_equal(flash_board_plan_and_run(&b, plan, &request, &error), contents[i].status);
        assert_int_equal(plan->contents.state, contents[i].state);
        if (contents[i].state != ESPOTA_FLASH_IS_BLANK)
            assert_int_equal(plan->contents.offset, contents[i].offset);
        assert_int_equal(error.hint, contents[i].hint);
        assert_int_equal(plan->refusal, contents[i].status ? ESPOTA_FLASH_NO_TABLE : ESPOTA_FLASH_GRANTED);
        assert_int_equal(b.operations > 0, contents[i].status == ESPOTA_OK);
        espota_flash_plan_free(plan);
        free(plan);
        free(b.flash);
    }
    espota_flash_files_free(&files);
}

static void looking_at_a_device_reads_little(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        struct flash_board b;
        struct espota_error error;
        struct espota_flash_contents c;
        flash_board_flashed(&b);
        contents[i].change(b.flash);
        b.bytes_read = 0;
        assert_int_equal(espota_flash_look(&c, &b.device, 0x8000, &error), 0);
        assert_in_range(b.bytes_read, 0xc00, KiB(10));
        free(b.flash);
    }
}

static void force_and_erase_go_on_where_it_was_refused(void **state)
{
    struct espota_flash_files files = { 0 };
    struct espota_flash_request force = { .files = &files, .force = true },
                                erase = { .files = &files, .policy = ESPOTA_FLASH_ERASE };
    (void)state;
    flash_board_add_file(&files, ESPOTA_FLASH_APP, "app2.bin", app_v2, app_size);
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        struct flash_board b;
        flash_board_flashed(&b);
        contents[i].change(b.flash);
        flash_board_run_or_fail(&b, &force);
        assert_memory_equal(b.flash + 0x10000, app_v2, app_size);
        flash_board_run_or_fail(&b, &erase);
        assert_int_equal(b.flash[0x9000], 0xff);
        free(b.flash);
    }
    espota_flash_files_free(&files);
}

/* ---- where an app goes, and what boots ------------------------------------------------------------------
 */

static void otadata_says(uint8_t *flash, int slot)
{
    fresh_otadata(slot, flash + 0xd000);
}

static void an_app_goes_into_the_slot_that_boots_next(void **state)
{
    static const struct {
        int active;        /* slot that otadata says */
        bool second_holds; /* an app in MicroPython_2 */
        bool has_loader;
        const char *slot; /* asked for */
        const char *app, *boots;
        enum espota_flash_loader loader;
    } cases[] = {
        { 0, true, true, NULL, "MicroPython_1", "MicroPython_1", ESPOTA_FLASH_LOADER_STAYS },
        { 1, true, true, NULL, "MicroPython_2", "MicroPython_2", ESPOTA_FLASH_LOADER_STAYS },
        { 1, false, true, NULL, "MicroPython_1", "MicroPython_1", ESPOTA_FLASH_LOADER_STAYS },
        { 0, true, true, "MicroPython_2", "MicroPython_2", "MicroPython_2", ESPOTA_FLASH_LOADER_STAYS },
        { ESPOTA_SLOT_FACTORY, true, true, NULL, "MicroPython_1", "MicroPython_1",
          ESPOTA_FLASH_LOADER_STAYS },
        { 0, true, false, NULL, "MicroPython_1", NULL, ESPOTA_FLASH_LOADER_NONE },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct flash_board b;
        struct espota_error error = { 0 };
        struct espota_flash_files files = { 0 };
        struct espota_flash_request request = { .files = &files, .slot = cases[i].slot };
        struct espota_flash_plan *plan = malloc(sizeof *plan);
        flash_board_flashed(&b);
        otadata_says(b.flash, cases[i].active);
        if (cases[i].second_holds)
            memcpy(b.flash + 0x110000, app_v1, app_size);
        if (!cases[i].has_loader)
            memset(b.flash + 0x1000, 0xff, LOADER);
        flash_board_add_file(&files, ESPOTA_FLASH_APP, "app2.bin", app_v2, app_size);
        assert_int_equal(flash_board_plan_and_run(&b, plan, &request, &error), 0);
        assert_string_equal(plan->app->label, cases[i].app);
        assert_int_equal(plan->loader, cases[i].loader);
        assert_int_equal(plan->boots != NULL, cases[i].boots != NULL);
        if (cases[i].boots)
            assert_string_equal(plan->boots->label, cases[i].boots);
        assert_int_equal(b.flash[0x9000], 0x77);
        espota_flash_plan_free(plan);
        espota_flash_files_free(&files);
        free(plan);
        free(b.flash);
    }
}

static void a_file_is_what_its_content_says(void **state)
{
    static const struct {
        enum espota_flash_role as;
        bool loader;
        enum espota_hint hint;
    } cases[] = { { ESPOTA_FLASH_APP, true, ESPOTA_HINT_AS_BOOTLOADER },
                  { ESPOTA_FLASH_BOOTLOADER, false, ESPOTA_HINT_NONE } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct flash_board b;
        struct espota_error error = { 0 };
        struct espota_flash_files files = { 0 };
        struct espota_flash_request request = { .files = &files };
        flash_board_flashed(&b);
        b.operations = 0;
        flash_board_add_file(&files, cases[i].as, "x.bin", cases[i].loader ? loader : app_v2,
                             cases[i].loader ? loader_size : app_size);
        assert_int_equal(flash_board_run(&b, &request, &error), ESPOTA_ERR_VERIFY);
        assert_int_equal(error.hint, cases[i].hint);
        assert_int_equal(b.operations, 0);
        espota_flash_files_free(&files);
        free(b.flash);
    }
}

static int set_up(void **state)
{
    (void)state;
    flash_board_make_images();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_flash_holds_decides_what_an_app_alone_may_do),
        cmocka_unit_test(looking_at_a_device_reads_little),
        cmocka_unit_test(force_and_erase_go_on_where_it_was_refused),
        cmocka_unit_test(an_app_goes_into_the_slot_that_boots_next),
        cmocka_unit_test(a_file_is_what_its_content_says),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
