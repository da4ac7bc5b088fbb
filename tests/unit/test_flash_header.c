/* Flash settings in a bootloader's header: words, what they make of the header, and what may not change. */
#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/flash_header.h"
#include "espota/image.h"
#include "espota/image_file.h"
#include "espota/sign.h"

#include "fixtures/signed_images.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The image says: dio (2), frequency 0, 4M (2). */
static void words_become_the_headers_codes(void **state)
{
    static const struct {
        struct espota_flash_header header; /* mode, frequency, size */
        uint32_t flash_size;
        uint8_t mode, settings; /* bytes 2 and 3 */
        unsigned notes;
    } cases[] = {
        { { NULL, NULL, "keep" }, MiB(16), 2, 0x20, 0 }, { { "keep", "keep", "keep" }, 0, 2, 0x20, 0 },
        { { NULL, NULL, NULL }, 0, 2, 0x20, 0 }, /* nobody knows the size */
        { { NULL, NULL, NULL }, MiB(16), 2, 0x40, 1 },   { { NULL, NULL, "detect" }, MiB(2), 2, 0x10, 1 },
        { { NULL, NULL, "16MB" }, MiB(4), 2, 0x40, 1 },  { { NULL, NULL, "128M" }, 0, 2, 0x70, 1 },
        { { "qio", NULL, "keep" }, 0, 0, 0x20, 1 },      { { "dout", "80m", "keep" }, 0, 3, 0x2f, 1 },
        { { NULL, "20m", "8M" }, 0, 2, 0x32, 2 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_bytes image = memory_board_image(4096, 3, 0);
        struct espota_flash_notes notes = { 0 };
        struct espota_error error = { 0 };
        struct espota_image found;
        assert_int_equal(espota_flash_header_check(&cases[i].header, &error), 0);
        assert_int_equal(espota_flash_header_apply(&cases[i].header, espota_chip_by_name("esp32"),
                                                   cases[i].flash_size, image.data, image.size, &notes,
                                                   &error),
                         0);
        assert_int_equal(image.data[2], cases[i].mode);
        assert_int_equal(image.data[3], cases[i].settings);
        assert_int_equal(notes.count, cases[i].notes);
        assert_int_equal(espota_image_examine_memory(&found, image.data, image.size), ESPOTA_IMAGE_OK);
        espota_bytes_free(&image);
    }
}

static void what_is_no_word_is_refused(void **state)
{
    static const struct {
        struct espota_flash_header header;
        const char *text;
    } cases[] = {
        { { "fast", NULL, NULL }, "flash mode 'fast': use keep, qio, qout, dio or dout" },
        { { NULL, NULL, "3M" }, "flash size '3M'" },
        { { NULL, NULL, "256M" }, "flash size '256M'" },
        { { NULL, NULL, "4" }, "flash size '4'" },
        { { NULL, "48m", NULL }, "flash frequency '48m': an ESP32 has keep, 80m" },
        { { NULL, "fast", NULL }, "flash frequency 'fast'" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_bytes image = memory_board_image(4096, 3, 0);
        struct espota_flash_notes notes = { 0 };
        struct espota_error error = { 0 };
        int result = espota_flash_header_check(&cases[i].header, &error);
        if (result == 0)
            result = espota_flash_header_apply(&cases[i].header, espota_chip_by_name("esp32"), 0, image.data,
                                               image.size, &notes, &error);
        assert_int_equal(result, ESPOTA_ERR_USAGE);
        assert_non_null(strstr(error.text, cases[i].text));
        assert_int_equal(espota_flash_header_apply(&cases[i].header, espota_chip_by_name("esp32"), 0,
                                                   image.data, image.size, &notes, &error),
                         ESPOTA_ERR_USAGE);
        assert_int_equal(image.data[2], 2);
        assert_int_equal(image.data[3], 0x20);
        espota_bytes_free(&image);
    }
}

static void a_signed_image_is_not_changed(void **state)
{
    struct signed_images images;
    struct espota_flash_notes notes = { 0 };
    struct espota_error error = { 0 };
    struct espota_flash_header change = { .size = "16M" }, keep = { .size = "4M" };
    const struct espota_chip *chip = espota_chip_by_name("esp32");
    (void)state;
    signed_images_make(&images);
    struct espota_bytes *image = &images.image[IMAGE_GOOD];
    assert_int_equal(espota_flash_header_apply(&change, chip, 0, image->data, image->size, &notes, &error),
                     ESPOTA_ERR_REFUSED);
    assert_int_equal(espota_flash_header_apply(&keep, chip, 0, image->data, image->size, &notes, &error), 0);
    assert_int_equal(espota_sign_check_image(images.owner, "x.bin", image, &error), 0);
    signed_images_free(&images);
}

static void what_is_no_image_is_left_alone(void **state)
{
    uint8_t data[64] = { 0xe9, 1, 2, 0x20 }, before[64];
    struct espota_flash_notes notes = { 0 };
    struct espota_error error = { 0 };
    struct espota_flash_header change = { .size = "16M" };
    (void)state;
    memcpy(before, data, sizeof data);
    assert_int_equal(espota_flash_header_apply(&change, espota_chip_by_name("esp32"), 0, data, sizeof data,
                                               &notes, &error),
                     0);
    assert_memory_equal(data, before, sizeof data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_become_the_headers_codes),
        cmocka_unit_test(what_is_no_word_is_refused),
        cmocka_unit_test(a_signed_image_is_not_changed),
        cmocka_unit_test(what_is_no_image_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
