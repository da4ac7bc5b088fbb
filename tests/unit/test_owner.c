/* A device with an owner starts his images alone, whatever a host asks of its agent, wherever the power
 * fails. */
#include "fixtures/owned_board.h"

#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/image.h"
#include "espota/otadata.h"
#include "espota/table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct signed_images images;

enum { SLOT_0, SLOT_1, FACTORY = 0, FACTORY_SLOT_0 = 1, FACTORY_SLOT_1 = 2 };

static struct owned_board board(unsigned layout, unsigned runs, bool rollback)
{
    struct owned_board o;
    owned_board_make(&o, &images, &owned_layouts[layout], runs, IMAGE_FIRST, rollback);
    return o;
}

static void start(struct owned_board *o)
{
    owned_board_start(o);
    assert_int_equal(o->b->board.state, SIM_RUNNING);
    assert_non_null(o->device);
}

static void restart_and_find(struct owned_board *o, uint32_t offset)
{
    owned_board_start(o);
    assert_int_equal(o->b->board.state, SIM_RUNNING);
    assert_int_equal(o->b->board.running->offset, offset);
}

static void leave(struct owned_board *o)
{
    assert_int_equal(o->guard.faults, 0);
    owned_board_free(o);
}

static void put(struct owned_board *o, uint32_t offset, enum signed_image_kind kind)
{
    memory_board_put(o->b, offset, &images.image[kind]);
}

static bool has_header(const struct owned_board *o, uint32_t offset)
{
    return o->b->flash.data[offset] == ESPOTA_IMAGE_MAGIC;
}

/* ---- ways in --------------------------------------------------------------------------------------------
 */

