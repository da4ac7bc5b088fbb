/* What an agent does with a stream that has a base, asked directly: it checks all that the stream says, ends
 * in nothing that boots when that is wrong, and names the images it holds. */
#include "espota/agent_client.h"
#include "espota/coder.h"
#include "espota/device.h"
#include "espota/digest.h"
#include "espota/encode.h"
#include "espota/error.h"

#include "base_rig.h"
#include "device/agent_client/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

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
    assert_int_equal(t.stream.data[0], ESPOTA_STREAM_BASED);
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
    enum {
        OFFSET = ESPOTA_BASED_OFFSET,
        LENGTH = ESPOTA_BASED_LENGTH,
        FLASH = ESPOTA_BASED_FLASH,
        BASE = ESPOTA_BASED_BASE_LENGTH,
        SHA = ESPOTA_BASED_SHA256,
        MAP = ESPOTA_BASED_HEAD_SIZE
    };
    static const struct {
        uint8_t at, value; /* a byte that is changed */
        enum espota_agent_status status;
    } wrong[] = {
        { 0, ESPOTA_STREAM_RAW, ESPOTA_AGENT_MALFORMED }, /* what is not coded has no base */
        { 0, ESPOTA_STREAM_BASED + 1, ESPOTA_AGENT_UNSUPPORTED },
        { ESPOTA_BASED_LAYOUT, ESPOTA_LAYOUT_ALL + 1, ESPOTA_AGENT_MALFORMED },
        { OFFSET + 1, 0xff, ESPOTA_AGENT_RANGE }, /* beyond the image */
        { LENGTH + 1, 0xff, ESPOTA_AGENT_RANGE },
        { FLASH, 0x11, ESPOTA_AGENT_BASE },     /* within a partition */
        { FLASH, 8, ESPOTA_AGENT_BASE },        /* the table */
        { FLASH + 1, 0x11, ESPOTA_AGENT_BASE }, /* what is being written */
        { FLASH + 1, 0x21, ESPOTA_AGENT_BASE }, /* no app */
        { FLASH + 1, 0xff, ESPOTA_AGENT_BASE }, /* beyond the flash */
        { BASE, 0xff, ESPOTA_AGENT_BASE },      /* of another length */
        { BASE + 3, 0xff, ESPOTA_AGENT_BASE },  /* beyond the partition */
        { SHA, 0, ESPOTA_AGENT_BASE },
        { SHA + 15, 0, ESPOTA_AGENT_BASE },
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
    rig_leave(rig);
}

/* Damage anywhere behind the head: refused, or an image that VERIFY refuses; the base stays as it is. */
static void damage_ends_in_nothing_that_boots(void **state)
{
    (void)state;
    struct rig *rig = rig_of(12);
    for (unsigned i = 0; i < 60; i++) {
        struct talk t = talk_to(rig);
        struct client_response response;
        size_t at = ESPOTA_BASED_HEAD_SIZE + i * 37;
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
    rig_succeed(rig);
    rig_leave(rig);
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
    rig_succeed(rig);
    rig_leave(rig);
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
    rig_leave(rig);
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
    rig_succeed(rig);
    rig_leave(rig);
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
    rig_succeed(rig);
    assert_int_equal(rig->result.sent.patched, 0);
    assert_int_equal(rig->result.sent.no_base, ESPOTA_BASE_UNSUPPORTED);
    rig_leave(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_agent_checks_all_that_a_stream_says_of_its_base),
        cmocka_unit_test(damage_ends_in_nothing_that_boots),
        cmocka_unit_test(images_are_named_one_request_a_slot),
        cmocka_unit_test(what_a_stream_left_is_not_written_again),
        cmocka_unit_test(what_is_being_written_is_named_anew),
        cmocka_unit_test(a_concealed_app_is_no_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
