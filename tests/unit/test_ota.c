/* The OTA procedure against a board in memory: what is written, what is refused, and what a power cut leaves.
 * The link is a function call: bytes that the host writes are in the agent before the next read. */
#include "espota/bytes.h"
#include "espota/plan.h"
#include "espota/update.h"
#include "sim/board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MiB(n) ((n)*1024u * 1024u)

struct bench {
    struct espota_link link;
    struct sim_flash flash;
    struct sim_board board;
    struct espota_bytes answer; /* from the board, not yet read */
    size_t answer_at;
    unsigned lose_every; /* frames from the host that get lost */
    unsigned writes;
};

static void take_answer(void *context, enum sim_stream stream, const uint8_t *data, size_t length)
{
    struct bench *b = context;
    struct espota_error error;
    (void)stream;
    assert_int_equal(espota_bytes_append(&b->answer, data, length, &error), 0);
}

static int link_read(struct espota_link *link, void *buffer, size_t size, unsigned timeout_ms, size_t *got,
                     struct espota_error *error)
{
    struct bench *b = (struct bench *)link;
    size_t left = b->answer.size - b->answer_at;
    (void)timeout_ms;
    if (!b->flash.powered)
        return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "no power");
    *got = left < size ? left : size;
    if (*got > 0)
        memcpy(buffer, b->answer.data + b->answer_at, *got);
    b->answer_at += *got;
    if (b->answer_at == b->answer.size)
        b->answer.size = b->answer_at = 0;
    return 0;
}

static int link_write(struct espota_link *link, const void *data, size_t size, struct espota_error *error)
{
    struct bench *b = (struct bench *)link;
    (void)error;
    if (b->lose_every && ++b->writes % b->lose_every == 0)
        return 0;
    sim_board_input(&b->board, SIM_UART, data, size);
    return 0;
}

static void link_drain(struct espota_link *link)
{
    struct bench *b = (struct bench *)link;
    b->answer.size = b->answer_at = 0;
}

static void link_close(struct espota_link *link)
{
    (void)link;
}

static const struct espota_link_ops link_ops = {
    .read = link_read, .write = link_write, .drain = link_drain, .close = link_close
};

static struct espota_bytes app(uint32_t size, uint8_t seed, uint16_t chip)
{
    struct espota_bytes image = { 0 };
    struct espota_error error;
    uint8_t *content = malloc(size);
    struct espota_image_part part = { 0x3f400020, content, size };
    struct espota_image header = { .flash_mode = 2, .flash_size = 2, .chip_id = chip };
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    for (uint32_t i = 0; i < size; i++)
        content[i] = (uint8_t)(i * seed + (i >> 8));
    size_t total = espota_image_build_size(&part, 1);
    uint8_t *data = malloc(total);
    assert_non_null(data);
    assert_int_equal(espota_image_build(&header, &part, 1, sha256, data), 0);
    assert_int_equal(espota_bytes_append(&image, data, total, &error), 0);
    espota_hash_free(sha256);
    free(content);
    free(data);
    return image;
}

static void put(struct bench *b, uint32_t offset, const struct espota_bytes *bytes)
{
    memcpy(b->flash.data + offset, bytes->data, bytes->size);
}

/* A 4M board, 2p or 3p on 16M, with an app in its first partition. */
static struct bench *set_up(bool three)
{
    static const struct espota_plan_request two = { .flash_size = MiB(4) }, big = { .flash_size = MiB(16) };
    struct bench *b = calloc(1, sizeof *b);
    struct espota_error error;
    struct espota_plan plan;
    uint8_t table[ESPOTA_TABLE_BINARY_SIZE];
    assert_int_equal(espota_plan_make(&plan, three ? &big : &two, &error), 0);
    assert_int_equal(espota_table_to_binary(&plan.table, table, &error), 0);
    assert_int_equal(sim_flash_memory(&b->flash, plan.flash_size, &error), 0);
    memcpy(b->flash.data + 0x8000, table, sizeof table);
    struct espota_bytes bootloader = app(4096, 3, 0), old = app(60000, 5, 0);
    put(b, 0x1000, &bootloader);
    put(b, 0x10000, &old);
    espota_bytes_free(&bootloader);
    espota_bytes_free(&old);
    struct sim_board_options options = { .chip = espota_chip_by_name("esp32"),
                                         .table_offset = 0x8000,
                                         .rollback = true,
                                         .context = b,
                                         .send = take_answer };
    assert_int_equal(sim_board_init(&b->board, &b->flash, &options, &error), 0);
    b->link.ops = &link_ops;
    strcpy(b->link.name, "bench");
    sim_board_reset(&b->board, false);
    assert_int_equal(b->board.state, SIM_RUNNING);
    return b;
}

static void tear_down(struct bench *b)
{
    sim_board_end(&b->board);
    sim_flash_close(&b->flash);
    espota_bytes_free(&b->answer);
    free(b);
}

static int update(struct bench *b, const struct espota_bytes *image, bool factory, bool trial,
                  struct espota_ota_result *result, struct espota_error *error)
{
    struct espota_device *device = NULL;
    struct espota_agent_options options = { .hello_timeout_ms = 50 };
    struct espota_ota_request request = { .name = "new.bin",
                                          .image = image->data,
                                          .length = image->size,
                                          .force_factory = factory,
                                          .trial = trial };
    int outcome = espota_agent_open(&device, &b->link, &options, error);
    if (outcome == 0)
        outcome = espota_ota_run(device, &request, result, error);
    espota_device_close(device);
    return outcome;
}

