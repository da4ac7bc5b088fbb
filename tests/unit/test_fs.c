/* File systems: what is made is read, also with one block of a pair torn and with the wear levelling moved
 * on. Whether others agree is for tests/interop/fs.sh. */
#include "espota/bytes.h"
#include "espota/crc32.h"
#include "espota/fs_make.h"
#include "espota/fs_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIZE = 512 * 1024, BLOCK = 4096 };

struct rig {
    char folder[32];
    struct espota_bytes image;
    struct espota_fs fs;
    struct espota_error error;
    unsigned reads;
};

static void write_file(const struct rig *rig, const char *name, const void *data, size_t size)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", rig->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    char path[64], data[30000];
    *state = rig;
    memset(data, 'x', sizeof data);
    strcpy(rig->folder, "/tmp/espota-fs-XXXXXX");
    if (!mkdtemp(rig->folder))
        return -1;
    snprintf(path, sizeof path, "%s/lib", rig->folder);
    if (mkdir(path, 0700) != 0)
        return -1;
    write_file(rig, "short.txt", "hello", 5);
    write_file(rig, "A long name.text", data, sizeof data);
    write_file(rig, "lib/inner.bin", data, 5000);
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    static const char *const names[] = { "short.txt", "A long name.text", "lib/inner.bin" };
    char path[64];
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", rig->folder, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/lib", rig->folder);
    rmdir(path);
    rmdir(rig->folder);
    espota_bytes_free(&rig->image);
    free(rig);
    return 0;
}

static int read_bytes(void *context, uint32_t offset, void *buffer, uint32_t length)
{
    struct rig *rig = context;
    rig->reads++;
    memcpy(buffer, rig->image.data + offset, length);
    return 0;
}

static void make(struct rig *rig, enum espota_fs_type type)
{
    const struct espota_fs_request request = { .type = type, .size = SIZE };
    struct espota_fs_made made;
    assert_int_equal(espota_fs_make(&rig->image, rig->folder, &request, &made, &rig->error), 0);
    assert_int_equal(made.files, 3);
    assert_int_equal(made.directories, 1);
}

static enum espota_fs_status open_image(struct rig *rig)
{
    const struct espota_fs_source source = { read_bytes, rig, (uint32_t)rig->image.size };
    return espota_fs_open(&rig->fs, &source);
}

static void has_all(struct rig *rig)
{
    struct espota_fs_entry entry;
    struct espota_bytes bytes = { 0 };
    assert_int_equal(open_image(rig), ESPOTA_FS_OK);
    assert_int_equal(espota_fs_find(&rig->fs, "/lib//inner.bin", &entry), ESPOTA_FS_OK);
    assert_int_equal(entry.place.size, 5000);
    assert_int_equal(espota_fs_find(&rig->fs, "A long name.text", &entry), ESPOTA_FS_OK);
    assert_int_equal(espota_fs_read_whole(&rig->fs, &entry.place, &bytes, NULL, &rig->error), 0);
    assert_int_equal(bytes.size, 30000);
    for (size_t i = 0; i < bytes.size; i++)
        assert_int_equal(bytes.data[i], 'x');
    espota_bytes_free(&bytes);
    assert_int_equal(espota_fs_find(&rig->fs, "short.txt", &entry), ESPOTA_FS_OK);
    assert_int_equal(espota_fs_read_whole(&rig->fs, &entry.place, &bytes, NULL, &rig->error), 0);
    assert_string_equal((const char *)bytes.data, "hello");
    espota_bytes_free(&bytes);
    assert_int_equal(espota_fs_find(&rig->fs, "short.txt/x", &entry), ESPOTA_FS_NO_DIRECTORY);
    assert_int_equal(espota_fs_find(&rig->fs, "none", &entry), ESPOTA_FS_NOT_FOUND);
}

static void what_is_made_is_read(void **state)
{
    for (unsigned type = 0; type < ESPOTA_FS_TYPES; type++) {
        struct rig *rig = *state;
        make(rig, (enum espota_fs_type)type);
        has_all(rig);
        assert_int_equal(rig->fs.wear_levelling, type == ESPOTA_FS_TYPE_FAT);
        espota_bytes_free(&rig->image);
    }
}

static void littlefs_bears_a_torn_block(void **state)
{
    struct rig *rig = *state;
    for (unsigned block = 0; block < 2; block++) {
        make(rig, ESPOTA_FS_TYPE_LITTLEFS);
        memset(rig->image.data + block * BLOCK, 0xff, BLOCK);
        has_all(rig);
        espota_bytes_free(&rig->image);
    }
    make(rig, ESPOTA_FS_TYPE_LITTLEFS);
    rig->image.data[100] ^= 1;
    rig->image.data[BLOCK + 100] ^= 1;
    assert_int_equal(open_image(rig), ESPOTA_FS_DAMAGED);
}

