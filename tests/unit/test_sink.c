/* An update of a device that takes images and gives no access to its flash: no table, no digest, no read. */
#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/observer.h"
#include "espota/ota.h"

#include "fixtures/memory_board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { CHUNK = 4096 };

struct sink {
    struct espota_device device;
    struct espota_bytes taken;
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    bool refuses;
    uint64_t told, last_done, total; /* to the observer */
};

static int put_image(struct espota_device *device, const struct espota_payload *payload,
                     struct espota_error *error)
{
    struct sink *sink = (struct sink *)device;
    memcpy(sink->sha256, payload->sha256, sizeof sink->sha256);
    for (size_t at = 0; at < payload->size; at += CHUNK) {
        size_t chunk = payload->size - at < CHUNK ? payload->size - at : CHUNK;
        assert_int_equal(espota_bytes_append(&sink->taken, payload->data + at, chunk, error), 0);
        espota_device_moved(device, (uint32_t)chunk);
    }
    return sink->refuses ? espota_fail(error, ESPOTA_ERR_VERIFY, "the device does not like it") : 0;
}

static void close_nothing(struct espota_device *device)
{
    (void)device;
}

static const struct espota_device_ops sink_ops = { .put_image = put_image, .close = close_nothing };

static void on_progress(void *context, const char *device, const struct espota_progress *progress)
{
    struct sink *sink = context;
    assert_string_equal(device, "sink");
    assert_int_equal(progress->phase, ESPOTA_PHASE_WRITE);
    sink->told++;
    sink->last_done = progress->done;
    sink->total = progress->total;
}

static int update(struct sink *sink, const struct espota_ota_request *request,
                  struct espota_ota_result *result, struct espota_error *error)
{
    const struct espota_observer observer = { .context = sink, .progress = on_progress };
    espota_device_init(&sink->device, &sink_ops, "sink", ESPOTA_HASH_SHA256, "sink");
    sink->device.info.chip = espota_chip_by_name("esp32");
    sink->device.observer = &observer;
    return espota_ota_run(&sink->device, request, result, error);
}

static void an_image_goes_to_a_device_that_only_takes_images(void **state)
{
    struct espota_bytes image = memory_board_image(100000, 7, 0);
    struct espota_ota_request request = { .name = "new.bin",
                                          .payload = espota_payload_raw(image.data, image.size) };
    struct espota_ota_result result;
    struct espota_error error = { 0 };
    struct sink sink = { 0 };
    (void)state;
    assert_int_equal(update(&sink, &request, &result, &error), 0);
    assert_int_equal(sink.taken.size, image.size);
    assert_memory_equal(sink.taken.data, image.data, image.size);
    assert_memory_equal(sink.sha256, result.sha256, sizeof result.sha256);
    assert_int_equal(result.write.written, image.size);
    assert_string_equal(result.to.label, "");
    assert_true(sink.device.changed);
    assert_int_equal(sink.told, (image.size + CHUNK - 1) / CHUNK);
    assert_int_equal(sink.last_done, image.size);
    assert_int_equal(sink.total, image.size);
    espota_bytes_free(&sink.taken);
    espota_bytes_free(&image);
}

static void what_a_sink_cannot_do_or_must_not_get_is_refused_before_it_is_asked(void **state)
{
    struct espota_bytes good = memory_board_image(5000, 7, 0), foreign = memory_board_image(5000, 7, 5);
    const struct {
        const struct espota_bytes *image;
        bool factory, trial;
        enum espota_status status;
    } cases[] = { { &good, true, false, ESPOTA_ERR_UNSUPPORTED },
                  { &good, false, true, ESPOTA_ERR_UNSUPPORTED },
                  { &foreign, false, false, ESPOTA_ERR_VERIFY } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sink sink = { 0 };
        struct espota_ota_result result;
        struct espota_error error = { 0 };
        struct espota_ota_request request = {
            .name = "new.bin",
            .payload = espota_payload_raw(cases[i].image->data, cases[i].image->size),
            .force_factory = cases[i].factory,
            .trial = cases[i].trial,
        };
        assert_int_equal(update(&sink, &request, &result, &error), cases[i].status);
        assert_int_equal(sink.taken.size, 0);
        assert_false(sink.device.changed);
    }
    espota_bytes_free(&good);
    espota_bytes_free(&foreign);
}

static void a_refusal_is_told_with_what_was_attempted(void **state)
{
    struct espota_bytes image = memory_board_image(5000, 7, 0);
    struct espota_ota_request request = { .name = "new.bin",
                                          .payload = espota_payload_raw(image.data, image.size) };
    struct espota_ota_result result;
    struct espota_error error = { 0 };
    struct sink sink = { .refuses = true };
    (void)state;
    assert_int_equal(update(&sink, &request, &result, &error), ESPOTA_ERR_VERIFY);
    assert_non_null(strstr(error.text, "update of sink not finished"));
    assert_non_null(strstr(error.text, "the device does not like it"));
    assert_int_equal(result.write.written, 0);
    espota_bytes_free(&sink.taken);
    espota_bytes_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_goes_to_a_device_that_only_takes_images),
        cmocka_unit_test(what_a_sink_cannot_do_or_must_not_get_is_refused_before_it_is_asked),
        cmocka_unit_test(a_refusal_is_told_with_what_was_attempted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
