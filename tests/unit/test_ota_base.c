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

#include "device/agent_client/client.h"
#include "fixtures/known_bases.h"
#include "fixtures/signed_images.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SECTORS = 40, RUNNING = 0x10000, IDLE = 0x110000 };

struct rig {
    struct memory_board *b;
    struct espota_bytes old, new;
    struct known_bases bases;
    struct espota_observer observer;
    char notes[4000];
    struct espota_ota_result result;
    struct espota_error error;
};

static void on_message(void *context, const char *device, enum espota_message kind, const char *text)
{
    struct rig *rig = context;
    size_t used = strlen(rig->notes);
    (void)device;
    if (kind != ESPOTA_MESSAGE_DETAIL)
        snprintf(rig->notes + used, sizeof rig->notes - used, "%s\n", text);
}

/* The old image runs from the first slot. */
static struct rig *rig_of(unsigned sectors)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    known_bases_images(sectors, &rig->old, &rig->new);
    known_bases_begin(&rig->bases, &rig->old);
    rig->b = memory_board_with(false, &rig->old);
    rig->observer = (struct espota_observer){ rig, NULL, on_message, NULL };
    return rig;
}

static void leave(struct rig *rig)
{
    assert_memory_equal(rig->b->flash.data + IDLE, rig->new.data, rig->new.size);
    assert_int_equal(rig->bases.released, rig->bases.found);
    espota_bytes_free(&rig->old);
    espota_bytes_free(&rig->new);
    memory_board_free(rig->b);
    free(rig);
}

static int update(struct rig *rig)
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

static void succeed(struct rig *rig)
{
    if (update(rig) != 0)
        fail_msg("%s", rig->error.text);
}

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
    succeed(rig);
    expect_base(rig);
    assert_int_equal(rig->bases.asked, 1);
    assert_memory_equal(rig->b->flash.data + RUNNING, rig->old.data, rig->old.size);
    memory_board_restart(rig->b);
    assert_string_equal(rig->b->board.running->label, "MicroPython_2");
    leave(rig);
}

/* A few sectors are no reason to have the device hash what it holds. */
static void nobody_is_asked_where_little_differs(void **state)
{
    (void)state;
    struct rig *rig = rig_of(SECTORS);
    memory_board_put(rig->b, IDLE, &rig->new);
    rig->b->flash.data[IDLE + 0x3000] ^= 1;
    succeed(rig);
    assert_int_equal(rig->bases.asked, 0);
    assert_int_equal(rig->result.sent.no_base, ESPOTA_BASE_NOT_ASKED);
    leave(rig);
}

static void an_unknown_image_is_no_base(void **state)
{
    (void)state;
    struct rig *rig = rig_of(SECTORS);
    rig->bases.image[0] = &rig->new;
    succeed(rig);
    expect_none(rig, ESPOTA_BASE_UNKNOWN);
    leave(rig);
}

static void what_an_agent_cannot_do_is_not_asked_of_it(void **state)
{
    (void)state;
    struct rig *rig = rig_of(SECTORS);
    rig->b->board.port.port.decoder_memory_size = sim_cpu_decoder.memory(ESPOTA_CODER_TABLE_MIN);
    succeed(rig);
    expect_none(rig, ESPOTA_BASE_NO_MEMORY);
    assert_int_equal(rig->bases.asked, 0);
    leave(rig);
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
    succeed(rig);
    expect_none(rig, ESPOTA_BASE_REFUSED);
    assert_non_null(strstr(rig->notes, "does not hold it any more"));
    leave(rig);
}

/* An agent that nobody else writes beside does not look again: what it makes of it is wrong, and its digests
 * say so. */
static void what_came_out_wrong_is_sent_again_without_a_base(void **state)
{
    (void)state;
    struct rig *rig = rig_of(SECTORS);
    rig->bases.before = change_base;
    rig->bases.context = rig;
    succeed(rig);
    assert_true(rig->result.sent.coded + rig->result.sent.raw > 0);
    assert_true(rig->result.sent.no_base == ESPOTA_BASE_FAILED ||
                rig->result.sent.no_base == ESPOTA_BASE_REFUSED);
    leave(rig);
}

