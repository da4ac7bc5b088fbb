/* Devices that cannot say which images they hold: they get the image itself, and it is said why. */
#include "espota/agent_client.h"
#include "espota/agent_protocol.h"
#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/ota.h"

#include "fixtures/known_bases.h"
#include "fixtures/memory_board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SECTORS = 40, RUNNING = 0x10000, IDLE = 0x110000 };

struct rig {
    struct memory_board *b;
    struct espota_bytes old, new;
    struct known_bases bases;
    struct espota_observer observer;
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
    char notes[4000];
    struct espota_ota_result result;
    struct espota_error error;
};

static struct rig *rig; /* links and ports have no room for it */

static void on_message(void *context, const char *device, enum espota_message kind, const char *text)
{
    size_t used = strlen(rig->notes);
    (void)context, (void)device;
    if (kind != ESPOTA_MESSAGE_DETAIL)
        snprintf(rig->notes + used, sizeof rig->notes - used, "%s\n", text);
}

static uint64_t now_ms(void *context)
{
    (void)context;
    return rig->now_ms;
}

static void sleep_ms(void *context, unsigned ms)
{
    (void)context;
    rig->now_ms += ms;
}

static int read_link(struct espota_link *link, void *buffer, size_t size, unsigned timeout_ms, size_t *got,
                     struct espota_error *error)
{
    int result = rig->read(link, buffer, size, timeout_ms, got, error);
    if (result == 0 && *got == 0)
        rig->now_ms += timeout_ms;
    return result;
}

/* An open frame: its type is the second byte of its body. */
static int write_link(struct espota_link *link, const void *data, size_t size, struct espota_error *error)
{
    bool identify = size > 2 && ((const uint8_t *)data)[2] == ESPOTA_AGENT_IDENTIFY;
    rig->asked += identify;
    if (identify && rig->gone)
        return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "the cable was pulled");
    if (!identify || rig->deaf == 0)
        return rig->write(link, data, size, error);
    rig->deaf--;
    return 0;
}

/* A sector of the app that runs is bad. */
static int read_flash(void *context, uint32_t offset, void *buffer, size_t length)
{
    return offset / 4096 == RUNNING / 4096 + 5 ? -1 : rig->flash_read(context, offset, buffer, length);
}

static int enter(void **state)
{
    (void)state;
    rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    known_bases_images(SECTORS, &rig->old, &rig->new);
    known_bases_begin(&rig->bases, &rig->old);
    rig->b = memory_board_with(false, &rig->old);
    rig->observer = (struct espota_observer){ rig, NULL, on_message, NULL };
    rig->clock = (struct espota_clock){ rig, now_ms, sleep_ms };
    rig->now_ms = 1000;
    rig->ops = *rig->b->link.ops;
    rig->read = rig->ops.read;
    rig->write = rig->ops.write;
    rig->ops.read = read_link;
    rig->ops.write = write_link;
    rig->b->link.ops = &rig->ops;
    rig->b->link.clock = &rig->clock;
    rig->flash_read = rig->b->board.port.port.flash_read;
    return 0;
}

static int leave(void **state)
{
    (void)state;
    espota_bytes_free(&rig->old);
    espota_bytes_free(&rig->new);
    memory_board_free(rig->b);
    free(rig);
    return 0;
}

static int update(void)
{
    struct espota_device *device = NULL;
    struct espota_agent_client_options options = { .hello_timeout_ms = 50, .observer = &rig->observer };
    struct espota_ota_request request = { .name = "new.bin",
                                          .payload = espota_payload_raw(rig->new.data, rig->new.size),
                                          .bases = &rig->bases.source };
    int outcome = espota_agent_client_open(&device, &rig->b->link, &options, &rig->error);
    if (outcome == 0)
        outcome = espota_ota_run(device, &request, &rig->result, &rig->error);
    espota_device_close(device);
    return outcome;
}

/* It was sent whole, for the reason and with the words. */
static void expect_whole(const char *words)
{
    if (update() != 0)
        fail_msg("%s", rig->error.text);
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
    rig->b->board.port.port.flash_read = read_flash;
    expect_whole("cannot name an image: flash failed");
    assert_int_equal(rig->asked, 2);
}

static void an_agent_that_never_names_one_gets_the_image(void **state)
{
    (void)state;
    rig->deaf = 1000;
    expect_whole("No base is looked for: ");
    assert_in_range(rig->now_ms, 20000, 45000);
}

/* A frame that was lost is sent again. */
static void one_that_was_lost_is_asked_again(void **state)
{
    (void)state;
    rig->deaf = 1;
    assert_int_equal(update(), 0);
    assert_true(rig->result.sent.patched > 0);
    assert_int_equal(rig->asked, 2);
}

/* Nobody can be sent anything. */
static void a_device_that_is_gone_ends_the_update(void **state)
{
    (void)state;
    rig->gone = true;
    assert_int_equal(update(), ESPOTA_ERR_NO_DEVICE);
    assert_int_equal(rig->asked, 1);
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
