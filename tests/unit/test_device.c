/* The device interface: what a device cannot do is refused, never called. */
#include "espota/device.h"
#include "espota/digest.h"
#include "espota/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void close_nothing(struct espota_device *device)
{
    (void)device;
}

static int read_zeroes(struct espota_device *device, uint32_t offset, void *buffer, size_t length,
                       struct espota_error *error)
{
    (void)device, (void)offset, (void)error;
    memset(buffer, 0, length);
    return 0;
}

static const struct espota_device_ops no_ops = { .close = close_nothing };
static const struct espota_device_ops read_ops = { .read = read_zeroes, .close = close_nothing };

static struct espota_device device_of(const struct espota_device_ops *ops)
{
    struct espota_device device = { 0 };
    espota_device_init(&device, ops, "test", ESPOTA_HASH_SHA256, "test device");
    device.info.flash_size = 1 << 20;
    return device;
}

static void a_device_without_operations_refuses_each(void **state)
{
    struct espota_device device = device_of(&no_ops);
    struct espota_error error = { 0 };
    struct espota_payload payload = { 0 };
    struct espota_chip_details details;
    uint8_t buffer[4096] = { 0 };
    (void)state;
    assert_int_equal(device.caps, 0);
    assert_int_equal(espota_device_digest(&device, 0, 4096, buffer, &error), ESPOTA_ERR_UNSUPPORTED);
    assert_int_equal(espota_device_digests(&device, 0, 4096, 4096, buffer, &error), ESPOTA_ERR_UNSUPPORTED);
    assert_int_equal(espota_device_read(&device, 0, buffer, 16, &error), ESPOTA_ERR_UNSUPPORTED);
    assert_int_equal(espota_device_erase(&device, 0, 4096, &error), ESPOTA_ERR_UNSUPPORTED);
    assert_int_equal(espota_device_write(&device, 0, buffer, 4096, &error), ESPOTA_ERR_UNSUPPORTED);
    assert_int_equal(espota_device_begin_image(&device, 0, &payload, &error), ESPOTA_ERR_UNSUPPORTED);
    assert_int_equal(espota_device_finish_image(&device, &error), ESPOTA_ERR_UNSUPPORTED);
    assert_int_equal(espota_device_select_boot(&device, 0, 0, &error), ESPOTA_ERR_UNSUPPORTED);
    assert_int_equal(espota_device_confirm(&device, &error), ESPOTA_ERR_UNSUPPORTED);
    assert_int_equal(espota_device_rollback(&device, &error), ESPOTA_ERR_UNSUPPORTED);
    assert_int_equal(espota_device_restart(&device, &error), ESPOTA_ERR_UNSUPPORTED);
    assert_int_equal(espota_device_details(&device, &details, &error), ESPOTA_ERR_UNSUPPORTED);
    assert_int_equal(espota_device_recover(&device, &error), ESPOTA_ERR_UNSUPPORTED);
    assert_int_equal(espota_device_put_image(&device, &payload, &error), ESPOTA_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "test device"));
    espota_device_close(&device);
}

static void capabilities_follow_from_the_operations(void **state)
{
    struct espota_device device = device_of(&read_ops);
    (void)state;
    assert_true(espota_device_can(&device, ESPOTA_CAP_READ));
    assert_false(espota_device_can(&device, ESPOTA_CAP_READ | ESPOTA_CAP_WRITE));
}

static void ranges_are_checked_before_the_device_is_asked(void **state)
{
    struct espota_device device = device_of(&read_ops);
    struct espota_error error = { 0 };
    uint8_t buffer[16];
    (void)state;
    assert_int_equal(espota_device_read(&device, (1 << 20) - 16, buffer, 16, &error), 0);
    assert_int_equal(espota_device_read(&device, (1 << 20) - 15, buffer, 16, &error), ESPOTA_ERR_TOO_BIG);
    assert_int_equal(espota_device_read(&device, UINT32_MAX, buffer, 16, &error), ESPOTA_ERR_TOO_BIG);
}

static void who_does_not_reach_all_of_flash_is_named(void **state)
{
    struct espota_device device = device_of(&read_ops);
    struct espota_error error = { 0 };
    uint8_t buffer[16];
    (void)state;
    device.info.flash_size = 64u << 20;
    device.info.addressable = 16u << 20;
    assert_int_equal(espota_device_read(&device, (16u << 20) - 16, buffer, 16, &error), 0);
    assert_int_equal(espota_device_read(&device, 16u << 20, buffer, 16, &error), ESPOTA_ERR_TOO_BIG);
    assert_non_null(strstr(error.text, "reaches the first 16M of flash only"));
    assert_null(strstr(error.text, "ROM"));
    device.kind = "rom";
    assert_int_equal(espota_device_read(&device, 16u << 20, buffer, 16, &error), ESPOTA_ERR_TOO_BIG);
    assert_non_null(strstr(error.text, "the chip's ROM bootloader addresses the first 16M of flash only"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_without_operations_refuses_each),
        cmocka_unit_test(capabilities_follow_from_the_operations),
        cmocka_unit_test(ranges_are_checked_before_the_device_is_asked),
        cmocka_unit_test(who_does_not_reach_all_of_flash_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
