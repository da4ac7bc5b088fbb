/* What travels: payloads, and who takes them. */
#include "espota/device.h"
#include "espota/digest.h"
#include "espota/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t abc[] = { 'a', 'b', 'c' };

/* FIPS 180-2, appendix B.1. */
static const uint8_t sha256_of_abc[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                                         0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                                         0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad };

static void a_raw_payload_is_the_image(void **state)
{
    struct espota_payload payload = espota_payload_raw(abc, sizeof abc);
    struct espota_error error = { 0 };
    (void)state;
    assert_int_equal(espota_payload_identify(&payload, &error), 0);
    assert_int_equal(payload.kind, ESPOTA_PAYLOAD_RAW);
    assert_ptr_equal(payload.data, abc);
    assert_int_equal(payload.size, sizeof abc);
    assert_int_equal(payload.length, sizeof abc);
    assert_memory_equal(payload.sha256, sha256_of_abc, sizeof sha256_of_abc);
    assert_null(payload.bases);
    payload.data = NULL; /* what is known is not found again, for each of many devices */
    assert_int_equal(espota_payload_identify(&payload, &error), 0);
    assert_memory_equal(payload.sha256, sha256_of_abc, sizeof sha256_of_abc);
}

static void more_than_any_flash_holds_is_no_image(void **state)
{
    struct espota_payload payload = espota_payload_raw(abc, (size_t)UINT32_MAX + 1);
    struct espota_error error = { 0 };
    (void)state;
    assert_int_equal(espota_payload_identify(&payload, &error), ESPOTA_ERR_TOO_BIG);
}

static void kinds_have_names(void **state)
{
    (void)state;
    assert_string_equal(espota_payload_name(ESPOTA_PAYLOAD_RAW), "raw");
    assert_string_equal(espota_payload_name((enum espota_payload_kind)31), "unknown");
}

/* ---- who takes what -------------------------------------------------------------------------------------
 */

struct taker {
    struct espota_device device;
    unsigned begun, put;
};

static int begin_image(struct espota_device *device, uint32_t offset, const struct espota_payload *payload,
                       struct espota_error *error)
{
    (void)offset, (void)payload, (void)error;
    ((struct taker *)device)->begun++;
    return 0;
}

static int finish_image(struct espota_device *device, struct espota_error *error)
{
    (void)device, (void)error;
    return 0;
}

static int write_nothing(struct espota_device *device, uint32_t offset, const void *data, size_t length,
                         struct espota_error *error)
{
    (void)device, (void)offset, (void)data, (void)length, (void)error;
    return 0;
}

static int put_image(struct espota_device *device, const struct espota_payload *payload,
                     struct espota_error *error)
{
    (void)payload, (void)error;
    ((struct taker *)device)->put++;
    return 0;
}

static const struct espota_device_ops ops = {
    .begin_image = begin_image, .finish_image = finish_image, .write = write_nothing, .put_image = put_image
};
static const struct espota_device_ops no_ops = { 0 };

static void a_device_says_which_kinds_it_takes(void **state)
{
    const struct {
        const struct espota_device_ops *ops;
        bool raw;
    } cases[] = { { &ops, true }, { &no_ops, false } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_device device = { 0 };
        espota_device_init(&device, cases[i].ops, "test", ESPOTA_HASH_SHA256, "test device");
        assert_int_equal(espota_device_takes(&device, ESPOTA_PAYLOAD_RAW), cases[i].raw);
        assert_false(espota_device_takes(&device, (enum espota_payload_kind)1));
    }
}

static void a_kind_that_a_device_does_not_take_never_reaches_it(void **state)
{
    struct taker taker = { 0 };
    struct espota_payload payload = espota_payload_raw(abc, sizeof abc);
    struct espota_error error = { 0 };
    (void)state;
    espota_device_init(&taker.device, &ops, "test", ESPOTA_HASH_SHA256, "test device");
    assert_int_equal(espota_device_begin_image(&taker.device, 0, &payload, &error), 0);
    assert_int_equal(espota_device_put_image(&taker.device, &payload, &error), 0);
    payload.kind = (enum espota_payload_kind)1;
    assert_int_equal(espota_device_begin_image(&taker.device, 0, &payload, &error), ESPOTA_ERR_UNSUPPORTED);
    assert_int_equal(espota_device_put_image(&taker.device, &payload, &error), ESPOTA_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "test device"));
    assert_int_equal(taker.begun, 1);
    assert_int_equal(taker.put, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_raw_payload_is_the_image),
        cmocka_unit_test(more_than_any_flash_holds_is_no_image),
        cmocka_unit_test(kinds_have_names),
        cmocka_unit_test(a_device_says_which_kinds_it_takes),
        cmocka_unit_test(a_kind_that_a_device_does_not_take_never_reaches_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