static void a_cut_costs_no_more_than_what_is_missing(void **state)
{
    (void)state;
    struct rig *rig = rig_of(SECTORS);
    rig->b->flash.cut = SIM_CUT_TORN;
    rig->b->flash.cut_at = rig->b->flash.operations + 30 * 17;
    assert_int_not_equal(update(rig), 0);
    rig->b->flash.cut = SIM_CUT_NONE;
    memory_board_restart(rig->b);
    assert_memory_equal(rig->b->flash.data + RUNNING, rig->old.data, rig->old.size);
    assert_string_equal(rig->b->board.running->label, "MicroPython_1");
    succeed(rig);
    assert_true(rig->result.write.kept >= 20 * 4096);
    assert_true(rig->result.sent.patched + rig->result.sent.coded + rig->result.sent.raw <=
                (SECTORS - 20) * 4096);
    leave(rig);
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
    rig->observer = (struct espota_observer){ rig, NULL, on_message, NULL };
    succeed(rig);
    assert_int_equal(rig->bases.asked, 2);
    assert_int_equal(rig->result.sent.patched, rig->new.size);
    leave(rig);
    signed_images_free(&images);
}

/* ---- the agent ------------------------------------------------------------------------------------------
 */

struct talk {
    struct rig *rig;
    struct espota_device *device;
    struct espota_bytes stream; /* with the base that runs */
    unsigned number;
};

static int ask(struct talk *t, enum espota_agent_request type, const void *data, size_t length,
               struct client_response *response)
{
    struct agent_client *client = (struct agent_client *)t->device;
    struct espota_error error;
    assert_int_equal(client_send(client, type, data, length, &error), 0);
    assert_int_equal(client_await(client, type, 1000, response, &error), 0);
    return response->status;
}

static void begin(struct talk *t)
{
    struct client_response response;
    uint8_t in[ESPOTA_AGENT_BEGIN_SIZE] = { 0 };
    const struct espota_bytes *image = &t->rig->new;
    espota_put_le32(in + 4, IDLE);
    espota_put_le32(in + 8, (uint32_t)image->size);
    assert_int_equal(espota_sha256(image->data, image->size, in + 12), 0);
    assert_int_equal(ask(t, ESPOTA_AGENT_BEGIN, in, sizeof in, &response), ESPOTA_AGENT_OK);
}

static int send(struct talk *t, const uint8_t *stream, size_t size)
{
    struct client_response response = { 0 };
    int status = ESPOTA_AGENT_OK;
    t->number++;
    for (size_t at = 0; status == ESPOTA_AGENT_OK && at < size; at += 1000) {
        uint8_t in[ESPOTA_AGENT_WRITE_HEADER + 1000];
        size_t chunk = size - at < 1000 ? size - at : 1000;
        espota_put_le32(in, (uint32_t)at);
        in[4] = (uint8_t)(t->number << ESPOTA_AGENT_WRITE_NUMBER_SHIFT | (at == 0));
        memcpy(in + ESPOTA_AGENT_WRITE_HEADER, stream + at, chunk);
        status = ask(t, ESPOTA_AGENT_WRITE, in, ESPOTA_AGENT_WRITE_HEADER + chunk, &response);
    }
    return status;
}

static struct talk talk_to(struct rig *rig)
{
    struct talk t = { .rig = rig };
    struct espota_agent_client_options options = { .hello_timeout_ms = 50 };
    struct espota_base *base = NULL;
    uint32_t length = (uint32_t)(rig->new.size + 4095) / 4096 * 4096;
    assert_int_equal(espota_agent_client_open(&t.device, &rig->b->link, &options, &rig->error), 0);
    assert_int_equal(espota_base_new(&base, ESPOTA_ISA_XTENSA, rig->old.data, rig->old.size, rig->new.data,
                                     rig->new.size, &rig->error),
                     0);
    assert_int_equal(espota_encode(ESPOTA_ISA_XTENSA, ESPOTA_CODER_TABLE_DEFAULT, base, rig->new.data,
                                   rig->new.size, 0, length, &t.stream, &rig->error),
                     0);
    espota_stream_set_base(t.stream.data, t.stream.size, RUNNING);
    espota_base_free(base);
    assert_int_equal(t.stream.data[ESPOTA_STREAM_BASES], 1);
    begin(&t);
    return t;
}

static void hang_up(struct talk *t)
{
    espota_bytes_free(&t->stream);
    espota_device_close(t->device);
}

