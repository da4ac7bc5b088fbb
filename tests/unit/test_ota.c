/* The OTA procedure against a board in memory: what is written, what is refused, and what a power cut leaves.
 */
#include "espota/agent_client.h"
#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/ota.h"

#include "fixtures/memory_board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int update(struct memory_board *b, const struct espota_bytes *image, bool factory, bool trial,
                  struct espota_ota_result *result, struct espota_error *error)
{
    struct espota_device *device = NULL;
    struct espota_agent_client_options options = { .hello_timeout_ms = 50 };
    struct espota_ota_request request = { .name = "new.bin",
                                          .payload = espota_payload_raw(image->data, image->size),
                                          .force_factory = factory,
                                          .trial = trial };
    int outcome = espota_agent_client_open(&device, &b->link, &options, error);
    if (outcome == 0)
        outcome = espota_ota_run(device, &request, result, error);
    espota_device_close(device);
    return outcome;
}

static void an_update_goes_to_the_idle_slot_and_boots(void **state)
{
    (void)state;
    struct memory_board *b = memory_board_running(false);
    struct espota_bytes image = memory_board_image(100000, 7, 0);
    struct espota_ota_result result;
    struct espota_error error = { 0 };
    assert_int_equal(update(b, &image, false, false, &result, &error), 0);
    assert_string_equal(result.from.label, "MicroPython_1");
    assert_string_equal(result.to.label, "MicroPython_2");
    assert_memory_equal(b->flash.data + result.to.offset, image.data, image.size);
    sim_board_reset(&b->board, false);
    assert_string_equal(b->board.running->label, "MicroPython_2");
    espota_bytes_free(&image);
    memory_board_free(b);
}

static void an_update_that_is_there_already_writes_nothing(void **state)
{
    (void)state;
    struct memory_board *b = memory_board_running(false);
    struct espota_bytes image = memory_board_image(100000, 7, 0);
    struct espota_ota_result result;
    struct espota_error error = { 0 };
    memory_board_put(b, 0x110000, &image);
    assert_int_equal(update(b, &image, false, false, &result, &error), 0);
    assert_int_equal(result.write.written, 0);
    espota_bytes_free(&image);
    memory_board_free(b);
}

static void what_must_not_be_written_is_refused_before_flash_is_touched(void **state)
{
    (void)state;
    struct espota_bytes foreign = memory_board_image(5000, 7, 5), large = memory_board_image(MiB(1), 7, 0),
                        good = memory_board_image(5000, 7, 0), damaged = memory_board_image(5000, 7, 0),
                        text = { 0 };
    struct espota_error error = { 0 };
    damaged.data[1000] ^= 1;
    assert_int_equal(espota_bytes_append(&text, "<html>not found</html>", 22, &error), 0);
    const struct {
        const struct espota_bytes *image;
        bool factory;
        enum espota_status status;
    } cases[] = { { &foreign, false, ESPOTA_ERR_VERIFY },
                  { &large, false, ESPOTA_ERR_TOO_BIG },
                  { &damaged, false, ESPOTA_ERR_VERIFY },
                  { &text, false, ESPOTA_ERR_VERIFY },
                  { &good, true, ESPOTA_ERR_FAILED } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct memory_board *b = memory_board_running(false);
        struct espota_ota_result result;
        uint64_t before = b->flash.operations;
        assert_int_equal(update(b, cases[i].image, cases[i].factory, false, &result, &error),
                         cases[i].status);
        assert_int_equal(b->flash.operations, before);
        memory_board_free(b);
    }
    espota_bytes_free(&foreign);
    espota_bytes_free(&large);
    espota_bytes_free(&good);
    espota_bytes_free(&damaged);
    espota_bytes_free(&text);
}

