/* Chips: found by name, by an image's id, by the magic register; and who made a flash chip. */
#include "espota/chip.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void a_chip_is_found_by_its_name(void **state)
{
    static const char *const cases[][2] = {
        { "esp32", "ESP32" },       { "ESP32", "ESP32" },
        { "esp32c3", "ESP32-C3" },  { "esp32-c3", "ESP32-C3" },
        { "ESP32-C3", "ESP32-C3" }, { "ESP32C61", "ESP32-C61" },
        { "esp32c", NULL },         { "esp8266", NULL },
        { "esp32c33", NULL },       { "", NULL },
        { "esp32 ", NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct espota_chip *chip = espota_chip_by_name(cases[i][0]);
        assert_int_equal(chip == NULL, cases[i][1] == NULL);
        if (chip)
            assert_string_equal(chip->name, cases[i][1]);
    }
}

/* Ids: ESP-IDF, bootloader_support/include/esp_app_format.h, esp_chip_id_t. */
static void a_chip_is_found_by_an_images_id(void **state)
{
    static const struct {
        uint16_t id;
        const char *name;
    } cases[] = {
        { 0, "ESP32" },      { 2, "ESP32-S2" },  { 5, "ESP32-C3" },  { 9, "ESP32-S3" },
        { 12, "ESP32-C2" },  { 13, "ESP32-C6" }, { 16, "ESP32-H2" }, { 18, "ESP32-P4" },
        { 20, "ESP32-C61" }, { 23, "ESP32-C5" }, { 1, NULL },        { 0xffff, NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct espota_chip *chip = espota_chip_by_image_id(cases[i].id);
        assert_int_equal(chip == NULL, cases[i].name == NULL);
        if (chip)
            assert_string_equal(chip->name, cases[i].name);
    }
}

/* Values: esptool, esptool/targets, MAGIC_VALUE. */
static void old_chips_are_found_by_the_magic_register(void **state)
{
    static const struct {
        uint32_t magic;
        const char *name;
    } cases[] = { { 0x00f01d83, "ESP32" }, { 0x000007c6, "ESP32-S2" }, { 0x12345678, NULL } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct espota_chip *chip = espota_chip_by_magic(cases[i].magic);
        assert_int_equal(chip == NULL, cases[i].name == NULL);
        if (chip)
            assert_string_equal(chip->name, cases[i].name);
    }
}

static void each_chip_is_found_by_its_own_name_and_id(void **state)
{
    (void)state;
    for (size_t i = 0; espota_chips[i]; i++) {
        assert_ptr_equal(espota_chip_by_name(espota_chips[i]->name), espota_chips[i]);
        assert_ptr_equal(espota_chip_by_image_id((uint16_t)espota_chips[i]->image_id), espota_chips[i]);
    }
}

/* Low byte of the JEDEC id: JEP106. */
static void a_flash_chip_has_a_maker(void **state)
{
    (void)state;
    assert_string_equal(espota_flash_maker(0x001640ef), "Winbond");
    assert_string_equal(espota_flash_maker(0x001640c8), "GigaDevice");
    assert_null(espota_flash_maker(0x00ffffff));
    assert_null(espota_flash_maker(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chip_is_found_by_its_name),
        cmocka_unit_test(a_chip_is_found_by_an_images_id),
        cmocka_unit_test(old_chips_are_found_by_the_magic_register),
        cmocka_unit_test(each_chip_is_found_by_its_own_name_and_id),
        cmocka_unit_test(a_flash_chip_has_a_maker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
