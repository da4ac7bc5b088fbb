/* Files by their content. Bytes are as the tools named make them; sources in espota/file_kind.h. */
#include "espota/bytes.h"
#include "espota/chip.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/file_kind.h"
#include "espota/hash.h"
#include "espota/image.h"
#include "espota/otadata.h"
#include "espota/table.h"
#include "espota/table_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROOM = 0x12000 };

static uint8_t bytes[ROOM];

static struct espota_file examine(size_t size)
{
    struct espota_file file;
    uint8_t *exact = malloc(size ? size : 1); /* so that sanitizers see what is read behind the end */
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    espota_file_examine(&file, exact, size);
    free(exact);
    return file;
}

static void expect_words(const struct espota_file *file, enum espota_file_kind kind, const char *words)
{
    char text[ESPOTA_FILE_WORDS];
    assert_string_equal(espota_file_kind_name(file->kind), espota_file_kind_name(kind));
    assert_string_equal(espota_file_words(file, text), words);
}

/* An image of one segment at `load` at `at`; `described`: with an app description. @return its end. */
static size_t put_image(size_t at, const struct espota_chip *chip, uint32_t load, bool described)
{
    static uint8_t data[512];
    struct espota_image header = { .entry = load, .chip_id = chip->image_id };
    struct espota_image_part part = { load, data, sizeof data };
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    memset(data, 0, sizeof data);
    if (described)
        espota_put_le32(data, ESPOTA_APP_DESC_MAGIC);
    assert_int_equal(espota_image_build(&header, &part, 1, sha256, bytes + at), 0);
    espota_hash_free(sha256);
    return at + espota_image_build_size(&part, 1);
}

static void put_table(size_t at, uint32_t app_offset)
{
    struct espota_table table = { .offset = 0x8000, .has_md5 = true, .count = 2 };
    struct espota_error error;
    table.entry[0] = (struct espota_partition){ "nvs", ESPOTA_TYPE_DATA, ESPOTA_DATA_NVS, 0x9000, 0x4000, 0 };
    table.entry[1] = (struct espota_partition){ "app", ESPOTA_TYPE_APP, 0, app_offset, 0x100000, 0 };
    assert_int_equal(espota_table_to_binary(&table, bytes + at, &error), 0);
}

static void text_and_containers_are_told_by_their_marks(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t size; /* 0: up to the NUL */
        enum espota_file_kind kind;
        const char *words;
    } cases[] = {
        { "", 0, ESPOTA_FILE_EMPTY, "empty" },
        { "\xff\xff\xff", 0, ESPOTA_FILE_BLANK, "blank: nothing but FF" },
        { "\x01\x02\x03", 0, ESPOTA_FILE_DATA, "data of no known kind" },
        { "\r\n <!DOCTYPE html><title>404", 0, ESPOTA_FILE_HTML,
          "an HTML page: the server probably answered with an error page or a login page" },
        { "\xef\xbb\xbf<HTML>", 0, ESPOTA_FILE_HTML,
          "an HTML page: the server probably answered with an error page or a login page" },
        { "<?xml version=\"1.0\"?><Error>", 0, ESPOTA_FILE_XML,
          "an XML document: the server probably answered with an error message" },
        { "{\"error\": 1}", 0, ESPOTA_FILE_JSON, "JSON text" },
        { "-----BEGIN PRIVATE KEY-----", 0, ESPOTA_FILE_PEM, "a key or certificate (PEM)" },
        { "Not found\n", 0, ESPOTA_FILE_TEXT, "plain text" },
        { "# Name, Type\n\nnvs, data, nvs, 0x9000, 16K\n", 0, ESPOTA_FILE_TABLE_CSV,
          "a partition table as CSV text" },
        { "one, two, three\n", 0, ESPOTA_FILE_TEXT, "plain text" },
        { ":020000040000FA\r\n:00000001FF\r\n", 0, ESPOTA_FILE_INTEL_HEX, "an Intel HEX file" },
        { ":020000040000FB\r\n:00000001FF\r\n", 0, ESPOTA_FILE_TEXT, "plain text" },
        { "\x1f\x8b\x08\x00", 4, ESPOTA_FILE_GZIP, "compressed with gzip: unpack it first" },
        { "PK\x03\x04", 0, ESPOTA_FILE_ZIP, "a ZIP archive: unpack it first" },
        { "\xfd"
          "7zXZ\0",
          6, ESPOTA_FILE_XZ, "compressed with xz: unpack it first" },
        { "BZh9", 0, ESPOTA_FILE_BZIP2, "compressed with bzip2: unpack it first" },
        { "\x28\xb5\x2f\xfd", 0, ESPOTA_FILE_ZSTD, "compressed with zstd: unpack it first" },
        { "\x3d\xb8\xf3\x96", 0, ESPOTA_FILE_MCUBOOT,
          "an image for the MCUboot bootloader (Zephyr), which ESP-IDF's does not start" },
        { "\x7f"
          "ELF\1\1\1\0\0\0\0\0\0\0\0\0\2\0\x5e\0",
          20, ESPOTA_FILE_ELF, "an ELF file for an Xtensa chip, the linker's output" },
        { "\x7f"
          "ELF\1\1\1\0\0\0\0\0\0\0\0\0\2\0\xf3\0",
          20, ESPOTA_FILE_ELF, "an ELF file for a RISC-V chip, the linker's output" },
        { "\xe9\x03\x00\x40\x10\x04\x10\x40\x00\x00\x10\x40\x00\x10\x00\x00", 16, ESPOTA_FILE_ESP8266,
          "an image for the ESP8266, another family of chips" },
        { "\xea\x04\x00\x40\x10\x04\x10\x40\x00\x00\x00\x00\x00\x10\x00\x00", 16, ESPOTA_FILE_ESP8266,
          "an image for the ESP8266, another family of chips" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = cases[i].size ? cases[i].size : strlen(cases[i].data);
        memcpy(bytes, cases[i].data, size);
        struct espota_file file = examine(size);
        expect_words(&file, cases[i].kind, cases[i].words);
    }
}

