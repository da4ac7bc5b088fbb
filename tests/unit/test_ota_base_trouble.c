/* Devices that cannot say which images they hold: they get the image itself, and it is said why. */
#include "espota/agent_client.h"
#include "espota/agent_protocol.h"
#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/ota.h"

#include "base_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Links and ports have no room for it. */
static struct {
    struct rig *rig;
    struct espota_clock clock;
    uint64_t now_ms;
    struct espota_link_ops ops; /* of the board's link, changed */
    int (*write)(struct espota_link *link, const void *data, size_t size, struct espota_error *error);
    int (*read)(struct espota_link *link, void *buffer, size_t size, unsigned timeout_ms, size_t *got,
                struct espota_error *error);
    int (*flash_read)(void *context, uint32_t offset, void *buffer, size_t length);
    unsigned asked; /* IDENTIFY */
    unsigned deaf;  /* times that it is lost; */
    bool gone;      /* or the link with it */
} trouble;

static uint64_t now_ms(void *context)
{
    (void)context;
    return trouble.now_ms;
}

static void sleep_ms(void *context, unsigned ms)
{
    (void)context;
    trouble.now_ms += ms;
}

static int read_link(struct espota_link *link, void *buffer, size_t size, unsigned timeout_ms, size_t *got,
                     struct espota_error *error)
{
    int result = trouble.read(link, buffer, size, timeout_ms, got, error);
    if (result == 0 && *got == 0)
        trouble.now_ms += timeout_ms;
    return result;
}

/* An open frame: its type is the second byte of its body. */
static int write_link(struct espota_link *link, const void *data, size_t size, struct espota_error *error)
{
    bool identify = size > 2 && ((const uint8_t *)data)[2] == ESPOTA_AGENT_IDENTIFY;
    trouble.asked += identify;
    if (identify && trouble.gone)
        return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "the cable was pulled");
    if (!identify || trouble.deaf == 0)
        return trouble.write(link, data, size, error);
    trouble.deaf--;
    return 0;
}

/* A sector of the app that runs is bad. */
static int read_flash(void *context, uint32_t offset, void *buffer, size_t length)
{
    return offset / 4096 == RUNNING / 4096 + 5 ? -1 : trouble.flash_read(context, offset, buffer, length);
}

static int enter(void **state)
{
    struct rig *rig = rig_of(SECTORS);
    memset(&trouble, 0, sizeof trouble);
    trouble.rig = *state = rig;
    trouble.clock = (struct espota_clock){ NULL, now_ms, sleep_ms };
    trouble.now_ms = 1000;
    trouble.ops = *rig->b->link.ops;
    trouble.read = trouble.ops.read;
    trouble.write = trouble.ops.write;
    trouble.ops.read = read_link;
    trouble.ops.write = write_link;
    rig->b->link.ops = &trouble.ops;
    rig->b->link.clock = &trouble.clock;
    trouble.flash_read = rig->b->board.port.port.flash_read;
    return 0;
}

static int leave(void **state)
{
    rig_free(*state);
    return 0;
}

/* It was sent whole, for the reason and with the words. */
static void expect_whole(const char *words)
{
    struct rig *rig = trouble.rig;
    rig_succeed(rig);
    assert_memory_equal(rig->b->flash.data + IDLE, rig->new.data, rig->new.size);
    assert_int_equal(rig->result.sent.patched, 0);
    assert_int_equal(rig->result.sent.no_base, ESPOTA_BASE_NOT_NAMED);
    assert_non_null(strstr(rig->notes, words));
    assert_non_null(strstr(rig->notes, "without a base: the device does not say which images it holds"));
    memory_board_restart(rig->b);
    assert_string_equal(rig->b->board.running->label, "MicroPython_2");
}

static void flash_that_cannot_be_read_is_no_base(void **state)
{
    (void)state;
    trouble.rig->b->board.port.port.flash_read = read_flash;
    expect_whole("cannot name an image: flash failed");
    assert_int_equal(trouble.asked, 2);
}

static void an_agent_that_never_names_one_gets_the_image(void **state)
{
    (void)state;
    trouble.deaf = 1000;
    expect_whole("No base is looked for: ");
    assert_in_range(trouble.now_ms, 20000, 45000);
}

/* A frame that was lost is sent again. */
static void one_that_was_lost_is_asked_again(void **state)
{
    (void)state;
    trouble.deaf = 1;
    assert_int_equal(rig_update(trouble.rig), 0);
    assert_true(trouble.rig->result.sent.patched > 0);
    assert_int_equal(trouble.asked, 2);
}

/* Nobody can be sent anything. */
static void a_device_that_is_gone_ends_the_update(void **state)
{
    (void)state;
    trouble.gone = true;
    assert_int_equal(rig_update(trouble.rig), ESPOTA_ERR_NO_DEVICE);
    assert_int_equal(trouble.asked, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(flash_that_cannot_be_read_is_no_base, enter, leave),
        cmocka_unit_test_setup_teardown(an_agent_that_never_names_one_gets_the_image, enter, leave),
        cmocka_unit_test_setup_teardown(one_that_was_lost_is_asked_again, enter, leave),
        cmocka_unit_test_setup_teardown(a_device_that_is_gone_ends_the_update, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
