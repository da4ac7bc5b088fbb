/* Bases that are prepared once for many devices. */
#include "espota/buffer.h"
#include "espota/bytes.h"
#include "espota/coder.h"
#include "espota/digest.h"
#include "espota/encode.h"
#include "espota/error.h"
#include "espota/stream_cache.h"

#include "device/agent_client/stream.h"
#include "fixtures/code_like.h"
#include "fixtures/decoded_stream.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SECTOR = ESPOTA_CODER_SECTOR, SECTORS = 24, SIZE = SECTORS * SECTOR, TABLE = 14, MANY = 20 };

static const struct espota_stream_pace pace = { 86806, 2600, 8192 };

static struct espota_stream_cache *new_cache(void)
{
    struct espota_stream_cache *cache;
    struct espota_error error;
    assert_int_equal(espota_stream_cache_new(&cache, 0, &error), 0);
    return cache;
}

static uint8_t image[SIZE], old[SIZE];

static struct espota_stream_base_source base_source(uint8_t changed)
{
    struct espota_stream_base_source s = {
        .isa = ESPOTA_ISA_XTENSA, .old = old, .old_length = SIZE, .image = image, .image_length = SIZE
    };
    assert_int_equal(espota_sha256(image, SIZE, s.image_sha256), 0);
    old[100] = changed;
    assert_int_equal(espota_sha256(old, SIZE, s.old_sha256), 0);
    return s;
}

struct preparing {
    pthread_t thread;
    struct espota_stream_cache *cache;
    struct espota_stream_base_source source;
    struct espota_stream_base *base;
    int result;
};

static void *prepare(void *argument)
{
    struct preparing *p = argument;
    struct espota_error error;
    p->result = espota_stream_base_open(&p->base, p->cache, &p->source, &error);
    return NULL;
}

/* A whole stream on this base comes to be the image. */
static void read_with(struct espota_stream_cache *cache, struct espota_stream_base *base)
{
    static uint8_t back[SIZE];
    struct espota_stream_source s = {
        .image = image, .image_length = SIZE, .isa = ESPOTA_ISA_XTENSA, .table_log = TABLE, .base = base
    };
    struct espota_stream_reader *r;
    struct espota_bytes stream = { 0 }, before = { 0 };
    struct espota_error error;
    uint8_t head[ESPOTA_STREAM_HEAD_SIZE] = { ESPOTA_STREAM_CODED, ESPOTA_ISA_XTENSA, TABLE };
    const uint8_t *bytes;
    size_t length;
    assert_int_equal(espota_sha256(image, SIZE, s.sha256), 0);
    assert_int_equal(espota_stream_open(&r, cache, &s, 0, &pace, &error), 0);
    assert_int_equal(espota_stream_preamble(r, &bytes, &length, &error), 0);
    bool based = length > 0;
    assert_int_equal(based, base && espota_stream_base_helps(base));
    espota_put_le32(head + 8, SIZE);
    assert_int_equal(espota_bytes_append(&before, old, SIZE, &error), 0);
    assert_int_equal(espota_bytes_append(&stream, based ? bytes : head, based ? length : sizeof head, &error),
                     0);
    for (uint32_t i = 0; i < SECTORS; i++) {
        assert_int_equal(espota_stream_chunk(r, i, &bytes, &length, &error), 0);
        assert_int_equal(espota_bytes_append(&stream, bytes, length, &error), 0);
    }
    memset(back, 0, SIZE);
    assert_int_equal(decode_stream(&stream, based ? &before : NULL, back, SIZE), 0);
    assert_memory_equal(back, image, SIZE);
    espota_stream_close(r);
    espota_bytes_free(&stream);
    espota_bytes_free(&before);
}