static void uf2_is_told_with_its_chip(void **state)
{
    (void)state;
    static const struct {
        uint32_t flags, family;
        const char *words;
    } cases[] = {
        { 0x2000, 0xc47e5767, "a UF2 file for the ESP32-S3" },
        { 0x2000, 0xe48bff56, "a UF2 file for another family of chips (0xe48bff56)" },
        { 0, 0xc47e5767, "a UF2 file for no particular chip" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(bytes, 0, 512);
        espota_put_le32(bytes, 0x0a324655);
        espota_put_le32(bytes + 4, 0x9e5d5157);
        espota_put_le32(bytes + 8, cases[i].flags);
        espota_put_le32(bytes + 28, cases[i].family);
        struct espota_file file = examine(512);
        expect_words(&file, ESPOTA_FILE_UF2, cases[i].words);
    }
}

static void apps_and_bootloaders_differ_by_where_they_load(void **state)
{
    (void)state;
    char words[ESPOTA_FILE_WORDS];
    for (size_t i = 0; espota_chips[i]; i++) {
        const struct espota_chip *chip = espota_chips[i];
        size_t size = put_image(0, chip, 0x3f400020, true);
        struct espota_file file = examine(size);
        assert_int_equal(file.kind, ESPOTA_FILE_APP);
        assert_int_equal(file.image_verdict, ESPOTA_IMAGE_OK);
        size = put_image(0, chip, chip->loader[0].start, false);
        file = examine(size);
        assert_int_equal(file.kind, ESPOTA_FILE_BOOTLOADER);
        assert_non_null(strstr(espota_file_words(&file, words), chip->name));
        assert_true(espota_image_overlaps_loader(&file.image, &file.chip));
    }
}

/* ESP-IDF before 3.3 gave apps no description. */
static void an_app_without_a_description_is_an_app(void **state)
{
    (void)state;
    struct espota_file file = examine(put_image(0, espota_chip_by_name("esp32"), 0x400d0018, false));
    expect_words(&file, ESPOTA_FILE_APP, "an app image for the ESP32");
}

static void a_damaged_image_is_said_to_be_one(void **state)
{
    (void)state;
    size_t size = put_image(0, espota_chip_by_name("esp32s3"), 0x3c000020, true);
    struct espota_file file = examine(size - 100);
    expect_words(
        &file, ESPOTA_FILE_APP,
        "an app image for the ESP32-S3, but damaged: it ends before its image does: the file is cut off");
    memset(bytes, 1, 64); /* a byte E9 alone proves nothing */
    bytes[0] = 0xe9;
    bytes[13] = 0x77;
    file = examine(64);
    expect_words(&file, ESPOTA_FILE_DATA, "data of no known kind");
}

static void merged_images_are_found_in_both_forms(void **state)
{
    (void)state;
    static const struct {
        const char *chip;
        uint32_t first; /* where in flash the file begins */
        bool bootloader, app;
        const char *words;
    } cases[] = {
        { "esp32", 0x1000, true, true,
          "a merged image for the ESP32 (bootloader, partition table and app in one file, for flash from "
          "0x1000 on)" },
        { "esp32", 0, true, true,
          "a merged image for the ESP32 (bootloader, partition table and app in one file, for flash from 0x0 "
          "on)" },
        { "esp32s3", 0, true, true,
          "a merged image for the ESP32-S3 (bootloader, partition table and app in one file, for flash from "
          "0x0 on)" },
        { "esp32p4", 0x2000, true, false,
          "a merged image for the ESP32-P4 (bootloader and partition table in one file, for flash from "
          "0x2000 on)" },
        { "esp32c5", 0, true, false,
          "a merged image for the ESP32-C5 (bootloader and partition table in one file, for flash from 0x0 "
          "on)" },
        { "esp32c3", 0, false, true,
          "a merged image for the ESP32-C3 (partition table and app in one file, for flash from 0x0 on)" },
        { "esp32", 0, false, false, "a merged image (partition table in one file, for flash from 0x0 on)" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct espota_chip *chip = espota_chip_by_name(cases[i].chip);
        uint32_t first = cases[i].first;
        memset(bytes, 0xff, sizeof bytes);
        if (cases[i].bootloader)
            put_image(chip->bootloader_offset - first, chip, chip->loader[0].start, false);
        put_table(0x8000 - first, 0x10000);
        if (cases[i].app)
            put_image(0x10000 - first, chip, 0x3f400020, true);
        struct espota_file file = examine(sizeof bytes - first);
        expect_words(&file, ESPOTA_FILE_MERGED, cases[i].words);
        assert_int_equal(file.merged.flash_offset, first);
        assert_int_equal(file.merged.table, 0x8000 - first);
        assert_int_equal(file.merged.has_app ? file.merged.app : 0, cases[i].app ? 0x10000 - first : 0);
        if (cases[i].bootloader)
            assert_int_equal(file.merged.bootloader, chip->bootloader_offset - first);
    }
}

/* A table inside an app is data of the app. */
static void an_app_that_carries_a_table_is_an_app(void **state)
{
    (void)state;
    const struct espota_chip *chip = espota_chip_by_name("esp32");
    memset(bytes, 0xff, sizeof bytes);
    put_image(0, chip, 0x3f400020, true);
    put_table(0x8000, 0x10000);
    assert_int_equal(examine(sizeof bytes).kind, ESPOTA_FILE_APP);
}

static void what_lies_in_flash_is_told_apart(void **state)
{
    (void)state;
    struct espota_otadata_record record = { .sequence = 1,
                                            .state = ESPOTA_OTA_UNDEFINED,
                                            .crc = espota_otadata_crc(1) };
    /* first page of what nvs_partition_gen.py makes: active, sequence 0, version 2 */
    static const uint8_t nvs[] = { 0xfe, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xfe };
    static const uint8_t littlefs[] = { 'l', 'i', 't', 't', 'l', 'e', 'f', 's' };
    static const uint8_t fat[] = { 0xeb, 0xfe, 0x90, 'M', 'S', 'D', 'O', 'S', '5', '.', '0', 0, 0x10 };
    memset(bytes, 0xff, sizeof bytes);
    put_table(0, 0x10000);
    struct espota_file file = examine(ESPOTA_TABLE_BINARY_SIZE);
    expect_words(&file, ESPOTA_FILE_TABLE, "a binary partition table");
    memset(bytes, 0xff, sizeof bytes);
    espota_otadata_record_format(&record, bytes);
    file = examine(0x2000);
    expect_words(&file, ESPOTA_FILE_OTADATA, "otadata: which app slot boots");
    memset(bytes, 0xff, sizeof bytes);
    memcpy(bytes, nvs, sizeof nvs);
    espota_put_le32(bytes + 28, 0xb9ba2d84); /* zlib.crc32(bytes 4 to 27, 0xffffffff) */
    file = examine(0x3000);
    expect_words(&file, ESPOTA_FILE_NVS, "the content of an NVS partition");
    memset(bytes, 0xff, sizeof bytes);
    memcpy(bytes + 0x1008, littlefs, sizeof littlefs);
    file = examine(0x10000);
    expect_words(&file, ESPOTA_FILE_LITTLEFS, "a LittleFS file system");
    memset(bytes, 0xff, sizeof bytes);
    espota_put_le16(bytes + 252, 0x0529 ^ 256 ^ 16);
    espota_put_le16(bytes + 0x1000 + 252, 0x0529 ^ 256 ^ 15);
    file = examine(0x10000);
    expect_words(&file, ESPOTA_FILE_SPIFFS, "a SPIFFS file system");
    memset(bytes, 0xff, sizeof bytes);
    memcpy(bytes + 0x1000, fat, sizeof fat);
    espota_put_le16(bytes + 0x1000 + 510, 0xaa55);
    file = examine(0x10000);
    expect_words(&file, ESPOTA_FILE_FAT, "a FAT file system");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_containers_are_told_by_their_marks),
        cmocka_unit_test(uf2_is_told_with_its_chip),
        cmocka_unit_test(apps_and_bootloaders_differ_by_where_they_load),
        cmocka_unit_test(an_app_without_a_description_is_an_app),
        cmocka_unit_test(a_damaged_image_is_said_to_be_one),
        cmocka_unit_test(merged_images_are_found_in_both_forms),
        cmocka_unit_test(an_app_that_carries_a_table_is_an_app),
        cmocka_unit_test(what_lies_in_flash_is_told_apart),
    };
    return cmocka_run_group_tests_name("file_kind", tests, NULL, NULL);
}