static void an_update_goes_to_the_idle_slot_and_boots(void **state)
{
    (void)state;
    struct bench *b = set_up(false);
    struct espota_bytes image = app(100000, 7, 0);
    struct espota_ota_result result;
    struct espota_error error = { 0 };
    assert_int_equal(update(b, &image, false, false, &result, &error), 0);
    assert_string_equal(result.from.label, "MicroPython_1");
    assert_string_equal(result.to.label, "MicroPython_2");
    assert_memory_equal(b->flash.data + result.to.offset, image.data, image.size);
    sim_board_reset(&b->board, false);
    assert_string_equal(b->board.running->label, "MicroPython_2");
    espota_bytes_free(&image);
    tear_down(b);
}

static void an_update_that_is_there_already_writes_nothing(void **state)
{
    (void)state;
    struct bench *b = set_up(false);
    struct espota_bytes image = app(100000, 7, 0);
    struct espota_ota_result result;
    struct espota_error error = { 0 };
    put(b, 0x110000, &image);
    assert_int_equal(update(b, &image, false, false, &result, &error), 0);
    assert_int_equal(result.write.written, 0);
    espota_bytes_free(&image);
    tear_down(b);
}

static void what_must_not_be_written_is_refused_before_flash_is_touched(void **state)
{
    (void)state;
    struct espota_bytes foreign = app(5000, 7, 5), large = app(MiB(1), 7, 0), good = app(5000, 7, 0),
                        damaged = app(5000, 7, 0), text = { 0 };
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
        struct bench *b = set_up(false);
        struct espota_ota_result result;
        uint64_t before = b->flash.operations;
        assert_int_equal(update(b, cases[i].image, cases[i].factory, false, &result, &error),
                         cases[i].status);
        assert_int_equal(b->flash.operations, before);
        tear_down(b);
    }
    espota_bytes_free(&foreign);
    espota_bytes_free(&large);
    espota_bytes_free(&good);
    espota_bytes_free(&damaged);
    espota_bytes_free(&text);
}

static void factory_is_not_updated_from_itself(void **state)
{
    (void)state;
    struct bench *b = set_up(true);
    struct espota_bytes image = app(5000, 7, 0);
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
    tear_down(b);
}

static void a_trial_that_nobody_confirms_returns(void **state)
{
    (void)state;
    struct bench *b = set_up(false);
    struct espota_bytes image = app(5000, 7, 0);
    struct espota_ota_result result;
    struct espota_error error = { 0 };
    assert_int_equal(update(b, &image, false, true, &result, &error), 0);
    sim_board_reset(&b->board, false);
    assert_string_equal(b->board.running->label, "MicroPython_2");
    sim_board_reset(&b->board, false);
    assert_string_equal(b->board.running->label, "MicroPython_1");
    espota_bytes_free(&image);
    tear_down(b);
}

static void lost_requests_are_repeated(void **state)
{
    (void)state;
    struct bench *b = set_up(false);
    struct espota_device *device = NULL;
    struct espota_agent_options options = { 0 };
    struct espota_error error = { 0 };
    uint8_t first[2];
    assert_int_equal(espota_agent_open(&device, &b->link, &options, &error), 0);
    b->lose_every = 2;
    assert_int_equal(espota_device_read(device, 0x8000, first, sizeof first, &error), 0);
    assert_int_equal(espota_device_read(device, 0x8000, first, sizeof first, &error), 0);
    assert_int_equal(first[0], 0xaa);
    espota_device_close(device);
    tear_down(b);
}

/* Power fails at each flash operation of an update, in each of three ways: something valid boots, and the
 * next run finishes. */
static void power_may_fail_at_any_flash_operation(void **state)
{
    (void)state;
    struct espota_bytes image = app(20000, 7, 0);
    unsigned cases = 0;
    for (int kind = SIM_CUT_BEFORE; kind <= SIM_CUT_AFTER; kind++)
        for (uint64_t at = 1;; at++) {
            struct bench *b = set_up(false);
            struct espota_ota_result result;
            struct espota_error error = { 0 };
            b->flash.cut = (enum sim_cut)kind;
            b->flash.cut_at = b->flash.operations + at;
            int outcome = update(b, &image, false, false, &result, &error);
            bool cut = !b->flash.powered;
            b->flash.cut = SIM_CUT_NONE;
            b->answer.size = b->answer_at = 0;
            sim_board_reset(&b->board, false);
            assert_int_equal(b->board.state, SIM_RUNNING);
            if (cut)
                assert_int_not_equal(outcome, 0);
            bool on_new = strcmp(b->board.running->label, "MicroPython_2") == 0;
            if (!on_new && update(b, &image, false, false, &result, &error) != 0)
                fail_msg("after a cut at operation %u: %s", (unsigned)at, error.text);
            assert_memory_equal(b->flash.data + 0x110000, image.data, image.size);
            tear_down(b);
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
        cmocka_unit_test(factory_is_not_updated_from_itself),
        cmocka_unit_test(a_trial_that_nobody_confirms_returns),
        cmocka_unit_test(lost_requests_are_repeated),
        cmocka_unit_test(power_may_fail_at_any_flash_operation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
