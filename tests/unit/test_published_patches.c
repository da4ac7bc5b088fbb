/* Patches that lie beside an image: got once, believed in nothing, and given out as streams. */
#include "fixtures/code_like.h"
#include "fixtures/decoded_stream.h"

#include "espota/bytes.h"
#include "espota/crc32.h"
#include "espota/digest.h"
#include "espota/encode.h"
#include "espota/image.h"
#include "espota/patch.h"
#include "espota/published_patches.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CODE = 50000, TABLE = 14, AT_ONCE = 8, PATIENCE_MS = 100 };

/* A server that holds back its answer, for images whose SHA-256 begins with HELD. */
enum { HELD = 7 };

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    unsigned waiting;
};

struct rig {
    struct espota_bytes old, image, file;
    uint8_t old_sha256[ESPOTA_SHA256_LENGTH];
    unsigned asked;
    int fails; /* with this status; 0: it does not */
    bool fails_once;
    struct gate gate;
    struct espota_published_patches *patches;
    struct espota_error error;
};

static void make_app(struct espota_bytes *app, unsigned changed)
{
    static uint8_t code[CODE];
    struct espota_image_part part = { 0x400D0018, code, CODE };
    struct espota_image header = { .flash_mode = 2, .flash_size = 2 };
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    code_like_fill(code, CODE, 1, false);
    if (changed)
        code_like_fill(code + 20000, 5000, 1 + changed, false);
    espota_put_le32(code, ESPOTA_APP_DESC_MAGIC);
    app->size = espota_image_build_size(&part, 1);
    app->data = malloc(app->size);
    assert_non_null(app->data);
    assert_int_equal(espota_image_build(&header, &part, 1, sha256, app->data), 0);
    espota_hash_free(sha256);
}

/* @return how often it was asked. */
static unsigned count(struct rig *r)
{
    pthread_mutex_lock(&r->gate.lock);
    unsigned asked = ++r->asked;
    pthread_mutex_unlock(&r->gate.lock);
    return asked;
}

