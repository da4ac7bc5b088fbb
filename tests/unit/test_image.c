/* App images: made, examined, damaged. */
#include "espota/bytes.h"
#include "espota/digest.h"
#include "espota/hash.h"
#include "espota/image.h"
#include "espota/image_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct made {
    uint8_t *data;
    size_t size;
};

static struct made make_image(void)
{
    static uint8_t content[1024];
    struct espota_image_part part = { 0x3f400020, content, sizeof content };
    struct espota_image header = { .flash_mode = 2, .flash_size = 2, .chip_id = 0 };
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    espota_put_le32(content, ESPOTA_APP_DESC_MAGIC);
    strcpy((char *)content + 16, "7.8");
    struct made m = { NULL, espota_image_build_size(&part, 1) };
    m.data = malloc(m.size);
    assert_non_null(m.data);
    assert_int_equal(espota_image_build(&header, &part, 1, sha256, m.data), 0);
    espota_hash_free(sha256);
    return m;
}

static void a_built_image_is_valid(void **state)
{
    (void)state;
    struct made m = make_image();
    struct espota_image image;
    assert_int_equal(espota_image_examine_memory(&image, m.data, m.size), ESPOTA_IMAGE_OK);
    assert_int_equal(image.length, m.size);
    assert_string_equal(image.description.version, "7.8");
    free(m.data);
}

static void every_damaged_byte_of_an_image_is_found(void **state)
{
    (void)state;
    struct made m = make_image();
    struct espota_image image;
    for (size_t i = 0; i < m.size; i++) {
        if (i == 23)
            continue; /* says whether there is a hash: without one, only the checksum counts */
        m.data[i] ^= 0x10;
        enum espota_image_verdict verdict = espota_image_examine_memory(&image, m.data, m.size);
        assert_int_not_equal(verdict, ESPOTA_IMAGE_OK);
        m.data[i] ^= 0x10;
    }
    for (size_t size = 0; size < m.size; size++)
        assert_int_not_equal(espota_image_examine_memory(&image, m.data, size), ESPOTA_IMAGE_OK);
    free(m.data);
}

static void an_outline_finds_what_an_examination_finds(void **state)
{
    (void)state;
    struct made m = make_image();
    struct espota_image outline, full;
    struct espota_image_memory memory = { m.data, m.size };
    struct espota_image_source source = { &memory, espota_image_memory_read, (uint32_t)m.size };
    assert_int_equal(espota_image_parse_headers(&outline, &source), ESPOTA_IMAGE_OK);
    assert_int_equal(espota_image_examine_memory(&full, m.data, m.size), ESPOTA_IMAGE_OK);
    assert_int_equal(outline.length, full.length);
    assert_memory_equal(outline.hash_stored, full.hash_stored, 32);
    free(m.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_built_image_is_valid),
        cmocka_unit_test(every_damaged_byte_of_an_image_is_found),
        cmocka_unit_test(an_outline_finds_what_an_examination_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
