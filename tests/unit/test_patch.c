/* Patches: made of two apps, and applied. */
#include "fixtures/code_like.h"

#include "espota/bytes.h"
#include "espota/crc32.h"
#include "espota/digest.h"
#include "espota/encode.h"
#include "espota/image.h"
#include "espota/patch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DATA = 8192, CODE = 40000 };

/* An app of constants and code; `changed`: some of the code is another's. */
static struct espota_patch_image make_app(const char *name, uint16_t chip_id, unsigned seed, bool changed)
{
    static uint8_t data[DATA], code[CODE];
    bool riscv = chip_id == 5;
    struct espota_image_part parts[] = { { riscv ? 0x3C000020 : 0x3F400020, data, DATA },
                                         { riscv ? 0x42010020 : 0x400D0018, code, CODE } };
    struct espota_image header = { .flash_mode = 2, .flash_size = 2, .chip_id = chip_id };
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    code_like_fill(data, DATA, seed, riscv);
    code_like_fill(code, CODE, seed + 1, riscv);
    if (changed)
        code_like_fill(code + 10000, 4000, seed + 2, riscv);
    espota_put_le32(data, ESPOTA_APP_DESC_MAGIC);
    struct espota_patch_image app = { name, NULL, espota_image_build_size(parts, 2) };
    uint8_t *out = malloc(app.size);
    assert_non_null(out);
    assert_int_equal(espota_image_build(&header, parts, 2, sha256, out), 0);
    espota_hash_free(sha256);
    app.data = out;
    return app;
}

static void free_app(struct espota_patch_image *app)
{
    free((void *)(uintptr_t)app->data);
}

static void apply(const struct espota_bytes *file, const struct espota_patch_image *base, int expected,
                  const struct espota_patch_image *image)
{
    struct espota_bytes out = { 0 };
    struct espota_patch patch;
    struct espota_error error;
    assert_int_equal(espota_patch_read(&patch, "the patch", file, &error), 0);
    assert_int_equal(espota_patch_apply(&patch, "the patch", base, &out, &error), expected);
    assert_int_equal(out.size, expected ? 0 : image->size);
    if (expected == 0)
        assert_memory_equal(out.data, image->data, out.size);
    espota_bytes_free(&out);
}

static void what_is_made_is_applied(void **state)
{
    static const uint16_t chips[] = { 0, 5 };
    static const unsigned tables[] = { ESPOTA_CODER_TABLE_MIN, 14, ESPOTA_CODER_TABLE_MAX };
    struct espota_error error;
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct espota_patch_image old = make_app("old", chips[i % 2], 1, false),
                                  new = make_app("new", chips[i % 2], 1, true);
        struct espota_bytes file = { 0 };
        struct espota_patch patch;
        assert_int_equal(espota_patch_make(&old, &new, tables[i / 2], &file, &error), 0);
        apply(&file, &old, 0, &new);
        assert_int_equal(espota_patch_read(&patch, "x", &file, &error), 0);
        assert_int_equal(patch.head.chip_id, chips[i % 2]);
        assert_int_equal(patch.head.isa, chips[i % 2] ? ESPOTA_ISA_RISCV : ESPOTA_ISA_XTENSA);
        assert_int_equal(patch.head.table_log, tables[i / 2]);
        assert_int_equal(patch.head.base_length, old.size);
        espota_bytes_free(&file);
        free_app(&old);
        free_app(&new);
    }
}

static void a_base_may_have_more_behind_it(void **state)
{
    struct espota_error error;
    struct espota_patch_image old = make_app("old", 0, 1, false), new = make_app("new", 0, 1, true);
    struct espota_bytes file = { 0 }, longer = { 0 };
    (void)state;
    assert_int_equal(espota_patch_make(&old, &new, 14, &file, &error), 0);
    assert_int_equal(espota_bytes_append(&longer, old.data, old.size, &error), 0);
    assert_int_equal(espota_bytes_append(&longer, "a signature", 11, &error), 0);
    const struct espota_patch_image signed_base = { "signed", longer.data, longer.size },
                                    shorter = { "shorter", old.data, old.size - 1 };
    apply(&file, &signed_base, 0, &new);
    apply(&file, &shorter, ESPOTA_ERR_VERIFY, NULL);
    apply(&file, &new, ESPOTA_ERR_VERIFY, NULL);
    espota_bytes_free(&file);
    espota_bytes_free(&longer);
    free_app(&old);
    free_app(&new);
}