/* As WL_Flash::updateWL does it: the sector behind the dummy moves into its place, and a record says so. */
static void move_dummy(struct rig *rig, uint32_t n)
{
    uint8_t *state = rig->image.data + SIZE - 3 * BLOCK, *record = state + 64 + 16 * n, number[4];
    memmove(rig->image.data + n * BLOCK, rig->image.data + (n + 1) * BLOCK, BLOCK);
    memset(rig->image.data + (n + 1) * BLOCK, 0x55, BLOCK);
    for (uint32_t i = 0; i < 4; i++) {
        espota_put_le32(number, espota_get_le32(state + 28) + 4 * n + i);
        espota_put_le32(record + 4 * i, espota_crc32(UINT32_MAX, number, 4));
    }
}

static void wear_levelling_moves_on(void **state)
{
    struct rig *rig = *state;
    make(rig, ESPOTA_FS_TYPE_FAT);
    for (uint32_t n = 0; n < 20; n++) {
        move_dummy(rig, n);
        has_all(rig);
        assert_int_equal(rig->fs.wl_dummy, n + 1);
    }
}

static void wear_levelling_turns_the_ring(void **state)
{
    struct rig *rig = *state;
    make(rig, ESPOTA_FS_TYPE_FAT);
    uint32_t size = SIZE - 4 * BLOCK;
    uint8_t *ring = rig->image.data, *copy = malloc(size), *status = rig->image.data + SIZE - 3 * BLOCK;
    assert_non_null(copy);
    memcpy(copy, ring + BLOCK, size); /* as it is to be seen */
    for (uint32_t moves = 1; moves < 40; moves += 7) {
        /* moves times around: all of it has gone so many sectors down, and the dummy is first again */
        memcpy(ring + BLOCK, copy + moves * BLOCK, size - moves * BLOCK);
        memcpy(ring + BLOCK + size - moves * BLOCK, copy, moves * BLOCK);
        espota_put_le32(status + 8, moves);
        espota_put_le32(status + 60, espota_crc32(UINT32_MAX, status, 60));
        has_all(rig);
    }
    free(copy);
}

static void nothing_is_no_file_system(void **state)
{
    struct rig *rig = *state;
    static const char magic[8] = "littlefs";
    uint8_t *blank = calloc(1, SIZE);
    assert_non_null(blank);
    rig->image = (struct espota_bytes){ blank, SIZE, SIZE };
    assert_int_equal(open_image(rig), ESPOTA_FS_UNKNOWN);
    rig->image.size = 100;
    assert_int_equal(open_image(rig), ESPOTA_FS_UNKNOWN);
    rig->image.size = 0;
    assert_int_equal(open_image(rig), ESPOTA_FS_UNKNOWN);
    rig->image.size = SIZE;
    memcpy(blank + 8, magic, sizeof magic);
    assert_int_equal(open_image(rig), ESPOTA_FS_DAMAGED);
}

static void partitions_say_what_goes_into_them(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        uint8_t type, subtype;
        bool known;
        enum espota_fs_type expected;
    } cases[] = {
        { "storage", ESPOTA_TYPE_DATA, ESPOTA_DATA_LITTLEFS, true, ESPOTA_FS_TYPE_LITTLEFS },
        { "internalfs", ESPOTA_TYPE_DATA, ESPOTA_DATA_FAT, true, ESPOTA_FS_TYPE_FAT },
        { "vfs", ESPOTA_TYPE_DATA, ESPOTA_DATA_FAT, true, ESPOTA_FS_TYPE_LITTLEFS },
        { "user_fs", ESPOTA_TYPE_DATA, ESPOTA_DATA_FAT, true, ESPOTA_FS_TYPE_FAT_PLAIN },
        { "spiffs", ESPOTA_TYPE_DATA, ESPOTA_DATA_SPIFFS, false, ESPOTA_FS_TYPE_FAT },
        { "vfs", ESPOTA_TYPE_APP, 0x10, false, ESPOTA_FS_TYPE_FAT },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_partition partition = { .type = cases[i].type, .subtype = cases[i].subtype };
        enum espota_fs_type type;
        strcpy(partition.label, cases[i].label);
        assert_int_equal(espota_fs_type_for(&partition, &type), cases[i].known);
        if (cases[i].known)
            assert_int_equal(type, cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_made_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(littlefs_bears_a_torn_block, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wear_levelling_moves_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wear_levelling_turns_the_ring, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_no_file_system, set_up, tear_down),
        cmocka_unit_test(partitions_say_what_goes_into_them),
    };
    return cmocka_run_group_tests_name("fs", tests, NULL, NULL);
}
