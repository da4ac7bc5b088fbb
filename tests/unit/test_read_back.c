/* Bases that are read back from the device: what is not the image that it names is none, and nobody reads
 * what takes longer than to do without. */
#include "espota/agent_client.h"
#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/known_images.h"
#include "espota/ota.h"
#include "espota/read_back.h"

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
    struct espota_known_images *known;
    struct espota_read_back *read_back;
    struct espota_base_source source;
    struct espota_observer observer;
    bool lies, denies;
    char notes[4000];
    struct espota_ota_result result;
    struct espota_error error;
};

static void on_message(void *context, const char *device, enum espota_message kind, const char *text)
{
    struct rig *rig = context;
    size_t used = strlen(rig->notes);
    (void)device, (void)kind;
    snprintf(rig->notes + used, sizeof rig->notes - used, "%s\n", text);
}

static int find(void *context, const uint8_t sha256[ESPOTA_SHA256_LENGTH], uint32_t length,
                const uint8_t **image, struct espota_error *error)
{
    const struct espota_base_source known = espota_known_images_source(((struct rig *)context)->known);
    return known.find(known.context, sha256, length, image, error);
}

static void release(void *context, const uint8_t *image)
{
    const struct espota_base_source known = espota_known_images_source(((struct rig *)context)->known);
    known.release(known.context, image);
}

/* By now the device has named what it holds. */
static int read_back(void *context, struct espota_device *device, const struct espota_base_wanted *wanted,
                     uint32_t *read, struct espota_error *error)
{
    struct rig *rig = context;
    if (rig->lies)
        rig->b->flash.data[RUNNING + 0x5123] ^= 4;
    rig->b->board.agent_config.conceal = rig->denies;
    int result = espota_read_back(rig->read_back, device, wanted, read, error);
    rig->b->board.agent_config.conceal = false;
    return result;
}

static int enter(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    *state = rig;
    known_bases_images(SECTORS, &rig->old, &rig->new);
    assert_int_equal(espota_known_images_new(&rig->known, NULL, &rig->error), 0);
    rig->source = (struct espota_base_source){ rig, find, release, NULL, read_back };
    rig->b = memory_board_with(false, &rig->old);
    rig->observer = (struct espota_observer){ rig, NULL, on_message, NULL };
    return 0;
}

static int leave(void **state)
{
    struct rig *rig = *state;
    espota_read_back_free(rig->read_back);
    espota_known_images_free(rig->known);
    espota_bytes_free(&rig->old);
    espota_bytes_free(&rig->new);
    memory_board_free(rig->b);
    free(rig);
    return 0;
}

static void use(struct rig *rig, bool always)
{
    const struct espota_read_back_options options = { .always = always, .known = rig->known };
    assert_int_equal(espota_read_back_new(&rig->read_back, &options, &rig->error), 0);
}

static void update(struct rig *rig)
{
    struct espota_device *device = NULL;
    struct espota_agent_client_options options = { .hello_timeout_ms = 50, .observer = &rig->observer };
    struct espota_ota_request request = { .name = "new.bin",
                                          .payload = espota_payload_raw(rig->new.data, rig->new.size),
                                          .bases = &rig->source };
    if (espota_agent_client_open(&device, &rig->b->link, &options, &rig->error) != 0 ||
        espota_ota_run(device, &request, &rig->result, &rig->error) != 0)
        fail_msg("%s", rig->error.text);
    espota_device_close(device);
    assert_memory_equal(rig->b->flash.data + IDLE, rig->new.data, rig->new.size);
}

static bool knows(struct rig *rig)
{
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    const uint8_t *image = NULL;
    assert_int_equal(espota_sha256(rig->old.data, rig->old.size, sha256), 0);
    assert_int_equal(find(rig, sha256, (uint32_t)rig->old.size, &image, &rig->error), 0);
    if (image)
        release(rig, image);
    return image != NULL;
}

static void expect_whole(struct rig *rig, const char *words)
{
    update(rig);
    assert_int_equal(rig->result.sent.patched, 0);
    assert_int_equal(rig->result.sent.no_base, ESPOTA_BASE_UNKNOWN);
    assert_false(knows(rig));
    if (!strstr(rig->notes, words))
        fail_msg("%s", rig->notes);
}