static void what_makes_no_patch_is_refused(void **state)
{
    struct espota_error error;
    struct espota_patch_image esp32 = make_app("a", 0, 1, false), same = make_app("b", 0, 1, false),
                              c3 = make_app("c", 5, 1, false), text = { "d", (const uint8_t *)"text", 4 };
    struct espota_bytes file = { 0 };
    (void)state;
    assert_int_equal(espota_patch_make(&esp32, &same, 14, &file, &error), ESPOTA_ERR_REFUSED);
    assert_int_equal(espota_patch_make(&esp32, &c3, 14, &file, &error), ESPOTA_ERR_VERIFY);
    assert_non_null(strstr(error.text, "ESP32-C3"));
    assert_int_equal(espota_patch_make(&esp32, &text, 14, &file, &error), ESPOTA_ERR_VERIFY);
    assert_int_equal(espota_patch_make(&text, &esp32, 14, &file, &error), ESPOTA_ERR_VERIFY);
    struct espota_patch_image changed = make_app("e", 0, 1, true);
    assert_int_equal(espota_patch_make(&esp32, &changed, 30, &file, &error), ESPOTA_ERR_USAGE);
    assert_int_equal(file.size, 0);
    free_app(&esp32);
    free_app(&same);
    free_app(&c3);
    free_app(&changed);
}

/* Comparing them would take more time and memory than it could save. */
static void what_is_too_large_to_be_compared_is_refused(void **state)
{
    struct espota_error error;
    struct espota_patch_image old = make_app("old", 0, 1, false), new = make_app("new", 0, 1, true);
    struct espota_bytes file = { 0 };
    uint8_t *large = calloc(1, ESPOTA_BASE_LARGEST + 1);
    (void)state;
    assert_non_null(large);
    memcpy(large, old.data, old.size);
    struct espota_patch_image base = { "large", large, ESPOTA_BASE_LARGEST + 1 };
    assert_int_equal(espota_patch_make(&base, &new, 14, &file, &error), ESPOTA_ERR_REFUSED);
    assert_non_null(strstr(error.text, "large is of 16777217 bytes"));
    assert_int_equal(file.size, 0);
    free(large);
    free_app(&old);
    free_app(&new);
}

/* A stream that is well formed, but another's: CRCs say nothing of that. */
static void what_comes_of_it_has_to_be_what_it_promises(void **state)
{
    struct espota_error error;
    struct espota_patch_image old = make_app("old", 0, 1, false), new = make_app("new", 0, 1, true);
    struct espota_bytes file = { 0 };
    struct espota_patch patch;
    (void)state;
    assert_int_equal(espota_patch_make(&old, &new, 14, &file, &error), 0);
    assert_int_equal(espota_patch_read(&patch, "x", &file, &error), 0);
    struct espota_patch_head head = patch.head;
    head.image_sha256[0] ^= 1;
    espota_patch_put_head(&head, file.data);
    apply(&file, &old, ESPOTA_ERR_VERIFY, NULL);
    /* and one whose chunks are changed */
    size_t end = ESPOTA_PATCH_HEAD_SIZE + patch.head.stream_length;
    for (size_t at = end - 500; at < end; at += 41) {
        head = patch.head;
        file.data[at] ^= 0x40;
        head.crc = espota_crc32(0, file.data + ESPOTA_PATCH_HEAD_SIZE, file.size - ESPOTA_PATCH_HEAD_SIZE);
        espota_patch_put_head(&head, file.data);
        if (espota_patch_read(&patch, "x", &file, &error) == 0)
            apply(&file, &old, ESPOTA_ERR_VERIFY, NULL);
        patch.head = head;
    }
    espota_bytes_free(&file);
    free_app(&old);
    free_app(&new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_made_is_applied),
        cmocka_unit_test(a_base_may_have_more_behind_it),
        cmocka_unit_test(what_makes_no_patch_is_refused),
        cmocka_unit_test(what_is_too_large_to_be_compared_is_refused),
        cmocka_unit_test(what_comes_of_it_has_to_be_what_it_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