static void the_agent_checks_all_that_a_stream_says_of_its_base(void **state)
{
    (void)state;
    enum { HEAD = ESPOTA_STREAM_HEAD_SIZE, SHA = HEAD + 8, MAP = HEAD + ESPOTA_STREAM_BASE_SIZE };
    static const struct {
        uint8_t at, value; /* a byte that is changed */
        enum espota_agent_status status;
    } wrong[] = {
        { 0, ESPOTA_STREAM_RAW, ESPOTA_AGENT_MALFORMED }, /* what is not coded has no base */
        { 12, 2, ESPOTA_AGENT_MALFORMED },
        { 13, 1, ESPOTA_AGENT_MALFORMED },
        { 15, 0x80, ESPOTA_AGENT_MALFORMED },
        { HEAD, 1, ESPOTA_AGENT_BASE },        /* within a partition */
        { HEAD + 1, 0x80, ESPOTA_AGENT_BASE }, /* the table */
        { HEAD + 2, 0x11, ESPOTA_AGENT_BASE }, /* what is being written */
        { HEAD + 2, 0x21, ESPOTA_AGENT_BASE }, /* no app */
        { HEAD + 3, 0xff, ESPOTA_AGENT_BASE }, /* beyond the flash */
        { HEAD + 4, 0xff, ESPOTA_AGENT_BASE }, /* of another length */
        { HEAD + 7, 0xff, ESPOTA_AGENT_BASE }, /* beyond the partition */
        { SHA, 0, ESPOTA_AGENT_BASE },
        { SHA + 31, 0, ESPOTA_AGENT_BASE },
        { MAP + 1, 0x40, ESPOTA_AGENT_MALFORMED }, /* a map that is stored, a fill, a copy */
        { MAP + 1, 0x80, ESPOTA_AGENT_MALFORMED },
        { MAP + 1, 0xc0, ESPOTA_AGENT_MALFORMED },
    };
    struct rig *rig = rig_of(SECTORS);
    struct talk t = talk_to(rig);
    static uint8_t before[4 << 20];
    memcpy(before, rig->b->flash.data, sizeof before);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t was = t.stream.data[wrong[i].at];
        t.stream.data[wrong[i].at] = was == wrong[i].value ? (uint8_t)~was : wrong[i].value;
        int status = send(&t, t.stream.data, t.stream.size);
        if (status != (int)wrong[i].status)
            fail_msg("byte %u: status %02x", wrong[i].at, (unsigned)status);
        t.stream.data[wrong[i].at] = was;
        assert_memory_equal(rig->b->flash.data, before, sizeof before);
    }
    assert_int_equal(send(&t, t.stream.data, t.stream.size), ESPOTA_AGENT_OK);
    struct client_response response;
    assert_int_equal(ask(&t, ESPOTA_AGENT_VERIFY, NULL, 0, &response), ESPOTA_AGENT_OK);
    hang_up(&t);
    leave(rig);
}

/* Damage anywhere behind the head: refused, or an image that VERIFY refuses; the base stays as it is. */
static void damage_ends_in_nothing_that_boots(void **state)
{
    (void)state;
    struct rig *rig = rig_of(12);
    for (unsigned i = 0; i < 60; i++) {
        struct talk t = talk_to(rig);
        struct client_response response;
        size_t at = ESPOTA_STREAM_HEAD_SIZE + ESPOTA_STREAM_BASE_SIZE + i * 37;
        at = at < t.stream.size ? at : t.stream.size - 1 - i;
        t.stream.data[at] ^= (uint8_t)(1 + i * 29);
        (void)send(&t, t.stream.data, t.stream.size);
        if (memcmp(rig->b->flash.data + IDLE + 4096, rig->new.data + 4096, rig->new.size - 4096) != 0)
            assert_int_not_equal(ask(&t, ESPOTA_AGENT_VERIFY, NULL, 0, &response), ESPOTA_AGENT_OK);
        assert_memory_equal(rig->b->flash.data + RUNNING, rig->old.data, rig->old.size);
        hang_up(&t);
        memory_board_restart(rig->b);
        assert_string_equal(rig->b->board.running->label, "MicroPython_1");
    }
    succeed(rig);
    leave(rig);
}

static void images_are_named_one_request_a_slot(void **state)
{
    (void)state;
    struct rig *rig = rig_of(SECTORS);
    struct espota_agent_client_options options = { .hello_timeout_ms = 50 };
    struct espota_device *device = NULL;
    struct espota_payload_base held;
    uint8_t own[ESPOTA_SHA256_LENGTH];
    assert_int_equal(espota_agent_client_open(&device, &rig->b->link, &options, &rig->error), 0);
    assert_true(espota_device_can(device, ESPOTA_CAP_BASES));
    unsigned writes = rig->b->writes;
    assert_int_equal(espota_device_identify(device, RUNNING, &held, &rig->error), 0);
    assert_int_equal(rig->b->writes, writes + 1);
    assert_int_equal(held.length, rig->old.size);
    assert_int_equal(espota_sha256(rig->old.data, rig->old.size, own), 0);
    assert_memory_equal(held.sha256, own, sizeof own);
    assert_int_equal(espota_device_identify(device, IDLE, &held, &rig->error), 0);
    assert_int_equal(held.length, 0);
    assert_int_equal(espota_device_identify(device, 0x9000, &held, &rig->error), ESPOTA_ERR_UNSUPPORTED);
    assert_int_equal(espota_device_identify(device, RUNNING + 4096, &held, &rig->error),
                     ESPOTA_ERR_UNSUPPORTED);
    espota_device_close(device);
    succeed(rig);
    leave(rig);
}

