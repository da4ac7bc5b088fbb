/* Flashing: no power cut costs more than time. */
#include "espota/error.h"
#include "espota/flash_plan.h"

#include "fixtures/flash_board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KiB(n) ((n)*1024u)

/* Power fails in every operation in turn; the same again, uncut, ends as if nothing had happened. */
static void cut_everywhere(void (*prepare)(struct flash_board *b), const struct espota_flash_request *request,
                           uint32_t keeps, uint32_t length)
{
    struct flash_board whole;
    prepare(&whole);
    unsigned before = whole.operations;
    uint8_t *kept = malloc(length);
    memcpy(kept, whole.flash + keeps, length);
    flash_board_run_or_fail(&whole, request);
    for (unsigned cut = 1; cut <= whole.operations - before; cut++) {
        struct flash_board b;
        struct espota_error error;
        prepare(&b);
        b.cut_at = b.operations + cut;
        assert_int_not_equal(flash_board_run(&b, request, &error), 0);
        b.cut_at = 0;
        if (flash_board_run(&b, request, &error) != 0)
            fail_msg("after a cut in operation %u: %s", cut, error.text);
        assert_memory_equal(b.flash + 0x8000, whole.flash + 0x8000, 0xc00);
        assert_memory_equal(b.flash + 0x1000, whole.flash + 0x1000, loader_size);
        assert_memory_equal(b.flash + keeps, kept, length);
        free(b.flash);
    }
    free(kept);
    free(whole.flash);
}

static void an_interrupted_first_run_is_finished_by_the_same_again(void **state)
{
    struct espota_flash_files files = { 0 };
    struct espota_flash_request request = { .files = &files };
    (void)state;
    flash_board_add_file(&files, ESPOTA_FLASH_BOOTLOADER, "bl.bin", loader, loader_size);
    flash_board_add_file(&files, ESPOTA_FLASH_APP, "app.bin", app_v1, app_size);
    cut_everywhere(flash_board_blank, &request, 0x9000, 4);
    espota_flash_files_free(&files);
}

static void an_interrupted_update_is_finished_by_the_same_again(void **state)
{
    struct espota_flash_files files = { 0 };
    struct espota_flash_request request = { .files = &files, .slot = "MicroPython_2" };
    (void)state;
    flash_board_add_file(&files, ESPOTA_FLASH_APP, "app2.bin", app_v2, app_size);
    cut_everywhere(flash_board_flashed, &request, 0x9000, KiB(16));
    espota_flash_files_free(&files);
}

/* A cut in the erase of the old table leaves nothing that says what else is there: then it takes a word more.
 */
static void an_interrupted_migration_loses_nothing_that_stays(void **state)
{
    struct espota_flash_files files = { 0 };
    struct espota_flash_request request = { .files = &files,
                                            .layout = { .app_size = KiB(1280) },
                                            .plan_layout = true,
                                            .policy = ESPOTA_FLASH_MIGRATE };
    struct flash_board whole;
    (void)state;
    flash_board_add_file(&files, ESPOTA_FLASH_APP, "app2.bin", app_v2, app_size);
    flash_board_flashed(&whole);
    unsigned before = whole.operations, refused = 0;
    flash_board_run_or_fail(&whole, &request);
    for (unsigned cut = 1; cut <= whole.operations - before; cut += cut < 350 ? 7 : 1) {
        struct flash_board b;
        struct espota_error error;
        flash_board_flashed(&b);
        b.cut_at = b.operations + cut;
        assert_int_not_equal(flash_board_run(&b, &request, &error), 0);
        b.cut_at = 0;
        request.force = flash_board_run(&b, &request, &error) == ESPOTA_ERR_REFUSED;
        refused += request.force;
        flash_board_run_or_fail(&b, &request);
        request.force = false;
        assert_memory_equal(b.flash + 0x8000, whole.flash + 0x8000, 0xc00);
        assert_memory_equal(b.flash + 0x10000, app_v2, app_size);
        assert_int_equal(b.flash[0x9000], 0x77);
        free(b.flash);
    }
    assert_int_equal(refused, 1);
    espota_flash_files_free(&files);
    free(whole.flash);
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
        cmocka_unit_test(an_interrupted_first_run_is_finished_by_the_same_again),
        cmocka_unit_test(an_interrupted_update_is_finished_by_the_same_again),
        cmocka_unit_test(an_interrupted_migration_loses_nothing_that_stays),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
