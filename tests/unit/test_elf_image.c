/* ELF programs become images; what is none, or cannot be one, is refused. That the images are esptool's is
 * for tests/interop/elf_image.sh. */
#include "espota/elf_image.h"

#include "espota/bytes.h"
#include "espota/digest.h"
#include "espota/image.h"
#include "espota/image_file.h"
#include "fixtures/elf_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const uint8_t bytes[70000];

static void an_app_becomes_a_valid_image(void **state)
{
    (void)state;
    struct espota_bytes elf;
    struct espota_elf_image made = { 0 };
    struct espota_error error = { 0 };
    struct espota_image image;
    uint8_t hash[ESPOTA_SHA256_LENGTH];
    elf_file_make_app(&elf, espota_chip_by_name("esp32c3"), 1000, true);
    assert_int_equal(
        espota_elf_image_make(&made, "x.elf", elf.data, elf.size, &espota_elf_image_defaults, &error), 0);
    assert_int_equal(espota_image_examine_memory(&image, made.image.data, made.image.size), ESPOTA_IMAGE_OK);
    assert_string_equal(made.chip->id, "esp32c3");
    assert_int_equal(image.chip_id, made.chip->image_id);
    assert_int_equal(image.entry, 0x4037c404);
    assert_int_equal(made.joined, 2); /* constants behind the description, code behind the vectors */
    assert_string_equal(image.description.project, "elf");
    assert_int_equal(espota_sha256(elf.data, elf.size, hash), 0);
    assert_memory_equal(image.description.elf_sha256, hash, sizeof hash);
    assert_int_equal(image.segment[0].load_address, 0x3c000020);
    assert_int_equal(image.segment[0].length, 1256);
    for (unsigned i = 0; i < image.segment_count; i++)
        if (image.segment[i].load_address >= 0x42000000)
            assert_int_equal(image.segment[i].offset % 65536, image.segment[i].load_address % 65536);
    espota_elf_image_free(&made);
    espota_bytes_free(&elf);
}

/* As esp-hal's linker scripts have it: two mapped sections in one page, or one behind the other with others
 * between them in the file. */
static void what_shares_a_page_in_memory_shares_it_in_flash(void **state)
{
    (void)state;
    const struct elf_section near[] = { { ".rwtext", 0x40800000, bytes, 100, 4 },
                                        { ".rodata", 0x42000020, bytes, 0x700, 4 },
                                        { ".text", 0x42000744, bytes, 5000, 4 } };
    const struct elf_section joined[] = { { ".rodata_desc", 0x42000020, bytes, 256, 4 },
                                          { ".rwtext", 0x40800000, bytes, 100, 4 },
                                          { ".rodata", 0x42000120, bytes, 0x700, 4 } };
    const struct elf_section *const cases[] = { near, joined };
    for (unsigned i = 0; i < 2; i++) {
        struct espota_elf_image made = { 0 };
        struct espota_elf_image_options options = espota_elf_image_defaults;
        struct espota_error error = { 0 };
        struct espota_bytes elf;
        struct espota_image image;
        options.chip = espota_chip_by_name("esp32c6");
        elf_file_make(&elf, ELF_RISCV, 1, cases[i], 3);
        assert_int_equal(espota_elf_image_make(&made, "x.elf", elf.data, elf.size, &options, &error), 0);
        assert_int_equal(espota_image_examine_memory(&image, made.image.data, made.image.size),
                         ESPOTA_IMAGE_OK);
        assert_int_equal(image.segment[0].load_address, 0x42000020);
        if (i == 0)
            assert_int_equal(image.segment[2].offset - image.segment[0].offset, 0x724);
        else
            assert_int_equal(image.segment[0].length, 0x800);
        espota_elf_image_free(&made);
        espota_bytes_free(&elf);
    }
}

/* ---- what is refused ------------------------------------------------------------------------------------
 */

static void expect_error(const struct elf_section *sections, unsigned count, uint16_t machine,
                         const char *chip, enum espota_status status, const char *words)
{
    struct espota_bytes elf;
    struct espota_elf_image made = { 0 };
    struct espota_error error = { 0 };
    struct espota_elf_image_options options = espota_elf_image_defaults;
    options.chip = chip ? espota_chip_by_name(chip) : NULL;
    elf_file_make(&elf, machine, 1, sections, count);
    assert_int_equal(espota_elf_image_make(&made, "x.elf", elf.data, elf.size, &options, &error), status);
    if (!strstr(error.text, words))
        fail_msg("'%s' is not in '%s'", words, error.text);
    assert_null(made.image.data);
    espota_bytes_free(&elf);
}

