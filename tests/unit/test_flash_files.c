/* Build folders: which file is for what. */
#include "espota/bytes.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/flash_files.h"
#include "espota/hash.h"
#include "espota/image.h"
#include "espota/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { APP = 'a', OTHER_APP = 'o', LOADER = 'b', TABLE = 't', NOISE = '?' };

static size_t image(uint8_t *out, uint32_t load_address, bool described, uint8_t fill)
{
    static uint8_t content[4096];
    struct espota_image header = { .entry = 0x40080000, .max_revision = UINT16_MAX };
    struct espota_image_part part = { load_address, content, sizeof content };
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    memset(content, fill, sizeof content);
    espota_put_le32(content, described ? ESPOTA_APP_DESC_MAGIC : 0);
    assert_int_equal(espota_image_build(&header, &part, 1, sha256, out), 0);
    espota_hash_free(sha256);
    return espota_image_build_size(&part, 1);
}

static size_t content_of(char kind, uint8_t out[8192])
{
    struct espota_table table = { .count = 1,
                                  .entry = { { .label = "factory", .offset = 0x10000, .size = 0x100000 } } };
    struct espota_table_problem problem;
    switch (kind) {
    case APP:
    case OTHER_APP:
        return image(out, 0x3f400020, true, (uint8_t)kind);
    case LOADER:
        return image(out, 0x3fff0000, false, 1);
    case TABLE:
        assert_int_equal(espota_table_format_binary(&table, out, espota_md5, &problem), 0);
        return ESPOTA_TABLE_BINARY_SIZE;
    default:
        memset(out, 0x01, 100);
        return 100;
    }
}

static const char *put(const char *folder, const char *name, char kind)
{
    static char path[300];
    uint8_t content[8192];
    struct espota_error error;
    size_t size = content_of(kind, content);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(espota_file_write(path, content, size, &error), 0);
    return path;
}

static const char *found(const struct espota_flash_files *files, enum espota_flash_role role)
{
    const struct espota_flash_file *file = espota_flash_files_get(files, role);
    const char *slash = file ? strrchr(file->path, '/') : NULL;
    return slash ? slash + 1 : "";
}

struct entry {
    const char *name;
    char kind;
};

static const struct {
    struct entry entry[6];
    enum espota_status status;
    const char *app, *loader, *table, *fs, *otadata;
    unsigned notes;
} folders[] = {
    { { { "MicroPython.bin", APP },
        { "bootloader/bootloader.bin", LOADER },
        { "partitions_mpy.bin", TABLE } },
      ESPOTA_OK,
      "MicroPython.bin",
      "bootloader.bin",
      "partitions_mpy.bin",
      "",
      "",
      0 },
    { { { "x.ino.bin", APP },
        { "x.ino.bootloader.bin", LOADER },
        { "x.ino.partitions.bin", TABLE },
        { "boot_app0.bin", NOISE } },
      ESPOTA_OK,
      "x.ino.bin",
      "x.ino.bootloader.bin",
      "x.ino.partitions.bin",
      "",
      "boot_app0.bin",
      0 },
    { { { "firmware.bin", APP }, { "littlefs.bin", NOISE }, { "notes.bin", NOISE } },
      ESPOTA_OK,
      "firmware.bin",
      "",
      "",
      "littlefs.bin",
      "",
      1 },
    { { { "second.bin", LOADER }, { "mine.bin", APP } }, ESPOTA_OK, "mine.bin", "second.bin", "", "", "", 0 },
    { { { "one.bin", APP }, { "copy.bin", APP } }, ESPOTA_OK, "copy.bin", "", "", "", "", 0 },
    { { { "one.bin", APP }, { "two.bin", OTHER_APP } }, ESPOTA_ERR_USAGE, NULL, NULL, NULL, NULL, NULL, 0 },
    { { { "notes.bin", NOISE } }, ESPOTA_ERR_USAGE, NULL, NULL, NULL, NULL, NULL, 1 },
};

