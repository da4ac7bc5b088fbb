/* Images that are known: each in memory once, found by what a device says of it. */
#include "espota/bytes.h"
#include "espota/digest.h"
#include "espota/image.h"
#include "espota/image_cache.h"
#include "espota/known_images.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { CONTENT = 4096 };

struct rig {
    char folder[64];
    struct espota_image_cache *cache;
    struct espota_known_images *images;
    struct espota_base_source source;
    struct espota_error error;
    struct espota_bytes app;
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
};

static void make_app(struct rig *r)
{
    static uint8_t content[CONTENT];
    struct espota_image_part part = { 0x3f400020, content, sizeof content };
    struct espota_image header = { .flash_mode = 2, .flash_size = 2 };
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    espota_put_le32(content, ESPOTA_APP_DESC_MAGIC);
    r->app.size = espota_image_build_size(&part, 1);
    r->app.data = malloc(r->app.size);
    assert_non_null(r->app.data);
    assert_int_equal(espota_image_build(&header, &part, 1, sha256, r->app.data), 0);
    espota_hash_free(sha256);
}

static int set_up(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    *state = r;
    strcpy(r->folder, "/tmp/espota-known-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    make_app(r);
    assert_int_equal(espota_image_cache_new(&r->cache, r->folder, 1 << 20, &r->error), 0);
    assert_int_equal(espota_image_cache_add(r->cache, "app", r->app.data, r->app.size, r->sha256, &r->error),
                     0);
    assert_int_equal(espota_known_images_new(&r->images, r->cache, &r->error), 0);
    r->source = espota_known_images_source(r->images);
    return 0;
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    struct espota_image_cache_removed removed;
    char tag[96];
    espota_known_images_free(r->images);
    espota_image_cache_clear(r->cache, INT64_MAX, &removed, &r->error);
    espota_image_cache_free(r->cache);
    snprintf(tag, sizeof tag, "%s/CACHEDIR.TAG", r->folder);
    unlink(tag);
    espota_bytes_free(&r->app);
    int result = rmdir(r->folder);
    free(r);
    return result;
}

static const uint8_t *find(struct rig *r, const uint8_t *sha256, size_t length)
{
    const uint8_t *image = NULL;
    assert_int_equal(r->source.find(r->source.context, sha256, (uint32_t)length, &image, &r->error), 0);
    return image;
}

static void one_in_the_cache_is_in_memory_once(void **state)
{
    struct rig *r = *state;
    uint8_t other[ESPOTA_SHA256_LENGTH] = { 1 };
    const uint8_t *first = find(r, r->sha256, r->app.size);
    assert_non_null(first);
    assert_memory_equal(first, r->app.data, r->app.size);
    assert_ptr_equal(find(r, r->sha256, r->app.size), first);
    assert_null(find(r, other, r->app.size));
    assert_null(find(r, r->sha256, r->app.size - 16)); /* a device that lies */
    r->source.release(r->source.context, first);
    assert_memory_equal(first, r->app.data, r->app.size); /* somebody still uses it */
    r->source.release(r->source.context, first);
    assert_non_null(find(r, r->sha256, r->app.size)); /* and it can be had again; freed at the end */
}

static void one_that_was_given_is_found_without_what_is_behind_it(void **state)
{
    struct rig *r = *state;
    struct espota_bytes given = { 0 };
    uint8_t whole[ESPOTA_SHA256_LENGTH], part[ESPOTA_SHA256_LENGTH];
    for (unsigned i = 0; i < 500; i++)
        assert_int_equal(espota_bytes_append(&given, &i, sizeof i, &r->error), 0);
    assert_int_equal(espota_sha256(given.data, 2000, whole), 0);
    assert_int_equal(espota_sha256(given.data, 1200, part), 0);
    assert_int_equal(espota_known_images_add(r->images, &given, &r->error), 0);
    const uint8_t *image = find(r, part, 1200);
    assert_non_null(image);
    assert_ptr_equal(find(r, whole, 2000), image);
    assert_null(find(r, whole, 2001));
    r->source.release(r->source.context, image);
    r->source.release(r->source.context, image);
    assert_ptr_equal(find(r, part, 1200), image);
}

static void a_damaged_one_is_told_of(void **state)
{
    struct rig *r = *state;
    char path[192], digits[80] = "";
    for (size_t i = 0; i < sizeof r->sha256; i++)
        snprintf(digits + 2 * i, 3, "%02x", r->sha256[i]);
    snprintf(path, sizeof path, "%s/%s.bin", r->folder, digits);
    assert_int_equal(truncate(path, 1000), 0);
    assert_int_equal(espota_known_images_damaged(r->images), 0);
    assert_null(find(r, r->sha256, r->app.size));
    assert_int_equal(espota_known_images_damaged(r->images), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(one_in_the_cache_is_in_memory_once),
        TEST(one_that_was_given_is_found_without_what_is_behind_it),
        TEST(a_damaged_one_is_told_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
