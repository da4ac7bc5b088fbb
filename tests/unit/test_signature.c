/* Signatures behind images: the block that ESP-IDF's tools write, and whose it is. */
#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/sign.h"

#include "fixtures/signed_images.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct signed_images images;

static const uint8_t *block_of(const struct espota_bytes *image)
{
    return image->data + image->size - ESPOTA_SIGNATURE_SECTOR;
}

static void the_block_lies_behind_whole_sectors(void **state)
{
    static const uint32_t cases[][2] = { { 1, 4096 }, { 4095, 4096 }, { 4096, 4096 }, { 4097, 8192 } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(espota_signature_offset(cases[i][0]), cases[i][1]);
}

static void a_block_survives_a_round_trip(void **state)
{
    struct espota_signature signature, again;
    uint8_t block[ESPOTA_SIGNATURE_BLOCK_SIZE];
    (void)state;
    assert_true(espota_signature_parse(&signature, block_of(&images.image[IMAGE_GOOD])));
    espota_signature_format(&signature, block);
    assert_memory_equal(block, block_of(&images.image[IMAGE_GOOD]), sizeof block);
    assert_true(espota_signature_parse(&again, block));
    assert_memory_equal(&again, &signature, sizeof signature);
}

static void every_changed_bit_of_a_block_is_noticed(void **state)
{
    const struct espota_bytes *image = &images.image[IMAGE_GOOD];
    struct espota_signature signature;
    uint8_t block[ESPOTA_SIGNATURE_BLOCK_SIZE];
    (void)state;
    memcpy(block, block_of(image), sizeof block);
    for (size_t i = 0; i < 1200; i++) { /* the rest is padding */
        block[i] ^= 1;
        if (espota_signature_parse(&signature, block))
            fail_msg("byte %zu may be anything", i);
        block[i] ^= 1;
    }
    assert_true(espota_signature_parse(&signature, block));
}

static void an_image_is_signed_by_whoever_signed_it(void **state)
{
    static const struct {
        enum signed_image_kind kind;
        bool owners;
    } cases[] = { { IMAGE_FIRST, true },     { IMAGE_GOOD, true },     { IMAGE_LATER, true },
                  { IMAGE_UNSIGNED, false }, { IMAGE_DAMAGED, false }, { IMAGE_STRANGERS, false } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_error error = { 0 };
        int result = espota_sign_check_image(images.owner, "x.bin", &images.image[cases[i].kind], &error);
        assert_int_equal(result, cases[i].owners ? ESPOTA_OK : ESPOTA_ERR_VERIFY);
        if (!cases[i].owners)
            assert_non_null(strstr(error.text, "x.bin"));
    }
}

static void signing_again_replaces_a_signature(void **state)
{
    struct espota_bytes again = { 0 };
    struct espota_error error = { 0 };
    (void)state;
    assert_int_equal(espota_sign_image(images.owner, &images.image[IMAGE_STRANGERS], &again, &error), 0);
    assert_int_equal(again.size, images.image[IMAGE_STRANGERS].size);
    assert_int_equal(espota_sign_check_image(images.owner, "x.bin", &again, &error), 0);
    espota_bytes_free(&again);
}

static void only_an_image_is_signed(void **state)
{
    struct espota_bytes text = { 0 }, out = { 0 };
    struct espota_error error = { 0 };
    (void)state;
    assert_int_equal(espota_bytes_append(&text, "no image at all, but text", 25, &error), 0);
    assert_int_equal(espota_sign_image(images.owner, &text, &out, &error), ESPOTA_ERR_VERIFY);
    assert_null(out.data);
    espota_bytes_free(&text);
}

static int make(void **state)
{
    (void)state;
    signed_images_make(&images);
    return 0;
}

static int end(void **state)
{
    (void)state;
    signed_images_free(&images);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_block_lies_behind_whole_sectors),
        cmocka_unit_test(a_block_survives_a_round_trip),
        cmocka_unit_test(every_changed_bit_of_a_block_is_noticed),
        cmocka_unit_test(an_image_is_signed_by_whoever_signed_it),
        cmocka_unit_test(signing_again_replaces_a_signature),
        cmocka_unit_test(only_an_image_is_signed),
    };
    return cmocka_run_group_tests(tests, make, end);
}