/* A stream of which only the beginning arrived, and the same once more after a restart. */
static void what_a_stream_left_is_not_written_again(void **state)
{
    enum { MANY = 3 * SECTORS };
    (void)state;
    struct rig *rig = rig_of(MANY);
    struct talk t = talk_to(rig);
    struct client_response response;
    memory_board_put(rig->b, IDLE, &rig->old); /* something to erase */
    assert_int_equal(send(&t, t.stream.data, t.stream.size * 6 / 10), ESPOTA_AGENT_OK);
    hang_up(&t);
    unsigned kept = 0;
    for (uint32_t at = 4096; at + 4096 < rig->new.size; at += 4096)
        kept += memcmp(rig->b->flash.data + IDLE + at, rig->new.data + at, 4096) == 0;
    assert_true(kept > MANY / 3);
    memory_board_restart(rig->b);
    uint64_t programmed = rig->b->flash.programmed_bytes;
    t = talk_to(rig);
    assert_int_equal(send(&t, t.stream.data, t.stream.size), ESPOTA_AGENT_OK);
    assert_int_equal(ask(&t, ESPOTA_AGENT_VERIFY, NULL, 0, &response), ESPOTA_AGENT_OK);
    assert_true(rig->b->flash.programmed_bytes - programmed <= (MANY + 1 - kept) * 4096);
    hang_up(&t);
    leave(rig);
}

static void name(struct talk *t, uint32_t offset, uint8_t sha256[ESPOTA_SHA256_LENGTH])
{
    struct client_response response;
    uint8_t in[4];
    espota_put_le32(in, offset);
    assert_int_equal(ask(t, ESPOTA_AGENT_IDENTIFY, in, sizeof in, &response), ESPOTA_AGENT_OK);
    assert_int_equal(response.length, ESPOTA_AGENT_IDENTIFY_SIZE);
    memcpy(sha256, response.data + 4, ESPOTA_SHA256_LENGTH);
}

/* An agent that nobody else writes beside remembers what it named, but not of what it writes itself. */
static void what_is_being_written_is_named_anew(void **state)
{
    (void)state;
    struct rig *rig = rig_of(SECTORS);
    enum { AT = 0x3000 };
    uint8_t before[ESPOTA_SHA256_LENGTH], after[ESPOTA_SHA256_LENGTH];
    uint8_t raw[ESPOTA_STREAM_HEAD_SIZE + 4096] = { ESPOTA_STREAM_RAW };
    memory_board_put(rig->b, IDLE, &rig->new);
    rig->b->flash.data[IDLE + AT] ^= 1; /* as long, and another one */
    espota_put_le32(raw + 4, AT);
    espota_put_le32(raw + 8, 4096);
    memcpy(raw + ESPOTA_STREAM_HEAD_SIZE, rig->new.data + AT, 4096);
    struct talk t = talk_to(rig);
    name(&t, IDLE, before);
    assert_int_equal(send(&t, raw, sizeof raw), ESPOTA_AGENT_OK);
    memory_board_put(rig->b, IDLE, &rig->new); /* the header too, which the agent took away */
    name(&t, IDLE, after);
    assert_int_equal(espota_sha256(rig->new.data, rig->new.size, before), 0);
    assert_memory_equal(before, after, sizeof after);
    hang_up(&t);
    succeed(rig);
    leave(rig);
}

/* What is concealed is named as a whole, and no base: a patch would tell it. */
static void a_concealed_app_is_no_base(void **state)
{
    (void)state;
    struct rig *rig = rig_of(SECTORS);
    struct talk t = talk_to(rig);
    rig->b->board.agent_config.conceal = true;
    assert_int_equal(send(&t, t.stream.data, t.stream.size), ESPOTA_AGENT_UNSUPPORTED);
    hang_up(&t);
    memset(rig->b->flash.data + RUNNING + rig->old.size, 0xff, 4096 - rig->old.size % 4096);
    succeed(rig);
    assert_int_equal(rig->result.sent.patched, 0);
    assert_int_equal(rig->result.sent.no_base, ESPOTA_BASE_UNSUPPORTED);
    leave(rig);
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
        cmocka_unit_test(the_agent_checks_all_that_a_stream_says_of_its_base),
        cmocka_unit_test(damage_ends_in_nothing_that_boots),
        cmocka_unit_test(images_are_named_one_request_a_slot),
        cmocka_unit_test(what_a_stream_left_is_not_written_again),
        cmocka_unit_test(what_is_being_written_is_named_anew),
        cmocka_unit_test(a_concealed_app_is_no_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
