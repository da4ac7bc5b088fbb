/* Updates that are sent as what differs from an image on the device: what is known is used, and what is
 * wrong, refused or of no use ends in a transfer without it, by itself. The base never changes. */
#include "espota/agent_client.h"
#include "espota/buffer.h"
#include "espota/coder.h"
#include "espota/device.h"
#include "espota/digest.h"
#include "espota/encode.h"
#include "espota/error.h"
#include "espota/ota.h"

#include "base_rig.h"
#include "device/agent_client/client.h"
#include "fixtures/signed_images.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect_base(const struct rig *rig)
{
    assert_true(rig->result.sent.patched >= SECTORS * 4096);
    assert_int_equal(rig->result.sent.coded + rig->result.sent.raw, 0);
    assert_string_equal(rig->result.base_held.label, "MicroPython_1");
    assert_non_null(strstr(rig->notes, "what differs from the image in 'MicroPython_1'"));
}

static void expect_none(const struct rig *rig, enum espota_no_base reason)
{
    assert_int_equal(rig->result.sent.no_base, reason);
    assert_true(rig->result.sent.coded + rig->result.sent.raw >= SECTORS * 4096);
    assert_string_equal(rig->result.base_held.label, "");
    assert_non_null(strstr(rig->notes, espota_no_base_words(reason)));
}

static void an_update_is_sent_against_the_image_that_runs(void **state)
{
    (void)state;
    struct rig *rig = rig_of(SECTORS);
    rig_succeed(rig);
    expect_base(rig);
    assert_int_equal(rig->bases.asked, 1);
    assert_memory_equal(rig->b->flash.data + RUNNING, rig->old.data, rig->old.size);
    memory_board_restart(rig->b);
    assert_string_equal(rig->b->board.running->label, "MicroPython_2");
    rig_leave(rig);
}

/* A few sectors are no reason to have the device hash what it holds. */
static void nobody_is_asked_where_little_differs(void **state)
{
    (void)state;
    struct rig *rig = rig_of(SECTORS);
    memory_board_put(rig->b, IDLE, &rig->new);
    rig->b->flash.data[IDLE + 0x3000] ^= 1;
    rig_succeed(rig);
    assert_int_equal(rig->bases.asked, 0);
    assert_int_equal(rig->result.sent.no_base, ESPOTA_BASE_NOT_ASKED);
    rig_leave(rig);
}

static void an_unknown_image_is_no_base(void **state)
{
    (void)state;
    struct rig *rig = rig_of(SECTORS);
    rig->bases.image[0] = &rig->new;
    rig_succeed(rig);
    expect_none(rig, ESPOTA_BASE_UNKNOWN);
    rig_leave(rig);
}

static void what_an_agent_cannot_do_is_not_asked_of_it(void **state)
{
    (void)state;
    struct rig *rig = rig_of(SECTORS);
    rig->b->board.port.port.decoder_memory_size = sim_cpu_decoder.memory(ESPOTA_CODER_TABLE_MIN);
    rig_succeed(rig);
    expect_none(rig, ESPOTA_BASE_NO_MEMORY);
    assert_int_equal(rig->bases.asked, 0);
    rig_leave(rig);
}

/* It is there when it is named, and another one when it is to be built upon. */
static void change_base(void *context)
{
    struct rig *rig = context;
    for (uint32_t at = 0x200; at < rig->old.size; at += 64)
        rig->b->flash.data[RUNNING + at] ^= 0x10;
}

static void a_base_that_changed_is_refused(void **state)
{
    (void)state;
    struct rig *rig = rig_of(SECTORS);
    rig->b->board.port.port.alone = false; /* it looks again */
    rig->bases.before = change_base;
    rig->bases.context = rig;
    rig_succeed(rig);
    expect_none(rig, ESPOTA_BASE_REFUSED);
    assert_non_null(strstr(rig->notes, "does not hold it any more"));
    rig_leave(rig);
}

/* An agent that nobody else writes beside does not look again: what it makes of it is wrong, and its digests
 * say so. */
static void what_came_out_wrong_is_sent_again_without_a_base(void **state)
{
    (void)state;
    struct rig *rig = rig_of(SECTORS);
    rig->bases.before = change_base;
    rig->bases.context = rig;
    rig_succeed(rig);
    assert_true(rig->result.sent.coded + rig->result.sent.raw > 0);
    assert_true(rig->result.sent.no_base == ESPOTA_BASE_FAILED ||
                rig->result.sent.no_base == ESPOTA_BASE_REFUSED);
    rig_leave(rig);
}

static void a_cut_costs_no_more_than_what_is_missing(void **state)
{
    (void)state;
    struct rig *rig = rig_of(SECTORS);
    rig->b->flash.cut = SIM_CUT_TORN;
    rig->b->flash.cut_at = rig->b->flash.operations + 30 * 17;
    assert_int_not_equal(rig_update(rig), 0);
    rig->b->flash.cut = SIM_CUT_NONE;
    memory_board_restart(rig->b);
    assert_memory_equal(rig->b->flash.data + RUNNING, rig->old.data, rig->old.size);
    assert_string_equal(rig->b->board.running->label, "MicroPython_1");
    rig_succeed(rig);
    assert_true(rig->result.write.kept >= 20 * 4096);
    assert_true(rig->result.sent.patched + rig->result.sent.coded + rig->result.sent.raw <=
                (SECTORS - 20) * 4096);
    rig_leave(rig);
}

/* What was installed is the image with the signature behind it. */
static void a_signed_image_is_known_with_its_signature(void **state)
{
    (void)state;
    static struct signed_images images;
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    signed_images_make(&images);
    rig->old = images.image[IMAGE_FIRST];
    rig->new = images.image[IMAGE_LATER];
    memset(&images.image[IMAGE_FIRST], 0, sizeof images.image[IMAGE_FIRST]);
    memset(&images.image[IMAGE_LATER], 0, sizeof images.image[IMAGE_LATER]);
    known_bases_begin(&rig->bases, &rig->old);
    rig->b = memory_board_with(false, &rig->old);
    signed_images_own(&images, &rig->b->board.options);
    memory_board_restart(rig->b);
    rig->observer = (struct espota_observer){ rig, NULL, rig_note, NULL };
    rig_succeed(rig);
    assert_int_equal(rig->bases.asked, 2);
    assert_int_equal(rig->result.sent.patched, rig->new.size);
    rig_leave(rig);
    signed_images_free(&images);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_is_sent_against_the_image_that_runs),
        cmocka_unit_test(nobody_is_asked_where_little_differs),
        cmocka_unit_test(an_unknown_image_is_no_base),
        cmocka_unit_test(what_an_agent_cannot_do_is_not_asked_of_it),
        cmocka_unit_test(a_base_that_changed_is_refused),
        cmocka_unit_test(what_came_out_wrong_is_sent_again_without_a_base),
        cmocka_unit_test(a_cut_costs_no_more_than_what_is_missing),
        cmocka_unit_test(a_signed_image_is_known_with_its_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
