/* Whole files: none is ever half written, and secrets are for their owner alone. */
#include "espota/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/espota-file-XXXXXX";

static const char *in_folder(const char *name, char path[64])
{
    snprintf(path, 64, "%s/%s", folder, name);
    return path;
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void expect_content(const char *path, const char *content)
{
    struct espota_bytes bytes = { 0 };
    struct espota_error error;
    assert_int_equal(espota_file_read(path, 100, &bytes, &error), 0);
    assert_string_equal((const char *)bytes.data, content);
    espota_bytes_free(&bytes);
}

static void a_file_is_written_whole_and_keeps_its_mode(void **state)
{
    (void)state;
    char path[64];
    struct espota_error error;
    in_folder("plain", path);
    assert_int_equal(espota_file_write(path, "one", 3, &error), 0);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(espota_file_write(path, "two!", 4, &error), 0);
    expect_content(path, "two!");
    assert_int_equal(mode_of(path), 0640);
}

static void a_secret_is_for_its_owner_alone_also_where_a_file_was(void **state)
{
    (void)state;
    char path[64];
    struct espota_error error;
    in_folder("secret", path);
    assert_int_equal(espota_file_write(path, "open", 4, &error), 0);
    assert_int_equal(chmod(path, 0644), 0);
    assert_true(espota_file_others_can_read(path));
    assert_int_equal(espota_file_write_secret(path, "key", 3, &error), 0);
    assert_int_equal(mode_of(path), 0600);
    assert_false(espota_file_others_can_read(path));
    expect_content(path, "key");
}

static void what_cannot_be_written_leaves_what_was_there(void **state)
{
    (void)state;
    char path[64];
    struct espota_error error;
    assert_int_equal(espota_file_write(in_folder("no/such", path), "x", 1, &error), ESPOTA_ERR_IO);
    assert_int_equal(espota_file_write(folder, "x", 1, &error), ESPOTA_ERR_IO);
    in_folder("there", path);
    assert_int_equal(espota_file_create(path, "mine", 4, true, &error), 0);
    assert_int_equal(espota_file_create(path, "yours", 5, false, &error), ESPOTA_ERR_REFUSED);
    expect_content(path, "mine");
    assert_int_equal(mode_of(path), 0600);
}

static void a_file_above_the_limit_is_not_read(void **state)
{
    (void)state;
    char path[64];
    struct espota_bytes bytes = { 0 };
    struct espota_error error;
    in_folder("long", path);
    assert_int_equal(espota_file_write(path, "12345", 5, &error), 0);
    assert_int_not_equal(espota_file_read(path, 4, &bytes, &error), 0);
    espota_bytes_free(&bytes);
}

static void paths_are_joined(void **state)
{
    (void)state;
    static const struct {
        const char *directory, *name, *path;
    } cases[] = { { "a", "b", "a/b" }, { "a", "/b", "/b" }, { NULL, "b", "b" } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *path = espota_path_join(cases[i].directory, cases[i].name);
        assert_string_equal(path, cases[i].path);
        free(path);
    }
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    static const char *const names[] = { "plain", "secret", "there", "long" };
    char path[64];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(in_folder(names[i], path));
    return rmdir(folder); /* nothing else was left behind */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_written_whole_and_keeps_its_mode),
        cmocka_unit_test(a_secret_is_for_its_owner_alone_also_where_a_file_was),
        cmocka_unit_test(what_cannot_be_written_leaves_what_was_there),
        cmocka_unit_test(a_file_above_the_limit_is_not_read),
        cmocka_unit_test(paths_are_joined),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