/* Of many devices each has a chip of its own. */
static void an_image_that_was_checked_before_is_still_one_for_another_chip(void **state)
{
    (void)state;
    static const struct {
        uint16_t chip_id;
        enum espota_status status;
    } cases[] = { { 5, ESPOTA_ERR_VERIFY }, { 0, ESPOTA_OK } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct memory_board *b = memory_board_running(false);
        struct espota_bytes image = memory_board_image(5000, 7, cases[i].chip_id);
        const struct espota_device_info any = { 0 };
        struct espota_image checked;
        struct espota_device *device = NULL;
        struct espota_agent_client_options options = { .hello_timeout_ms = 50 };
        struct espota_ota_result result;
        struct espota_error error = { 0 };
        uint64_t before = b->flash.operations;
        assert_int_equal(espota_ota_check_image(&any, "new.bin", image.data, image.size, &checked, &error),
                         0);
        const struct espota_ota_request request = { .name = "new.bin",
                                                    .payload = espota_payload_raw(image.data, image.size),
                                                    .checked = &checked };
        assert_int_equal(espota_agent_client_open(&device, &b->link, &options, &error), 0);
        assert_int_equal(espota_ota_run(device, &request, &result, &error), cases[i].status);
        assert_int_equal(b->flash.operations == before, cases[i].status != ESPOTA_OK);
        espota_device_close(device);
        espota_bytes_free(&image);
        memory_board_free(b);
    }
}

static void factory_is_not_updated_from_itself(void **state)
{
    (void)state;
    struct memory_board *b = memory_board_running(true);
    struct espota_bytes image = memory_board_image(5000, 7, 0);
    struct espota_ota_result result;
    struct espota_error error = { 0 };
    assert_int_equal(update(b, &image, true, false, &result, &error), ESPOTA_ERR_REFUSED);
    assert_int_equal(update(b, &image, false, false, &result, &error), 0);
    sim_board_reset(&b->board, false);
    assert_int_equal(update(b, &image, true, false, &result, &error), 0);
    assert_string_equal(result.to.label, "MicroPython");
    sim_board_reset(&b->board, false);
    assert_string_equal(b->board.running->label, "MicroPython");
    espota_bytes_free(&image);
    memory_board_free(b);
}

static void a_trial_that_nobody_confirms_returns(void **state)
{
    (void)state;
    struct memory_board *b = memory_board_running(false);
    struct espota_bytes image = memory_board_image(5000, 7, 0);
    struct espota_ota_result result;
    struct espota_error error = { 0 };
    assert_int_equal(update(b, &image, false, true, &result, &error), 0);
    sim_board_reset(&b->board, false);
    assert_string_equal(b->board.running->label, "MicroPython_2");
    sim_board_reset(&b->board, false);
    assert_string_equal(b->board.running->label, "MicroPython_1");
    espota_bytes_free(&image);
    memory_board_free(b);
}

static void a_trial_that_the_bootloader_would_not_end_is_refused_before_flash_is_touched(void **state)
{
    (void)state;
    struct memory_board *b = memory_board_running(false);
    struct espota_bytes image = memory_board_image(5000, 7, 0);
    struct espota_ota_result result;
    struct espota_error error = { 0 };
    uint64_t before = b->flash.operations;
    b->board.options.rollback = b->board.agent_config.rollback = false;
    assert_int_equal(update(b, &image, false, true, &result, &error), ESPOTA_ERR_UNSUPPORTED);
    assert_int_equal(b->flash.operations, before);
    assert_int_equal(update(b, &image, false, false, &result, &error), 0);
    espota_bytes_free(&image);
    memory_board_free(b);
}

static void lost_requests_are_repeated(void **state)
{
    (void)state;
    struct memory_board *b = memory_board_running(false);
    struct espota_device *device = NULL;
    struct espota_agent_client_options options = { 0 };
    struct espota_error error = { 0 };
    uint8_t first[2];
    assert_int_equal(espota_agent_client_open(&device, &b->link, &options, &error), 0);
    b->lose_every = 2;
    assert_int_equal(espota_device_read(device, 0x8000, first, sizeof first, &error), 0);
    assert_int_equal(espota_device_read(device, 0x8000, first, sizeof first, &error), 0);
    assert_int_equal(first[0], 0xaa);
    espota_device_close(device);
    memory_board_free(b);
}

static bool not_now(void *context, uint32_t offset, uint32_t length)
{
    (void)context;
    (void)offset;
    (void)length;
    return false;
}

static unsigned selected, began; /* by the hook below, which has no context of its own */

static void note(void *context, enum espota_agent_request request)
{
    (void)context;
    selected += request == ESPOTA_AGENT_SELECT;
    began += request == ESPOTA_AGENT_BEGIN;
}