static void sections_that_make_no_image_are_named(void **state)
{
    (void)state;
    const struct elf_section overlap[] = { { ".iram0.text", 0x40380000, bytes, 100, 4 },
                                           { ".iram0.vectors", 0x40380050, bytes, 100, 4 } };
    const struct elf_section page[] = { { ".flash.rodata", 0x3c000020, bytes, 100, 4 },
                                        { ".flash.appdesc", 0x3c000200, bytes, 100, 4 } };
    const struct elf_section odd[] = { { ".flash.rodata", 0x3c000020, bytes, 100, 4 },
                                       { ".flash.text", 0x42010021, bytes, 100, 1 } };
    const struct elf_section first[] = { { ".flash.text", 0x42010021, bytes, 100, 1 } };
    const struct elf_section esp8266[] = { { ".text", 0x40100000, bytes, 100, 4 },
                                           { ".irom0.text", 0x40210000, bytes, 10000, 4 } };
    const struct elf_section nothing[] = { { ".comment", 0, bytes, 100, 1 } };
    const struct elf_section nowhere[] = { { ".text", 0x80000000, bytes, 100, 4 } };
    struct elf_section many[17];
    for (unsigned i = 0; i < COUNT(many); i++)
        many[i] = (struct elf_section){ ".x", 0x3fc80000 + i * 256, bytes, 100, 4 };
    expect_error(overlap, 2, ELF_RISCV, "esp32c3", ESPOTA_ERR_VERIFY, ".iram0.vectors (0x40380050) overlap");
    expect_error(page, 2, ELF_RISCV, "esp32c3", ESPOTA_ERR_VERIFY, "in one page of 64K");
    expect_error(odd, 2, ELF_RISCV, "esp32c3", ESPOTA_ERR_VERIFY, "no multiple of 4");
    expect_error(many, 17, ELF_RISCV, "esp32c3", ESPOTA_ERR_VERIFY, "17 separate stretches");
    expect_error(nothing, 1, ELF_RISCV, "esp32c3", ESPOTA_ERR_VERIFY, "has memory where x.elf wants it");
    expect_error(nowhere, 1, ELF_RISCV, NULL, ESPOTA_ERR_VERIFY, "has memory where x.elf wants it");
    expect_error(first, 1, ELF_RISCV, "esp32c3", ESPOTA_ERR_VERIFY, "no multiple of 4");
    expect_error(esp8266, 2, ELF_XTENSA, NULL, ESPOTA_ERR_VERIFY, "no ESP32 that is known here");
    expect_error(odd, 1, 3, NULL, ESPOTA_ERR_VERIFY, "machine 3, neither Xtensa nor RISC-V");
}

static void the_chip_is_found_or_asked_for(void **state)
{
    (void)state;
    const struct elf_section any[] = { { ".flash.text", 0x42000020, bytes, 100, 4 },
                                       { ".iram0.text", 0x40800000, bytes, 100, 4 } };
    const struct elf_section named[] = { { ".flash.text", 0x42000020, bytes, 100, 4 },
                                         { ".iram0.text", 0x40800000, bytes, 100, 4 },
                                         { ".debug_str", 0, "/src/esp32h2/a.c", 17, 1 } };
    const struct espota_chip *chips[ESPOTA_ELF_MAX_CHIPS];
    struct espota_error error = { 0 };
    struct espota_bytes elf;
    unsigned count;
    expect_error(any, 2, ELF_RISCV, NULL, ESPOTA_ERR_USAGE,
                 "may be for the ESP32-C5, ESP32-C6, ESP32-C61 or ESP32-H2");
    expect_error(any, 2, ELF_RISCV, "esp32c3", ESPOTA_ERR_VERIFY, "is no program for the ESP32-C3");
    expect_error(any, 2, ELF_RISCV, "esp32s3", ESPOTA_ERR_VERIFY, "is no program for the ESP32-S3");
    elf_file_make(&elf, ELF_RISCV, 1, named, 3);
    assert_int_equal(espota_elf_chips("x.elf", elf.data, elf.size, chips, &count, &error), 0);
    assert_int_equal(count, 1);
    assert_string_equal(chips[0]->id, "esp32h2");
    espota_bytes_free(&elf);
}

static void options_that_contradict_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct espota_elf_image_options options;
        const char *words;
    } cases[] = {
        { { .padding = ESPOTA_ELF_PADDING_V2, .no_hash = true }, "room for a signature" },
        { { .padding = ESPOTA_ELF_PADDING_V1 }, "secure boot V1" },
        { { .page_size = 32768 }, "pages of 32768 bytes" },
        { { .hash_offset = 0x100000 }, "lies in no segment" },
        { { .hash_offset = 0x120 + 24 }, "is taken" },
        { { .hash_offset = 24 }, "across the end" },
    };
    struct espota_bytes elf;
    elf_file_make_app(&elf, espota_chip_by_name("esp32c3"), 1000, true);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct espota_elf_image made = { 0 };
        struct espota_error error = { 0 };
        assert_int_not_equal(
            espota_elf_image_make(&made, "x.elf", elf.data, elf.size, &cases[i].options, &error), 0);
        if (!strstr(error.text, cases[i].words))
            fail_msg("'%s' is not in '%s'", cases[i].words, error.text);
    }
    espota_bytes_free(&elf);
}

/* Cut off anywhere, or with any byte changed: an image or an error, and nothing else. */
static void damaged_files_do_no_harm(void **state)
{
    (void)state;
    struct espota_bytes elf;
    struct espota_error error = { 0 };
    elf_file_make_app(&elf, espota_chip_by_name("esp32c3"), 1000, true);
    for (size_t size = 0; size < elf.size; size += size < 600 ? 1 : 37) {
        struct espota_elf_image made = { 0 };
        assert_int_not_equal(
            espota_elf_image_make(&made, "x.elf", elf.data, size, &espota_elf_image_defaults, &error), 0);
    }
    for (size_t i = 0; i < 4 * elf.size; i++) {
        struct espota_elf_image made = { 0 };
        size_t at = i / 4;
        if (at > 600 && at < elf.size - 700)
            continue;
        uint8_t was = elf.data[at];
        elf.data[at] ^= (uint8_t)(1u << (i % 4 * 2 + 1));
        if (espota_elf_image_make(&made, "x.elf", elf.data, elf.size, &espota_elf_image_defaults, &error) ==
            0)
            espota_elf_image_free(&made);
        elf.data[at] = was;
    }
    espota_bytes_free(&elf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_app_becomes_a_valid_image),
        cmocka_unit_test(what_shares_a_page_in_memory_shares_it_in_flash),
        cmocka_unit_test(sections_that_make_no_image_are_named),
        cmocka_unit_test(the_chip_is_found_or_asked_for),
        cmocka_unit_test(options_that_contradict_are_refused),
        cmocka_unit_test(damaged_files_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