static void a_base_is_prepared_once(void **state)
{
    (void)state;
    struct preparing p[MANY];
    struct espota_stream_cache *cache = new_cache();
    const struct espota_stream_base_source source = base_source(1);
    for (unsigned i = 0; i < MANY; i++) {
        p[i] = (struct preparing){ .cache = cache, .source = source };
        assert_int_equal(pthread_create(&p[i].thread, NULL, prepare, &p[i]), 0);
    }
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(pthread_join(p[i].thread, NULL), 0);
        assert_int_equal(p[i].result, 0);
        assert_ptr_equal(p[i].base, p[0].base);
    }
    assert_int_equal(espota_stream_cache_used(cache).bases, 1);
    read_with(cache, p[0].base);
    read_with(cache, p[0].base);
    read_with(cache, NULL); /* another stream */
    assert_int_equal(espota_stream_cache_used(cache).streams, 2);
    for (unsigned i = 0; i < MANY; i++)
        espota_stream_base_close(p[i].base);
    espota_stream_cache_free(cache);
}

/* ---- who is stopped -------------------------------------------------------------------------------------
 */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool reached, open;
};

/* Holds up whoever prepares a base. */
static bool hold(void *context)
{
    struct gate *gate = context;
    pthread_mutex_lock(&gate->lock);
    gate->reached = true;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
    return false;
}

static bool at_once(void *context)
{
    (void)context;
    return true;
}

