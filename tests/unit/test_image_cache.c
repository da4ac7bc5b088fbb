/* The cache of images: what goes in comes out, what is not as it should be does not, and nothing grows
 * without bounds. */
#include "espota/agent_settings.h"
#include "espota/bytes.h"
#include "espota/digest.h"
#include "espota/file.h"
#include "espota/hex.h"
#include "espota/image.h"
#include "espota/image_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { IMAGE_SIZE = 24 + 8 + 4096 + 16 + 32, MANY = 64 << 20 };

struct place {
    char folder[64], path[128];
    struct espota_image_cache *cache;
    struct espota_error error;
};

/* An app of that version; the same one each time. */
static struct espota_bytes make_image(const char *version)
{
    static uint8_t content[4096];
    struct espota_image_part part = { 0x3f400020, content, sizeof content };
    struct espota_image header = { .flash_mode = 2, .flash_size = 2, .chip_id = 0 };
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    struct espota_bytes image = { .size = espota_image_build_size(&part, 1) };
    memset(content, 0, sizeof content);
    espota_put_le32(content, ESPOTA_APP_DESC_MAGIC);
    snprintf((char *)content + 16, 32, "%s", version);
    snprintf((char *)content + 48, 32, "lamp");
    image.data = malloc(image.size);
    assert_non_null(image.data);
    assert_int_equal(espota_image_build(&header, &part, 1, sha256, image.data), 0);
    espota_hash_free(sha256);
    return image;
}

static void open_with(struct place *p, uint64_t limit)
{
    assert_int_equal(espota_image_cache_new(&p->cache, p->folder, limit, &p->error), 0);
}

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    strcpy(p->folder, "/tmp/espota-cache-XXXXXX");
    *state = p;
    if (!mkdtemp(p->folder))
        return -1;
    open_with(p, MANY);
    return 0;
}

static void empty_folder(const char *folder)
{
    char path[512];
    DIR *directory = opendir(folder);
    for (const struct dirent *entry; directory && (entry = readdir(directory));) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && unlink(path) != 0)
            rmdir(path);
    }
    if (directory)
        closedir(directory);
}

static int tear_down(void **state)
{
    struct place *p = *state;
    espota_image_cache_free(p->cache);
    chmod(p->folder, 0700);
    empty_folder(p->folder);
    int result = rmdir(p->folder);
    free(p);
    return result;
}

/* Where an image is kept. */
static const char *path_of(struct place *p, const struct espota_bytes *image)
{
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    char digits[2 * ESPOTA_SHA256_LENGTH + 1];
    assert_int_equal(espota_sha256(image->data, image->size, sha256), 0);
    espota_hex(sha256, sizeof sha256, digits);
    snprintf(p->path, sizeof p->path, "%.40s/%s.bin", p->folder, digits);
    return p->path;
}

static void keep(struct place *p, const struct espota_bytes *image, int expected)
{
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    assert_int_equal(espota_image_cache_add(p->cache, "app.bin", image->data, image->size, sha256, &p->error),
                     expected);
}

static enum espota_image_cache_answer answer_of(struct place *p, const struct espota_bytes *image)
{
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    enum espota_image_cache_answer answer;
    struct espota_bytes got = { 0 };
    assert_int_equal(espota_sha256(image->data, image->size, sha256), 0);
    assert_int_equal(espota_image_cache_get(p->cache, sha256, &answer, &got, &p->error), 0);
    if (answer == ESPOTA_IMAGE_CACHED) {
        assert_int_equal(got.size, image->size);
        assert_memory_equal(got.data, image->data, image->size);
    } else {
        assert_int_equal(got.size, 0);
    }
    espota_bytes_free(&got);
    return answer;
}

/* As if it had been used last so many seconds ago. */
static void age(struct place *p, const struct espota_bytes *image, long seconds)
{
    const struct timespec times[2] = { { time(NULL) - seconds, 0 }, { time(NULL) - seconds, 0 } };
    assert_int_equal(utimensat(AT_FDCWD, path_of(p, image), times, 0), 0);
}

static unsigned count_files(const struct place *p)
{
    unsigned count = 0;
    DIR *directory = opendir(p->folder);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory));)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