static void what_is_read_back_is_a_base_from_then_on(void **state)
{
    struct rig *rig = *state;
    use(rig, true);
    update(rig);
    assert_true(rig->result.sent.patched >= SECTORS * 4096);
    assert_in_range(rig->result.read_back, 1, rig->old.size);
    assert_true(knows(rig));
}

static void what_is_not_the_image_that_was_named_is_none(void **state)
{
    struct rig *rig = *state;
    rig->lies = true;
    use(rig, true);
    expect_whole(rig, "is not the image that the device names: it is no base");
}

static void a_device_that_does_not_let_it_be_read_gets_the_image(void **state)
{
    struct rig *rig = *state;
    rig->denies = true;
    use(rig, true);
    expect_whole(rig, "The base is not read back: ");
}

static void what_takes_longer_is_not_read(void **state)
{
    struct rig *rig = *state;
    use(rig, false);
    expect_whole(rig, "the base is not read back: about 1 device would take");
    assert_int_equal(rig->result.read_back, 0);
}

/* A source that never reads. */
static void nobody_need_be_able_to(void **state)
{
    struct rig *rig = *state;
    rig->source.read_back = NULL;
    use(rig, true);
    expect_whole(rig, "without a base");
}

/* ---- what is reckoned ------------------------------------------------------------------------------------
 */

/* Devices come one after the other, and name an image each; nothing of theirs can be read. */
static void it_pays_for_as_many_as_are_expected(void **state)
{
    static const struct {
        size_t devices;
        unsigned at_once;
        const char *names; /* of those that come */
        int reads;         /* the one that reads; -1: none */
    } cases[] = {
        { 1, 0, "a", -1 },        { 100, 1, "aa", 1 },           { 100, 0, "aaaaaaaa", -1 },
        { 100, 100, "aaaa", -1 }, { 100, 10, "aa", 1 },          { 2, 1, "aa", -1 },
        { 100, 1, "abcdefa", 6 }, { 20, 1, "abcdefghijka", -1 }, { 100, 1, "abab", 2 },
    };
    struct rig *rig = *state;
    struct espota_device *device = NULL;
    struct espota_agent_client_options options = { .hello_timeout_ms = 50, .observer = &rig->observer };
    assert_int_equal(espota_agent_client_open(&device, &rig->b->link, &options, &rig->error), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct espota_read_back_options o = { .devices = cases[i].devices,
                                                    .at_once = cases[i].at_once,
                                                    .known = rig->known };
        int reads = -1;
        assert_int_equal(espota_read_back_new(&rig->read_back, &o, &rig->error), 0);
        for (int k = 0; cases[i].names[k] && reads < 0; k++) {
            struct espota_payload_base held = { .offset = RUNNING, .length = 8 * 4096 };
            const struct espota_base_wanted wanted = {
                "ota_0", &held, rig->new.data, 4096, { .whole = 10, .based = 3, .read = 20.0 / held.length }
            };
            uint32_t read = 0;
            memset(held.sha256, cases[i].names[k], sizeof held.sha256);
            assert_int_equal(espota_read_back(rig->read_back, device, &wanted, &read, &rig->error), 0);
            reads = read > 0 ? k : -1;
        }
        if (reads != cases[i].reads)
            fail_msg("case %zu: %d reads", i, reads);
        espota_read_back_free(rig->read_back);
        rig->read_back = NULL;
    }
    espota_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_read_back_is_a_base_from_then_on, enter, leave),
        cmocka_unit_test_setup_teardown(what_is_not_the_image_that_was_named_is_none, enter, leave),
        cmocka_unit_test_setup_teardown(a_device_that_does_not_let_it_be_read_gets_the_image, enter, leave),
        cmocka_unit_test_setup_teardown(what_takes_longer_is_not_read, enter, leave),
        cmocka_unit_test_setup_teardown(nobody_need_be_able_to, enter, leave),
        cmocka_unit_test_setup_teardown(it_pays_for_as_many_as_are_expected, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