static void await_reached(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    while (!gate->reached)
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

/* Neither for this one, nor for a turn. */
static void who_is_stopped_does_not_wait_for_another(void **state)
{
    (void)state;
    enum { AT_ONCE = 2 };
    static const struct espota_observer impatient = { .cancelled = at_once };
    struct gate gate[AT_ONCE] = { { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER },
                                  { .lock = PTHREAD_MUTEX_INITIALIZER,
                                    .changed = PTHREAD_COND_INITIALIZER } };
    const struct espota_observer held[AT_ONCE] = { { .context = &gate[0], .cancelled = hold },
                                                   { .context = &gate[1], .cancelled = hold } };
    struct espota_stream_cache *cache = new_cache();
    struct preparing p[AT_ONCE];
    struct espota_stream_base *base;
    struct espota_error error;
    for (unsigned i = 0; i < AT_ONCE; i++) {
        p[i] = (struct preparing){ .cache = cache, .source = base_source((uint8_t)i) };
        p[i].source.observer = &held[i];
        assert_int_equal(pthread_create(&p[i].thread, NULL, prepare, &p[i]), 0);
        await_reached(&gate[i]);
    }
    for (unsigned i = 0; i <= AT_ONCE; i++) {
        struct espota_stream_base_source source = base_source((uint8_t)i);
        source.observer = &impatient;
        assert_int_equal(espota_stream_base_open(&base, cache, &source, &error), ESPOTA_ERR_CANCELLED);
        assert_null(base);
    }
    for (unsigned i = 0; i < AT_ONCE; i++) {
        open_gate(&gate[i]);
        assert_int_equal(pthread_join(p[i].thread, NULL), 0);
        assert_int_equal(p[i].result, 0);
        espota_stream_base_close(p[i].base);
    }
    espota_stream_cache_free(cache);
}

/* Who comes next prepares it. */
static void who_is_stopped_prepares_nothing(void **state)
{
    (void)state;
    static const struct espota_observer impatient = { .cancelled = at_once };
    struct espota_stream_cache *cache = new_cache();
    struct espota_stream_base_source source = base_source(1);
    struct espota_stream_base *base;
    struct espota_error error;
    source.observer = &impatient;
    assert_int_equal(espota_stream_base_open(&base, cache, &source, &error), ESPOTA_ERR_CANCELLED);
    source.observer = NULL;
    assert_int_equal(espota_stream_base_open(&base, cache, &source, &error), 0);
    read_with(cache, base);
    espota_stream_base_close(base);
    espota_stream_cache_free(cache);
}

/* Those that are in use; those that were used are dropped. */
static void there_are_not_too_many_bases(void **state)
{
    (void)state;
    enum { MOST = 24 };
    struct espota_stream_cache *cache = new_cache();
    struct espota_stream_base *base[MOST], *more;
    struct espota_error error;
    for (unsigned i = 0; i < MOST; i++) {
        struct espota_stream_base_source s = base_source((uint8_t)i);
        assert_int_equal(espota_stream_base_open(&base[i], cache, &s, &error), 0);
    }
    struct espota_stream_base_source other = base_source(99), known = base_source(MOST - 1);
    assert_int_equal(espota_stream_base_open(&more, cache, &other, &error), ESPOTA_ERR_TOO_BIG);
    assert_int_equal(espota_stream_base_open(&more, cache, &known, &error), 0);
    assert_ptr_equal(more, base[MOST - 1]);
    espota_stream_base_close(more);
    espota_stream_base_close(base[0]);
    other = base_source(99);
    assert_int_equal(espota_stream_base_open(&base[0], cache, &other, &error), 0);
    for (unsigned i = 0; i < MOST; i++)
        espota_stream_base_close(base[i]);
    assert_int_equal(espota_stream_cache_used(cache).bases, MOST + 1);
    espota_stream_cache_free(cache);
}

static void a_base_may_come_from_elsewhere(void **state)
{
    (void)state;
    struct espota_stream_cache *cache = new_cache();
    struct espota_stream_base *first, *second;
    struct espota_base *prepared;
    struct espota_error error;
    assert_int_equal(espota_base_new(&prepared, ESPOTA_ISA_XTENSA, old, SIZE, image, SIZE, &error), 0);
    assert_int_equal(espota_stream_base_take(&first, cache, prepared, &error), 0);
    assert_int_equal(espota_stream_base_take(&second, cache, prepared, &error), 0);
    assert_ptr_equal(first, second);
    read_with(cache, first);
    espota_stream_base_close(first);
    espota_stream_base_close(second);
    espota_stream_cache_free(cache);
    espota_base_free(prepared);
}

/* What is said to be sent with a base is. */
static void a_stream_that_has_no_base_is_not_one_with_a_base(void **state)
{
    (void)state;
    static uint8_t other[SIZE];
    struct espota_stream_cache *cache = new_cache();
    struct espota_stream_base_source source = base_source(1), useless = source;
    struct client_image of = { image, SIZE, .isa = ESPOTA_ISA_XTENSA, .table_log = TABLE };
    struct espota_error error;
    of.base_table_log = TABLE;
    of.pace = pace;
    of.cache = cache;
    memset(other, 0x5A, SIZE);
    useless.old = other;
    assert_int_equal(espota_sha256(other, SIZE, useless.old_sha256), 0);
    for (unsigned helps = 0; helps < 2; helps++) {
        struct client_stream stream = { .stretch = { 0, SIZE }, .kind = STREAM_BASED };
        assert_int_equal(espota_stream_base_open(&of.base, cache, helps ? &source : &useless, &error), 0);
        assert_int_equal(stream_make(&stream, &of, SIZE, &error), 0);
        assert_int_equal(stream.kind, helps ? STREAM_BASED : STREAM_CODED);
        assert_int_equal(stream.bytes.data[0] == ESPOTA_STREAM_BASED, helps);
        stream_end(&stream);
        espota_stream_base_close(of.base);
    }
    espota_stream_cache_free(cache);
}

static int fill(void **state)
{
    (void)state;
    code_like_fill(image, SIZE, 7, false);
    memcpy(old, image, SIZE);
    for (unsigned i = 0; i < SIZE; i += 3000)
        old[i] ^= 0x55;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_base_is_prepared_once),
        cmocka_unit_test(who_is_stopped_does_not_wait_for_another),
        cmocka_unit_test(who_is_stopped_prepares_nothing),
        cmocka_unit_test(there_are_not_too_many_bases),
        cmocka_unit_test(a_base_may_come_from_elsewhere),
        cmocka_unit_test(a_stream_that_has_no_base_is_not_one_with_a_base),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