static void what_was_verified_cannot_be_written_any_more(void **state)
{
    (void)state;
    struct owned_board o = board(0, SLOT_0, true);
    start(&o);
    assert_int_equal(owned_install(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
    assert_int_equal(owned_write(&o, IMAGE_UNSIGNED), ESPOTA_AGENT_ORDER);
    assert_int_equal(owned_select(&o, owned_app(1), ESPOTA_OTA_UNDEFINED), ESPOTA_AGENT_OK);
    assert_int_equal(owned_write(&o, IMAGE_UNSIGNED), ESPOTA_AGENT_ORDER);
    restart_and_find(&o, owned_app(1));
    leave(&o);
}

/* 'ota good' without a restart, then 'ota evil'. */
static void a_slot_that_is_chosen_is_not_when_it_is_written_again(void **state)
{
    (void)state;
    struct owned_board o = board(0, SLOT_0, true);
    start(&o);
    assert_int_equal(owned_install(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
    assert_int_equal(owned_select(&o, owned_app(1), ESPOTA_OTA_UNDEFINED), ESPOTA_AGENT_OK);
    assert_int_equal(owned_install(&o, owned_app(1), IMAGE_UNSIGNED), ESPOTA_AGENT_UNSIGNED);
    restart_and_find(&o, owned_app(0));
    leave(&o);
}

static void an_image_that_is_refused_never_gets_its_header(void **state)
{
    (void)state;
    static const struct {
        enum signed_image_kind kind;
        enum espota_agent_status status;
    } refused[] = {
        { IMAGE_OLD, ESPOTA_AGENT_OLD },
        { IMAGE_UNSIGNED, ESPOTA_AGENT_UNSIGNED },
        { IMAGE_DAMAGED, ESPOTA_AGENT_IMAGE },
        { IMAGE_OTHER_CHIP, ESPOTA_AGENT_IMAGE },
        { IMAGE_OTHER_PROJECT, ESPOTA_AGENT_PROJECT },
        { IMAGE_RECOVERY, ESPOTA_AGENT_RECOVERY },
        { IMAGE_STRANGERS, ESPOTA_AGENT_UNSIGNED },
        { IMAGE_LATER_CHIP, ESPOTA_AGENT_IMAGE },
        { IMAGE_LOADER, ESPOTA_AGENT_IMAGE },
    };
    struct owned_board o = board(0, SLOT_0, true);
    start(&o);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_int_equal(owned_install(&o, owned_app(1), refused[i].kind), refused[i].status);
        assert_false(has_header(&o, owned_app(1)));
        assert_int_equal(owned_select(&o, owned_app(1), ESPOTA_OTA_UNDEFINED), ESPOTA_AGENT_IMAGE);
    }
    /* no app before it: fallback would take what is there */
    memset(o.b->flash.data + owned_app(0), 0, 16);
    memory_board_restart(o.b);
    assert_int_equal(o.b->board.state, SIM_STUCK);
    leave(&o);
}

/* Or else the bootloader goes down from there to an app that nobody examined. */
static void what_the_bootloader_does_not_start_is_not_chosen(void **state)
{
    (void)state;
    static const enum signed_image_kind kinds[] = { IMAGE_LATER_CHIP, IMAGE_LOADER };
    for (size_t i = 0; i < 2; i++) {
        struct owned_board o = board(1, FACTORY_SLOT_1, true);
        put(&o, owned_app(FACTORY), IMAGE_OLD);
        put(&o, owned_app(FACTORY_SLOT_0), kinds[i]);
        start(&o);
        assert_int_equal(owned_select(&o, owned_app(FACTORY_SLOT_0), ESPOTA_OTA_UNDEFINED),
                         ESPOTA_AGENT_IMAGE);
        restart_and_find(&o, owned_app(FACTORY_SLOT_1));
        leave(&o);
    }
}

/* A bootloader may be signed with the same key. */
static void what_has_no_description_is_no_app(void **state)
{
    (void)state;
    struct owned_board o = board(0, SLOT_0, true);
    struct espota_bytes image = memory_board_image(5008, 25, 0), signed_image = { 0 };
    struct espota_error error;
    o.b->board.options.min_secure_version = 0;
    o.b->board.options.project = NULL;
    assert_int_equal(espota_sign_image(images.owner, &image, &signed_image, &error), 0);
    memory_board_put(o.b, owned_app(1), &signed_image);
    start(&o);
    assert_int_equal(owned_select(&o, owned_app(1), ESPOTA_OTA_UNDEFINED), ESPOTA_AGENT_IMAGE);
    restart_and_find(&o, owned_app(0));
    espota_bytes_free(&image);
    espota_bytes_free(&signed_image);
    leave(&o);
}

/* Whatever sector of it comes first. */
static void a_slot_that_is_written_has_no_header(void **state)
{
    (void)state;
    struct owned_board o = board(0, SLOT_0, true);
    put(&o, owned_app(1), IMAGE_OLD);
    start(&o);
    assert_int_equal(owned_begin(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
    assert_true(has_header(&o, owned_app(1)));
    assert_int_equal(owned_write_sector(&o, IMAGE_GOOD, 1), ESPOTA_AGENT_OK);
    assert_false(has_header(&o, owned_app(1)));
    assert_int_equal(owned_verify(&o), ESPOTA_AGENT_BAD_DIGEST);
    assert_false(has_header(&o, owned_app(1)));
    leave(&o);
}

static void the_slot_that_a_trial_goes_back_to_is_not_for_writing(void **state)
{
    (void)state;
    struct owned_board o = board(0, SLOT_0, true);
    start(&o);
    assert_int_equal(owned_install(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
    assert_int_equal(owned_select(&o, owned_app(1), ESPOTA_OTA_NEW), ESPOTA_AGENT_OK);
    restart_and_find(&o, owned_app(1));
    assert_int_equal(owned_begin(&o, owned_app(0), IMAGE_UNSIGNED), ESPOTA_AGENT_TRIAL);
    assert_int_equal(owned_write(&o, IMAGE_UNSIGNED), ESPOTA_AGENT_ORDER);
    restart_and_find(&o, owned_app(0)); /* nobody confirmed it */
    leave(&o);
}

static void a_confirmed_trial_takes_updates(void **state)
{
    (void)state;
    struct owned_board o = board(0, SLOT_0, true);
    start(&o);
    assert_int_equal(owned_install(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
    assert_int_equal(owned_select(&o, owned_app(1), ESPOTA_OTA_NEW), ESPOTA_AGENT_OK);
    restart_and_find(&o, owned_app(1));
    assert_int_equal(owned_ask(&o, ESPOTA_AGENT_CONFIRM, NULL, 0), ESPOTA_AGENT_OK);
    assert_int_equal(owned_install(&o, owned_app(0), IMAGE_LATER), ESPOTA_AGENT_OK);
    restart_and_find(&o, owned_app(1));
    leave(&o);
}

static void a_trial_goes_back_to_what_ran_whatever_was_chosen_before(void **state)
{
    (void)state;
    struct owned_board o = board(2, FACTORY_SLOT_0, true);
    put(&o, owned_app(2), IMAGE_GOOD);
    put(&o, owned_app(3), IMAGE_LATER);
    start(&o);
    assert_int_equal(owned_select(&o, owned_app(2), ESPOTA_OTA_UNDEFINED), ESPOTA_AGENT_OK);
    assert_int_equal(owned_select(&o, owned_app(3), ESPOTA_OTA_NEW), ESPOTA_AGENT_OK);
    restart_and_find(&o, owned_app(3));
    restart_and_find(&o, owned_app(FACTORY_SLOT_0));
    leave(&o);
}

static void put_record(struct owned_board *o, uint32_t index, uint32_t sequence, uint32_t state)
{
    struct espota_otadata_record record = { .sequence = sequence,
                                            .state = state,
                                            .crc = espota_otadata_crc(sequence) };
    espota_otadata_record_format(&record, o->b->flash.data + OTADATA_AT + index * ESPOTA_SECTOR_SIZE);
}

/* An old trial that was never started waits in the other record. */
static void rollback_looks_at_where_a_trial_goes_back_to(void **state)
{
    (void)state;
    struct owned_board o = board(1, FACTORY_SLOT_0, true);
    put(&o, owned_app(FACTORY), IMAGE_STRANGERS);
    put(&o, owned_app(FACTORY_SLOT_1), IMAGE_GOOD);
    put_record(&o, 0, 3, ESPOTA_OTA_UNDEFINED); /* slot 0 */
    put_record(&o, 1, 2, ESPOTA_OTA_NEW);       /* slot 1 */
    start(&o);
    assert_int_equal(owned_ask(&o, ESPOTA_AGENT_ROLLBACK, NULL, 0), ESPOTA_AGENT_UNSIGNED);
    restart_and_find(&o, owned_app(FACTORY_SLOT_0));
    leave(&o);
}

/* Where the record in charge cannot be written in place, as the other one names an app that may not boot. */
static void confirm_leaves_no_gap(void **state)
{
    (void)state;
    struct owned_board o = board(1, FACTORY_SLOT_0, false);
    put(&o, owned_app(FACTORY_SLOT_1), IMAGE_STRANGERS);
    put_record(&o, 0, 3, ESPOTA_OTA_NEW);       /* slot 0 */
    put_record(&o, 1, 2, ESPOTA_OTA_UNDEFINED); /* slot 1 */
    start(&o);
    assert_int_equal(owned_ask(&o, ESPOTA_AGENT_CONFIRM, NULL, 0), ESPOTA_AGENT_OK);
    restart_and_find(&o, owned_app(FACTORY_SLOT_0));
    leave(&o);
}

/* The bootloader goes down from the slot to factory; a verified app above it is no reason. */
static void rollback_looks_at_what_the_bootloader_takes(void **state)
{
    (void)state;
    struct owned_board o = board(1, FACTORY_SLOT_0, true);
    put(&o, owned_app(FACTORY), IMAGE_UNSIGNED);
    put(&o, owned_app(FACTORY_SLOT_1), IMAGE_GOOD);
    start(&o);
    assert_int_equal(owned_ask(&o, ESPOTA_AGENT_ROLLBACK, NULL, 0), ESPOTA_AGENT_UNSIGNED);
    restart_and_find(&o, owned_app(FACTORY_SLOT_0));
    put(&o, owned_app(FACTORY), IMAGE_LATER);
    start(&o);
    assert_int_equal(owned_ask(&o, ESPOTA_AGENT_ROLLBACK, NULL, 0), ESPOTA_AGENT_OK);
    restart_and_find(&o, owned_app(FACTORY));
    leave(&o);
}

/* With nothing in otadata the bootloader starts slot 0, also when that is the one to leave. */
static void rollback_that_would_start_the_same_app_is_refused(void **state)
{
    (void)state;
    struct owned_board o = board(0, SLOT_0, true);
    put(&o, owned_app(1), IMAGE_GOOD);
    start(&o);
    assert_int_equal(owned_ask(&o, ESPOTA_AGENT_ROLLBACK, NULL, 0), ESPOTA_AGENT_IMAGE);
    restart_and_find(&o, owned_app(0));
    leave(&o);
}

/* ---- what must go on ------------------------------------------------------------------------------------
 */

static void an_image_that_is_there_costs_no_flash_operation(void **state)
{
    (void)state;
    struct owned_board o = board(0, SLOT_0, true);
    put(&o, owned_app(1), IMAGE_GOOD);
    start(&o);
    uint64_t operations = o.b->flash.operations;
    assert_int_equal(owned_install(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
    assert_int_equal(o.b->flash.operations, operations);
    assert_int_equal(owned_select(&o, owned_app(1), ESPOTA_OTA_UNDEFINED), ESPOTA_AGENT_OK);
    restart_and_find(&o, owned_app(1));
    leave(&o);
}

/* What the session before had begun, a new one begins again. */
static void a_new_session_has_no_update_under_way(void **state)
{
    (void)state;
    struct owned_board o = board(0, SLOT_0, true);
    start(&o);
    assert_int_equal(owned_begin(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
    assert_int_equal(owned_write(&o, IMAGE_GOOD), ESPOTA_AGENT_OK);
    owned_board_open(&o);
    assert_int_equal(owned_verify(&o), ESPOTA_AGENT_ORDER);
    assert_int_equal(owned_write(&o, IMAGE_GOOD), ESPOTA_AGENT_ORDER);
    assert_false(has_header(&o, owned_app(1)));
    assert_int_equal(owned_install(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
    leave(&o);
}

static void verify_and_select_may_be_repeated(void **state)
{
    (void)state;
    struct owned_board o = board(0, SLOT_0, true);
    start(&o);
    assert_int_equal(owned_install(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
    uint64_t operations = o.b->flash.operations;
    assert_int_equal(owned_verify(&o), ESPOTA_AGENT_OK);
    assert_int_equal(o.b->flash.operations, operations);
    assert_int_equal(owned_select(&o, owned_app(1), ESPOTA_OTA_UNDEFINED), ESPOTA_AGENT_OK);
    operations = o.b->flash.operations;
    assert_int_equal(owned_select(&o, owned_app(1), ESPOTA_OTA_UNDEFINED), ESPOTA_AGENT_OK);
    assert_int_equal(o.b->flash.operations, operations);
    leave(&o);
}

static uint64_t slot_bytes; /* read from partition 1 */

static int count_reads(void *context, uint32_t offset, void *buffer, size_t length)
{
    const struct sim_board *board = context;
    slot_bytes += offset >= owned_app(1) && offset < owned_app(2) ? length : 0;
    return sim_flash_read(board->flash, offset, buffer, length);
}

static uint64_t select_reads(struct owned_board *o, int status)
{
    slot_bytes = 0;
    assert_int_equal(owned_select(o, owned_app(1), ESPOTA_OTA_UNDEFINED), status);
    return slot_bytes;
}

/* Where nobody else writes, and nothing was begun since; otherwise all of it is looked at again. */
static void select_takes_the_verdict_of_verify(void **state)
{
    (void)state;
    uint64_t size = images.image[IMAGE_GOOD].size;
    for (unsigned alone = 0; alone < 2; alone++) {
        struct owned_board o = board(0, SLOT_0, true);
        start(&o);
        o.b->board.port.port.flash_read = count_reads;
        o.b->board.port.port.alone = alone;
        assert_int_equal(owned_install(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
        uint64_t reads = select_reads(&o, ESPOTA_AGENT_OK);
        assert_true(alone ? reads < size / 8 : reads >= size - 4096);
        assert_true(select_reads(&o, ESPOTA_AGENT_OK) >= size - 4096); /* the update is over */
        assert_int_equal(owned_begin(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
        assert_int_equal(owned_verify(&o), ESPOTA_AGENT_OK);
        assert_int_equal(owned_begin(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
        assert_true(select_reads(&o, ESPOTA_AGENT_OK) >= size - 4096); /* another was begun */
        assert_int_equal(owned_begin(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
        assert_int_equal(owned_verify(&o), ESPOTA_AGENT_OK);
        owned_board_open(&o); /* another session */
        assert_true(select_reads(&o, ESPOTA_AGENT_OK) >= size - 4096);
        assert_int_equal(owned_begin(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
        o.b->flash.data[owned_app(1) + 5000] ^= 1;
        assert_int_equal(owned_verify(&o), ESPOTA_AGENT_BAD_DIGEST);
        assert_true(select_reads(&o, ESPOTA_AGENT_IMAGE) > 0);
        leave(&o);
    }
}

/* A sound image that went bad behind VERIFY, and was found to be: it is not chosen, and can be mended. */
static void a_verdict_ends_with_the_next_one(void **state)
{
    (void)state;
    struct owned_board o = board(0, SLOT_0, true);
    start(&o);
    assert_int_equal(owned_install(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
    o.b->flash.data[owned_app(1) + 5000] ^= 1;
    assert_int_equal(owned_verify(&o), ESPOTA_AGENT_BAD_DIGEST);
    assert_int_equal(owned_select(&o, owned_app(1), ESPOTA_OTA_UNDEFINED), ESPOTA_AGENT_IMAGE);
    assert_int_equal(owned_begin(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
    assert_int_equal(owned_write(&o, IMAGE_GOOD), ESPOTA_AGENT_OK);
    assert_false(has_header(&o, owned_app(1))); /* the first sector went with it */
    assert_int_equal(owned_write(&o, IMAGE_GOOD), ESPOTA_AGENT_OK);
    assert_int_equal(owned_verify(&o), ESPOTA_AGENT_OK);
    assert_int_equal(owned_select(&o, owned_app(1), ESPOTA_OTA_UNDEFINED), ESPOTA_AGENT_OK);
    leave(&o);
}

/* Digests speak of the image as it will be, so that a host finds the first sector done. */
static void the_header_that_is_held_back_counts_as_written(void **state)
{
    (void)state;
    struct owned_board o = board(0, SLOT_0, true);
    struct espota_error error;
    uint8_t there[ESPOTA_SHA256_LENGTH], wanted[ESPOTA_SHA256_LENGTH];
    start(&o);
    assert_int_equal(owned_begin(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
    assert_int_equal(owned_write_sector(&o, IMAGE_GOOD, 0), ESPOTA_AGENT_OK);
    assert_int_equal(espota_sha256(images.image[IMAGE_GOOD].data, 4096, wanted), 0);
    assert_int_equal(espota_device_digest(o.device, owned_app(1), 4096, there, &error), 0);
    assert_memory_equal(there, wanted, sizeof there);
    assert_false(has_header(&o, owned_app(1)));
    assert_int_equal(owned_select(&o, owned_app(1), ESPOTA_OTA_UNDEFINED), ESPOTA_AGENT_IMAGE);
    leave(&o);
}

static int make_images(void **state)
{
    (void)state;
    signed_images_make(&images);
    return 0;
}

static int free_images(void **state)
{
    (void)state;
    signed_images_free(&images);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_verified_cannot_be_written_any_more),
        cmocka_unit_test(a_slot_that_is_chosen_is_not_when_it_is_written_again),
        cmocka_unit_test(an_image_that_is_refused_never_gets_its_header),
        cmocka_unit_test(what_the_bootloader_does_not_start_is_not_chosen),
        cmocka_unit_test(what_has_no_description_is_no_app),
        cmocka_unit_test(a_slot_that_is_written_has_no_header),
        cmocka_unit_test(the_slot_that_a_trial_goes_back_to_is_not_for_writing),
        cmocka_unit_test(a_confirmed_trial_takes_updates),
        cmocka_unit_test(a_trial_goes_back_to_what_ran_whatever_was_chosen_before),
        cmocka_unit_test(confirm_leaves_no_gap),
        cmocka_unit_test(rollback_looks_at_where_a_trial_goes_back_to),
        cmocka_unit_test(rollback_looks_at_what_the_bootloader_takes),
        cmocka_unit_test(rollback_that_would_start_the_same_app_is_refused),
        cmocka_unit_test(an_image_that_is_there_costs_no_flash_operation),
        cmocka_unit_test(a_new_session_has_no_update_under_way),
        cmocka_unit_test(verify_and_select_may_be_repeated),
        cmocka_unit_test(select_takes_the_verdict_of_verify),
        cmocka_unit_test(a_verdict_ends_with_the_next_one),
        cmocka_unit_test(the_header_that_is_held_back_counts_as_written),
    };
    return cmocka_run_group_tests(tests, make_images, free_images);
}