static void the_folder_is_where_the_specification_has_it(void **state)
{
    static const struct {
        const char *xdg, *home, *folder;
    } cases[] = { { "/x", "/home/me", "/x/espota" },
                  { NULL, "/home/me", "/home/me/.cache/espota" },
                  { "", "/home/me", "/home/me/.cache/espota" },
                  { "relative", "/home/me", "/home/me/.cache/espota" },
                  { NULL, NULL, NULL },
                  { NULL, "", NULL } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *folder = espota_image_cache_folder(cases[i].xdg, cases[i].home);
        if (cases[i].folder)
            assert_string_equal(folder, cases[i].folder);
        else
            assert_null(folder);
        free(folder);
    }
}

static void an_image_that_was_kept_comes_back(void **state)
{
    struct place *p = *state;
    struct espota_bytes one = make_image("1.0"), two = make_image("2.0");
    struct stat about;
    assert_int_equal(answer_of(p, &one), ESPOTA_IMAGE_ABSENT);
    keep(p, &one, 0);
    keep(p, &one, 0);
    assert_int_equal(answer_of(p, &one), ESPOTA_IMAGE_CACHED);
    assert_int_equal(answer_of(p, &two), ESPOTA_IMAGE_ABSENT);
    assert_int_equal(count_files(p), 2); /* the image, and the tag */
    assert_int_equal(stat(path_of(p, &one), &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    espota_bytes_free(&one);
    espota_bytes_free(&two);
}

static void folders_are_made_for_their_owner_alone(void **state)
{
    struct place *p = *state;
    struct espota_image_cache *cache;
    struct espota_bytes one = make_image("1.0");
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    char middle[96], deep[128], tag[160], kept[256], digits[2 * ESPOTA_SHA256_LENGTH + 1];
    struct stat about;
    snprintf(middle, sizeof middle, "%s/middle", p->folder);
    snprintf(deep, sizeof deep, "%s/deep/", middle);
    assert_int_equal(espota_image_cache_new(&cache, deep, MANY, &p->error), 0);
    assert_int_equal(espota_image_cache_add(cache, "app.bin", one.data, one.size, sha256, &p->error), 0);
    assert_int_equal(stat(middle, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
    assert_int_equal(stat(deep, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
    espota_hex(sha256, sizeof sha256, digits);
    snprintf(kept, sizeof kept, "%s/%s.bin", deep, digits);
    snprintf(tag, sizeof tag, "%s/CACHEDIR.TAG", deep);
    assert_int_equal(unlink(kept) | unlink(tag) | rmdir(deep) | rmdir(middle), 0);
    espota_image_cache_free(cache);
    espota_bytes_free(&one);
}

static void what_is_no_app_image_or_holds_a_key_is_not_kept(void **state)
{
    struct place *p = *state;
    struct espota_bytes image = make_image("1.0");
    uint8_t *settings = image.data + ESPOTA_SETTINGS_OFFSET;
    image.data[200] ^= 1;
    keep(p, &image, ESPOTA_ERR_VERIFY); /* damaged */
    image.data[200] ^= 1;
    memcpy(settings, ESPOTA_SETTINGS_MAGIC, sizeof ESPOTA_SETTINGS_MAGIC - 1);
    settings[offsetof(struct espota_agent_settings, key_length)] = 32;
    /* mend checksum and hash: the settings' bytes count */
    uint8_t checksum = ESPOTA_IMAGE_CHECKSUM_SEED;
    for (size_t i = 32; i < 32 + 4096; i++)
        checksum ^= image.data[i];
    image.data[image.size - 33] = checksum;
    assert_int_equal(espota_sha256(image.data, image.size - 32, image.data + image.size - 32), 0);
    keep(p, &image, ESPOTA_ERR_REFUSED);
    assert_non_null(strstr(p->error.text, "key"));
    assert_int_equal(count_files(p), 0);
    espota_bytes_free(&image);
}

static void a_damaged_one_is_removed_and_not_used(void **state)
{
    static const char *const damages[] = { "shorter", "changed", "empty" };
    struct place *p = *state;
    struct espota_bytes one = make_image("1.0");
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        keep(p, &one, 0);
        int fd = open(path_of(p, &one), O_RDWR);
        assert_true(fd >= 0);
        assert_int_equal(i == 0   ? ftruncate(fd, 100)
                         : i == 1 ? (int)pwrite(fd, "x", 1, 300) - 1
                                  : ftruncate(fd, 0),
                         0);
        close(fd);
        assert_int_equal(answer_of(p, &one), ESPOTA_IMAGE_DAMAGED);
        assert_int_equal(answer_of(p, &one), ESPOTA_IMAGE_ABSENT);
        assert_int_equal(count_files(p), 1);
    }
    /* keeping it again mends it */
    keep(p, &one, 0);
    assert_int_equal(truncate(path_of(p, &one), 100), 0);
    keep(p, &one, 0);
    assert_int_equal(answer_of(p, &one), ESPOTA_IMAGE_CACHED);
    espota_bytes_free(&one);
}

static void links_folders_and_pipes_are_not_followed(void **state)
{
    struct place *p = *state;
    struct espota_bytes one = make_image("1.0"), two = make_image("2.0"), three = make_image("3.0");
    char real[96];
    snprintf(real, sizeof real, "%s/real", p->folder);
    assert_int_equal(espota_file_write(real, one.data, one.size, &p->error), 0);
    assert_int_equal(symlink(real, path_of(p, &one)), 0);
    assert_int_equal(mkdir(path_of(p, &two), 0700), 0);
    assert_int_equal(mkfifo(path_of(p, &three), 0600), 0);
    assert_int_equal(answer_of(p, &one), ESPOTA_IMAGE_ABSENT);
    assert_int_equal(answer_of(p, &two), ESPOTA_IMAGE_ABSENT);
    assert_int_equal(answer_of(p, &three), ESPOTA_IMAGE_ABSENT);
    keep(p, &one, 0); /* in place of the link, and not through it */
    struct stat about;
    assert_int_equal(lstat(path_of(p, &one), &about), 0);
    assert_true(S_ISREG(about.st_mode));
    keep(p, &two, ESPOTA_ERR_IO);
    espota_bytes_free(&one);
    espota_bytes_free(&two);
    espota_bytes_free(&three);
}

static void what_was_not_used_for_longest_goes_first(void **state)
{
    struct place *p = *state;
    struct espota_bytes image[4] = { make_image("1"), make_image("2"), make_image("3"), make_image("4") };
    espota_image_cache_free(p->cache);
    open_with(p, 3 * image[0].size);
    for (int i = 0; i < 3; i++) {
        keep(p, &image[i], 0);
        age(p, &image[i], 1000 - i);
    }
    assert_int_equal(answer_of(p, &image[0]), ESPOTA_IMAGE_CACHED); /* used now */
    keep(p, &image[3], 0);
    assert_int_equal(answer_of(p, &image[0]), ESPOTA_IMAGE_CACHED);
    assert_int_equal(answer_of(p, &image[1]), ESPOTA_IMAGE_ABSENT);
    assert_int_equal(answer_of(p, &image[2]), ESPOTA_IMAGE_CACHED);
    assert_int_equal(answer_of(p, &image[3]), ESPOTA_IMAGE_CACHED);
    espota_image_cache_free(p->cache);
    open_with(p, image[0].size - 1);
    keep(p, &image[1], ESPOTA_ERR_TOO_BIG);
    assert_int_equal(answer_of(p, &image[2]), ESPOTA_IMAGE_CACHED);
    for (int i = 0; i < 4; i++)
        espota_bytes_free(&image[i]);
}

static void what_was_left_unfinished_goes_when_it_is_old(void **state)
{
    struct place *p = *state;
    struct espota_bytes one = make_image("1.0");
    char old[96], fresh[96];
    const struct timespec times[2] = { { time(NULL) - 7200, 0 }, { time(NULL) - 7200, 0 } };
    snprintf(old, sizeof old, "%s/unfinished-abcdef", p->folder);
    snprintf(fresh, sizeof fresh, "%s/unfinished-ghijkl", p->folder);
    assert_int_equal(espota_file_write(old, "x", 1, &p->error), 0);
    assert_int_equal(espota_file_write(fresh, "x", 1, &p->error), 0);
    assert_int_equal(utimensat(AT_FDCWD, old, times, 0), 0);
    keep(p, &one, 0);
    assert_false(espota_file_exists(old));
    assert_true(espota_file_exists(fresh));
    espota_bytes_free(&one);
}

static void others_files_are_left_alone(void **state)
{
    static const char *const names[] = {
        "letter.txt", "0123.bin", "CACHEDIR.TAG",
        "ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef0123456789.bin"
    };
    struct place *p = *state;
    struct espota_image_cache_removed removed;
    struct espota_cached_image *images;
    size_t count;
    char path[192];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", p->folder, names[i]);
        assert_int_equal(espota_file_write(path, "x", 1, &p->error), 0);
    }
    assert_int_equal(espota_image_cache_list(p->cache, &images, &count, &p->error), 0);
    assert_int_equal(count, 0);
    free(images);
    assert_int_equal(espota_image_cache_clear(p->cache, INT64_MAX, &removed, &p->error), 0);
    assert_int_equal(removed.images, 0);
    assert_int_equal(count_files(p), 4);
}

static void the_list_says_what_is_there_last_used_first(void **state)
{
    struct place *p = *state;
    struct espota_bytes one = make_image("1.0"), two = make_image("2.0");
    struct espota_cached_image *images;
    struct espota_image_cache_removed removed;
    size_t count;
    keep(p, &one, 0);
    keep(p, &two, 0);
    age(p, &two, 100);
    assert_int_equal(espota_image_cache_list(p->cache, &images, &count, &p->error), 0);
    assert_int_equal(count, 2);
    assert_string_equal(images[0].version, "1.0");
    assert_string_equal(images[1].version, "2.0");
    assert_string_equal(images[1].project, "lamp");
    assert_int_equal(images[1].size, two.size);
    assert_true(images[1].is_image);
    assert_int_equal(espota_image_cache_clear(p->cache, time(NULL) - 50, &removed, &p->error), 0);
    assert_int_equal(removed.images, 1);
    assert_int_equal(removed.bytes, two.size);
    assert_int_equal(answer_of(p, &two), ESPOTA_IMAGE_ABSENT);
    assert_int_equal(espota_image_cache_remove(p->cache, images[0].sha256, &p->error), 0);
    assert_int_equal(espota_image_cache_remove(p->cache, images[0].sha256, &p->error), ESPOTA_ERR_FAILED);
    free(images);
    espota_bytes_free(&one);
    espota_bytes_free(&two);
}

static void a_folder_that_others_can_change_is_not_used(void **state)
{
    struct place *p = *state;
    struct espota_bytes one = make_image("1.0");
    uint8_t sha256[ESPOTA_SHA256_LENGTH] = { 0 };
    enum espota_image_cache_answer answer;
    struct espota_bytes got = { 0 };
    keep(p, &one, 0);
    assert_int_equal(chmod(p->folder, 0777), 0);
    keep(p, &one, ESPOTA_ERR_REFUSED);
    assert_int_equal(espota_image_cache_get(p->cache, sha256, &answer, &got, &p->error), ESPOTA_ERR_REFUSED);
    assert_int_equal(chmod(p->folder, 0755), 0);
    keep(p, &one, 0);
    espota_bytes_free(&one);
}

static void *keep_often(void *context)
{
    struct place *p = context;
    struct espota_error error;
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    char version[8];
    uintptr_t failures = 0;
    for (int i = 0; i < 100; i++) {
        snprintf(version, sizeof version, "%d", i % 10);
        struct espota_bytes image = make_image(version);
        failures += espota_image_cache_add(p->cache, "app.bin", image.data, image.size, sha256, &error) != 0;
        espota_bytes_free(&image);
    }
    return (void *)failures;
}

/* make_image() shares a buffer, so processes: of which each is a writer, a reader and a trimmer. */
static void many_processes_may_use_it_at_once(void **state)
{
    struct place *p = *state;
    struct espota_cached_image *images;
    size_t count;
    pid_t child[4];
    espota_image_cache_free(p->cache);
    open_with(p, 4 * IMAGE_SIZE);
    for (int i = 0; i < 4; i++) {
        child[i] = fork();
        if (child[i] == 0)
            _exit(keep_often(p) != NULL);
        assert_true(child[i] > 0);
    }
    for (int i = 0; i < 4; i++) {
        int status;
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(espota_image_cache_list(p->cache, &images, &count, &p->error), 0);
    assert_in_range(count, 1, 4);
    for (size_t i = 0; i < count; i++) {
        struct espota_bytes image = make_image(images[i].version);
        assert_int_equal(answer_of(p, &image), ESPOTA_IMAGE_CACHED);
        espota_bytes_free(&image);
    }
    assert_int_equal(count_files(p), count + 1);
    free(images);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_folder_is_where_the_specification_has_it),
        TEST(an_image_that_was_kept_comes_back),
        TEST(folders_are_made_for_their_owner_alone),
        TEST(what_is_no_app_image_or_holds_a_key_is_not_kept),
        TEST(a_damaged_one_is_removed_and_not_used),
        TEST(links_folders_and_pipes_are_not_followed),
        TEST(what_was_not_used_for_longest_goes_first),
        TEST(what_was_left_unfinished_goes_when_it_is_old),
        TEST(others_files_are_left_alone),
        TEST(the_list_says_what_is_there_last_used_first),
        TEST(a_folder_that_others_can_change_is_not_used),
        TEST(many_processes_may_use_it_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