static void an_app_may_refuse_an_update_and_is_told_of_one(void **state)
{
    (void)state;
    struct memory_board *b = memory_board_running(false);
    struct espota_bytes image = memory_board_image(9000, 7, 0);
    struct espota_ota_result result;
    struct espota_error error = { 0 };
    uint64_t operations = b->flash.operations;
    b->board.port.port.done = note;
    b->board.port.port.allow_update = not_now;
    assert_int_equal(update(b, &image, false, false, &result, &error), ESPOTA_ERR_FAILED);
    assert_non_null(strstr(error.text, "does not want an update now"));
    assert_int_equal(b->flash.operations, operations);
    b->board.port.port.allow_update = NULL;
    assert_int_equal(update(b, &image, false, false, &result, &error), 0);
    assert_int_equal(began, 1);
    assert_int_equal(selected, 1);
    espota_bytes_free(&image);
    memory_board_free(b);
}

/* Nothing is kept anywhere but in the slot: what is there is found by digest, and does not travel again; but
 * for the first sector, whose header had not reached flash. */
static void an_interrupted_update_goes_on_from_what_is_in_the_slot(void **state)
{
    (void)state;
    enum { SECTORS = 50, DONE = 40, PAGES = 16 };
    struct memory_board *b = memory_board_running(false);
    struct espota_bytes image = memory_board_image(SECTORS * 4096, 7, 0);
    struct espota_ota_result result;
    struct espota_error error = { 0 };
    b->flash.cut = SIM_CUT_BEFORE;
    b->flash.cut_at = b->flash.operations + DONE * PAGES + 1; /* a blank sector is not erased */
    assert_int_not_equal(update(b, &image, false, false, &result, &error), 0);
    uint64_t sent = b->link.bytes_out;
    b->flash.cut = SIM_CUT_NONE;
    memory_board_restart(b);
    assert_int_equal(update(b, &image, false, false, &result, &error), 0);
    uint64_t sent_again = b->link.bytes_out - sent;
    print_message("# %u bytes before the power cut, %u after\n", (unsigned)sent, (unsigned)sent_again);
    assert_in_range(result.write.kept, (DONE - 1) * 4096, SECTORS * 4096);
    assert_in_range(sent_again, 1, (SECTORS - DONE + 2) * 4500);
    assert_memory_equal(b->flash.data + 0x110000, image.data, image.size);
    espota_bytes_free(&image);
    memory_board_free(b);
}

/* Power fails at each flash operation of an update, in each of three ways: something valid boots, and the
 * next run finishes. */
static void power_may_fail_at_any_flash_operation(void **state)
{
    (void)state;
    struct espota_bytes image = memory_board_image(20000, 7, 0);
    unsigned cases = 0;
    for (int kind = SIM_CUT_BEFORE; kind <= SIM_CUT_AFTER; kind++)
        for (uint64_t at = 1;; at++) {
            struct memory_board *b = memory_board_running(false);
            struct espota_ota_result result;
            struct espota_error error = { 0 };
            b->flash.cut = (enum sim_cut)kind;
            b->flash.cut_at = b->flash.operations + at;
            int outcome = update(b, &image, false, false, &result, &error);
            bool cut = !b->flash.powered;
            b->flash.cut = SIM_CUT_NONE;
            memory_board_restart(b);
            assert_int_equal(b->board.state, SIM_RUNNING);
            if (cut)
                assert_int_not_equal(outcome, 0);
            bool on_new = strcmp(b->board.running->label, "MicroPython_2") == 0;
            if (!on_new && update(b, &image, false, false, &result, &error) != 0)
                fail_msg("after a cut at operation %u: %s", (unsigned)at, error.text);
            assert_memory_equal(b->flash.data + 0x110000, image.data, image.size);
            memory_board_free(b);
            cases++;
            if (!cut)
                break;
        }
    print_message("# %u power cuts\n", cases);
    espota_bytes_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_goes_to_the_idle_slot_and_boots),
        cmocka_unit_test(an_update_that_is_there_already_writes_nothing),
        cmocka_unit_test(what_must_not_be_written_is_refused_before_flash_is_touched),
        cmocka_unit_test(an_image_that_was_checked_before_is_still_one_for_another_chip),
        cmocka_unit_test(factory_is_not_updated_from_itself),
        cmocka_unit_test(a_trial_that_nobody_confirms_returns),
        cmocka_unit_test(a_trial_that_the_bootloader_would_not_end_is_refused_before_flash_is_touched),
        cmocka_unit_test(lost_requests_are_repeated),
        cmocka_unit_test(an_app_may_refuse_an_update_and_is_told_of_one),
        cmocka_unit_test(an_interrupted_update_goes_on_from_what_is_in_the_slot),
        cmocka_unit_test(power_may_fail_at_any_flash_operation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