static char *make_folder(size_t i)
{
    static char folder[64];
    char below[96];
    snprintf(folder, sizeof folder, "/tmp/espota-files-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(below, sizeof below, "%s/bootloader", folder);
    assert_int_equal(mkdir(below, 0700), 0);
    for (size_t k = 0; k < 6 && folders[i].entry[k].name; k++)
        put(folder, folders[i].entry[k].name, folders[i].entry[k].kind);
    return folder;
}

static void remove_folder(const char *folder, size_t i)
{
    char path[300];
    for (size_t k = 0; k < 6 && folders[i].entry[k].name; k++) {
        snprintf(path, sizeof path, "%s/%s", folder, folders[i].entry[k].name);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/bootloader", folder);
    rmdir(path);
    assert_int_equal(rmdir(folder), 0);
}

static void a_file_is_for_what_its_content_says_or_else_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        struct espota_flash_files *files = calloc(1, sizeof *files);
        struct espota_error error = { 0 };
        const char *folder = make_folder(i);
        assert_int_equal(espota_flash_files_find(files, folder, &error), folders[i].status);
        assert_int_equal(files->notes.count, folders[i].notes);
        if (folders[i].status == ESPOTA_OK) {
            assert_string_equal(found(files, ESPOTA_FLASH_APP), folders[i].app);
            assert_string_equal(found(files, ESPOTA_FLASH_BOOTLOADER), folders[i].loader);
            assert_string_equal(found(files, ESPOTA_FLASH_TABLE), folders[i].table);
            assert_string_equal(found(files, ESPOTA_FLASH_FS), folders[i].fs);
            assert_string_equal(found(files, ESPOTA_FLASH_OTADATA), folders[i].otadata);
        }
        espota_flash_files_free(files);
        free(files);
        remove_folder(folder, i);
    }
}

static void what_is_named_goes_before_what_is_found(void **state)
{
    struct espota_flash_files *files = calloc(1, sizeof *files);
    struct espota_error error = { 0 };
    const char *folder = make_folder(5);
    char path[300];
    (void)state;
    snprintf(path, sizeof path, "%s/two.bin", folder);
    assert_int_equal(espota_flash_files_add(files, ESPOTA_FLASH_APP, path, &error), 0);
    assert_int_equal(espota_flash_files_find(files, folder, &error), 0);
    assert_string_equal(found(files, ESPOTA_FLASH_APP), "two.bin");
    assert_int_equal(files->count, 1);
    espota_flash_files_free(files);
    free(files);
    remove_folder(folder, 5);
}

static void a_file_alone_is_an_app_or_a_merged_image(void **state)
{
    static const struct {
        char kind;
        enum espota_status status;
        enum espota_hint hint;
    } cases[] = { { APP, ESPOTA_OK, ESPOTA_HINT_NONE },
                  { LOADER, ESPOTA_ERR_VERIFY, ESPOTA_HINT_AS_BOOTLOADER },
                  { TABLE, ESPOTA_ERR_VERIFY, ESPOTA_HINT_AS_TABLE },
                  { NOISE, ESPOTA_ERR_VERIFY, ESPOTA_HINT_WRITE_RANGE } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_flash_files *files = calloc(1, sizeof *files);
        struct espota_error error = { 0 };
        char folder[] = "/tmp/espota-files-XXXXXX";
        assert_non_null(mkdtemp(folder));
        const char *path = put(folder, "x.bin", cases[i].kind);
        assert_int_equal(espota_flash_files_take(files, path, &error), cases[i].status);
        assert_int_equal(error.hint, cases[i].hint);
        unlink(path);
        rmdir(folder);
        espota_flash_files_free(files);
        free(files);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_for_what_its_content_says_or_else_its_name),
        cmocka_unit_test(what_is_named_goes_before_what_is_found),
        cmocka_unit_test(a_file_alone_is_an_app_or_a_merged_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