static void wait_at(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->waiting++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void await_waiting(struct gate *gate, unsigned count)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->waiting < count)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void open_gate(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

static int get(void *context, const uint8_t sha256[ESPOTA_SHA256_LENGTH], struct espota_bytes *file,
               struct espota_error *error)
{
    struct rig *r = context;
    bool first = count(r) == 1;
    if (sha256[0] == HELD)
        wait_at(&r->gate);
    if (r->fails && (first || !r->fails_once))
        return espota_fail(error, (enum espota_status)r->fails, "the server has gone");
    if (memcmp(sha256, r->old_sha256, sizeof r->old_sha256) != 0)
        return 0;
    return espota_bytes_append(file, r->file.data, r->file.size, error);
}

static void make_patch(struct rig *r, const struct espota_bytes *old, const struct espota_bytes *image)
{
    const struct espota_patch_image from = { "old", old->data, old->size },
                                    to = { "new", image->data, image->size };
    r->file.size = 0;
    assert_int_equal(espota_patch_make(&from, &to, TABLE, &r->file, &r->error), 0);
}

static int set_up(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    const struct espota_patch_getter getter = { r, get, PATIENCE_MS };
    *state = r;
    pthread_mutex_init(&r->gate.lock, NULL);
    pthread_cond_init(&r->gate.changed, NULL);
    make_app(&r->old, 0);
    make_app(&r->image, 1);
    assert_int_equal(espota_sha256(r->old.data, r->old.size, r->old_sha256), 0);
    make_patch(r, &r->old, &r->image);
    return espota_published_patches_new(&r->patches, &getter, r->image.data, r->image.size, &r->error);
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    espota_published_patches_free(r->patches);
    pthread_cond_destroy(&r->gate.changed);
    pthread_mutex_destroy(&r->gate.lock);
    espota_bytes_free(&r->old);
    espota_bytes_free(&r->image);
    espota_bytes_free(&r->file);
    free(r);
    return 0;
}

static const struct espota_base *find(struct rig *r, const uint8_t *sha256, int expected)
{
    const struct espota_base *base = NULL;
    unsigned table = 0;
    assert_int_equal(espota_published_patches_find(r->patches, sha256, (uint32_t)r->old.size, NULL, &base,
                                                   &table, &r->error),
                     expected);
    if (base)
        assert_int_equal(table, TABLE);
    return base;
}

/* Its stream, as an agent decodes it. */
static void expect_stream(struct rig *r, const struct espota_base *base, uint32_t from, unsigned table,
                          bool based)
{
    enum { SECTOR = ESPOTA_CODER_SECTOR };
    uint32_t whole = (uint32_t)((r->image.size + SECTOR - 1) / SECTOR * SECTOR);
    struct espota_bytes stream = { 0 };
    uint8_t *rebuilt = calloc(whole, 1);
    assert_non_null(rebuilt);
    memcpy(rebuilt, r->image.data, from);
    assert_int_equal(espota_encode(ESPOTA_ISA_XTENSA, table, base, r->image.data, r->image.size, from,
                                   whole - from, &stream, &r->error),
                     0);
    assert_int_equal(stream.data[0] == ESPOTA_STREAM_BASED, based);
    assert_int_equal(decode_stream(&stream, &r->old, rebuilt, r->image.size), 0);
    assert_memory_equal(rebuilt, r->image.data, r->image.size);
    free(rebuilt);
    espota_bytes_free(&stream);
}

static void a_patch_is_got_once_and_given_out_as_a_stream(void **state)
{
    struct rig *r = *state;
    const struct espota_base *base = find(r, r->old_sha256, 0);
    assert_non_null(base);
    assert_ptr_equal(find(r, r->old_sha256, 0), base);
    assert_int_equal(r->asked, 1);
    assert_true(espota_base_helps(base));
    expect_stream(r, base, 0, TABLE, true);
    expect_stream(r, base, 0, TABLE + 1, false); /* any other is made without it */
    expect_stream(r, base, 2 * ESPOTA_CODER_SECTOR, TABLE, false);
}

static void that_there_is_none_is_remembered_too(void **state)
{
    struct rig *r = *state;
    const uint8_t other[ESPOTA_SHA256_LENGTH] = { 9 };
    assert_null(find(r, other, 0));
    assert_null(find(r, other, 0));
    assert_int_equal(r->asked, 1);
    r->fails = ESPOTA_ERR_NETWORK;
    assert_null(find(r, r->old_sha256, ESPOTA_ERR_NETWORK));
    assert_null(find(r, r->old_sha256, ESPOTA_ERR_NETWORK));
    assert_string_equal(r->error.text, "the server has gone");
    assert_int_equal(r->asked, 2);
}

static void one_that_is_another_is_not_used(void **state)
{
    struct rig *r = *state;
    struct espota_bytes third = { 0 };
    make_app(&third, 2);
    make_patch(r, &r->old, &third);
    assert_null(find(r, r->old_sha256, ESPOTA_ERR_VERIFY));
    assert_non_null(strstr(r->error.text, "for another image"));
    espota_bytes_free(&third);
}

static void one_against_another_base_is_not_used(void **state)
{
    struct rig *r = *state;
    struct espota_bytes third = { 0 };
    make_app(&third, 2);
    make_patch(r, &third, &r->image);
    assert_null(find(r, r->old_sha256, ESPOTA_ERR_VERIFY));
    assert_non_null(strstr(r->error.text, "against another image"));
    espota_bytes_free(&third);
}

static void one_that_is_damaged_is_not_used(void **state)
{
    struct rig *r = *state;
    r->file.data[r->file.size / 2] ^= 1;
    assert_null(find(r, r->old_sha256, ESPOTA_ERR_VERIFY));
}

/* All of the image is in it, and a head besides: as it is made by who does not look whether that helps. */
static void make_useless(struct rig *r)
{
    enum { SECTOR = ESPOTA_CODER_SECTOR, HEADS = ESPOTA_BASED_HEAD_SIZE };
    struct espota_patch patch;
    struct espota_bytes made = { 0 }, sectors = { 0 };
    uint8_t sector[SECTOR], one[ESPOTA_PATCH_COUNT_SIZE] = { 1 };
    assert_int_equal(espota_patch_read(&patch, "it", &r->file, &r->error), 0);
    assert_int_equal(espota_bytes_append(&made, r->file.data,
                                         ESPOTA_PATCH_HEAD_SIZE + HEADS + patch.head.map_length, &r->error),
                     0);
    for (size_t at = 0; at < r->image.size; at += SECTOR) {
        size_t left = r->image.size - at;
        memset(sector, 0xFF, SECTOR);
        memcpy(sector, r->image.data + at, left < SECTOR ? left : SECTOR);
        assert_int_equal(espota_chunk_append_plain(&made, sector, &r->error), 0);
        assert_int_equal(espota_bytes_append(&sectors, one, sizeof one, &r->error), 0);
    }
    patch.head.stream_length = (uint32_t)(made.size - ESPOTA_PATCH_HEAD_SIZE);
    assert_int_equal(espota_bytes_append(&made, sectors.data, sectors.size, &r->error), 0);
    patch.head.crc = espota_crc32(0, made.data + ESPOTA_PATCH_HEAD_SIZE, made.size - ESPOTA_PATCH_HEAD_SIZE);
    espota_patch_put_head(&patch.head, made.data);
    espota_bytes_free(&sectors);
    espota_bytes_free(&r->file);
    r->file = made;
}

static void one_that_is_longer_than_the_image_is_not_used(void **state)
{
    struct rig *r = *state;
    make_useless(r);
    assert_null(find(r, r->old_sha256, ESPOTA_ERR_VERIFY));
    assert_non_null(strstr(r->error.text, "longer than the image"));
}

static void a_length_that_a_device_makes_up_is_its_own_loss(void **state)
{
    struct rig *r = *state;
    const struct espota_base *base = NULL;
    unsigned table = 0;
    assert_int_equal(
        espota_published_patches_find(r->patches, r->old_sha256, 77, NULL, &base, &table, &r->error),
        ESPOTA_ERR_VERIFY);
    assert_non_null(strstr(r->error.text, "of another length"));
    assert_non_null(find(r, r->old_sha256, 0));
    assert_int_equal(r->asked, 1);
}

/* ---- several at once ------------------------------------------------------------------------------------
 */

struct asker {
    pthread_t thread;
    struct rig *rig;
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    const struct espota_observer *observer;
    const struct espota_base *base;
    struct espota_error error;
    int result;
};

static void *ask(void *context)
{
    struct asker *a = context;
    unsigned table = 0;
    a->result = espota_published_patches_find(a->rig->patches, a->sha256, (uint32_t)a->rig->old.size,
                                              a->observer, &a->base, &table, &a->error);
    return NULL;
}

/* For an image that the server holds back; `which` tells them apart. */
static void begin(struct asker *a, struct rig *r, uint8_t which)
{
    *a = (struct asker){ .rig = r, .sha256 = { HELD, which } };
    assert_int_equal(pthread_create(&a->thread, NULL, ask, a), 0);
}

static int end(struct asker *a)
{
    assert_int_equal(pthread_join(a->thread, NULL), 0);
    return a->result;
}

static void a_slow_one_holds_up_nobody_who_needs_another(void **state)
{
    struct rig *r = *state;
    struct asker slow;
    begin(&slow, r, 0);
    await_waiting(&r->gate, 1);
    assert_non_null(find(r, r->old_sha256, 0));
    open_gate(&r->gate);
    assert_int_equal(end(&slow), 0);
    assert_null(slow.base);
}

static void who_needs_a_slow_one_goes_on_without_it_after_a_while(void **state)
{
    struct rig *r = *state;
    struct asker slow, other;
    begin(&slow, r, 0);
    await_waiting(&r->gate, 1);
    begin(&other, r, 0);
    assert_int_equal(end(&other), ESPOTA_ERR_TIMEOUT);
    open_gate(&r->gate);
    assert_int_equal(end(&slow), 0);
    assert_int_equal(r->asked, 1);
}

static void no_more_than_a_few_are_got_at_once(void **state)
{
    struct rig *r = *state;
    struct asker slow[AT_ONCE], one_more;
    for (int i = 0; i < AT_ONCE; i++)
        begin(&slow[i], r, (uint8_t)i);
    await_waiting(&r->gate, AT_ONCE);
    begin(&one_more, r, AT_ONCE);
    assert_int_equal(end(&one_more), ESPOTA_ERR_TIMEOUT);
    assert_int_equal(r->asked, AT_ONCE);
    open_gate(&r->gate);
    for (unsigned i = 0; i < AT_ONCE; i++)
        assert_int_equal(end(&slow[i]), 0);
    begin(&one_more, r, AT_ONCE);
    assert_int_equal(end(&one_more), 0);
    assert_int_equal(r->asked, AT_ONCE + 1);
}

static void that_one_was_stopped_is_not_what_others_hear(void **state)
{
    struct rig *r = *state;
    r->fails = ESPOTA_ERR_CANCELLED;
    r->fails_once = true;
    assert_null(find(r, r->old_sha256, ESPOTA_ERR_CANCELLED));
    assert_non_null(find(r, r->old_sha256, 0));
    assert_int_equal(r->asked, 2);
}

static bool at_once(void *context)
{
    (void)context;
    return true;
}

static void who_is_stopped_does_not_wait_for_another(void **state)
{
    static const struct espota_observer impatient = { .cancelled = at_once };
    struct rig *r = *state;
    struct asker slow, other = { .rig = r, .sha256 = { HELD }, .observer = &impatient }, another = other;
    memcpy(another.sha256, r->old_sha256, sizeof another.sha256);
    begin(&slow, r, 0);
    await_waiting(&r->gate, 1);
    ask(&other);
    ask(&another); /* nor asks for one that nobody gets */
    open_gate(&r->gate);
    assert_int_equal(end(&slow), 0);
    assert_int_equal(other.result, ESPOTA_ERR_CANCELLED);
    assert_int_equal(another.result, ESPOTA_ERR_CANCELLED);
    assert_int_equal(r->asked, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_patch_is_got_once_and_given_out_as_a_stream),
        TEST(that_there_is_none_is_remembered_too),
        TEST(one_that_is_another_is_not_used),
        TEST(one_against_another_base_is_not_used),
        TEST(one_that_is_damaged_is_not_used),
        TEST(one_that_is_longer_than_the_image_is_not_used),
        TEST(a_length_that_a_device_makes_up_is_its_own_loss),
        TEST(a_slow_one_holds_up_nobody_who_needs_another),
        TEST(who_needs_a_slow_one_goes_on_without_it_after_a_while),
        TEST(no_more_than_a_few_are_got_at_once),
        TEST(that_one_was_stopped_is_not_what_others_hear),
        TEST(who_is_stopped_does_not_wait_for_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
