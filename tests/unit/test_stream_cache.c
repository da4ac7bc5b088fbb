/* Streams that are made once for many readers: the bytes are what one alone would get, memory is bounded. */
#include "base/stream_pace.h"
#include "espota/buffer.h"
#include "espota/coder.h"
#include "espota/digest.h"
#include "espota/encode.h"
#include "espota/error.h"
#include "espota/stream_cache.h"

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

static uint8_t image[SIZE];
static const struct espota_stream_pace slow_line = { 86806, 2600, 8192 }, fast_line = { 250, 2600, 8192 };

static struct espota_stream_source source(void)
{
    struct espota_stream_source s = {
        .image = image, .image_length = SIZE, .isa = ESPOTA_ISA_XTENSA, .table_log = TABLE
    };
    assert_int_equal(espota_sha256(image, SIZE, s.sha256), 0);
    return s;
}

static struct espota_stream_cache *new_cache(size_t bytes)
{
    struct espota_stream_cache *cache;
    struct espota_error error;
    assert_int_equal(espota_stream_cache_new(&cache, bytes, &error), 0);
    return cache;
}

static struct espota_stream_reader *reader(struct espota_stream_cache *cache, uint32_t sector,
                                           const struct espota_stream_pace *pace)
{
    struct espota_stream_source s = source();
    struct espota_stream_reader *r;
    struct espota_error error;
    assert_int_equal(espota_stream_open(&r, cache, &s, sector * SECTOR, pace, &error), 0);
    return r;
}

/* Read on: the sectors up to `end`, behind what is in `stream`. */
static void read_to(struct espota_stream_reader *r, struct espota_bytes *stream, uint32_t *at, uint32_t end)
{
    struct espota_error error;
    for (; *at < end; ++*at) {
        const uint8_t *chunk;
        size_t length;
        assert_int_equal(espota_stream_chunk(r, *at, &chunk, &length, &error), 0);
        assert_int_equal(espota_bytes_append(stream, chunk, length, &error), 0);
        espota_stream_forget(r, *at + 1);
    }
}

static void append_head(struct espota_bytes *stream, uint32_t sector, uint32_t sectors)
{
    struct espota_error error;
    uint8_t head[ESPOTA_STREAM_HEAD_SIZE] = { ESPOTA_STREAM_CODED, ESPOTA_ISA_XTENSA, TABLE };
    for (unsigned i = 0; i < 4; i++) {
        head[4 + i] = (uint8_t)(sector * SECTOR >> 8 * i);
        head[8 + i] = (uint8_t)(sectors * SECTOR >> 8 * i);
    }
    assert_int_equal(espota_bytes_append(stream, head, sizeof head, &error), 0);
}

/* What comes of it is the image. */
static void check(struct espota_bytes *stream, uint32_t sector)
{
    static uint8_t back[SIZE];
    memcpy(back, image, sector * SECTOR);
    memset(back + sector * SECTOR, 0, SIZE - sector * SECTOR);
    assert_int_equal(decode_stream(stream, NULL, back, SIZE), 0);
    assert_memory_equal(back, image, SIZE);
}

static void read_whole(struct espota_stream_cache *cache, uint32_t sector,
                       const struct espota_stream_pace *pace)
{
    struct espota_stream_reader *r = reader(cache, sector, pace);
    struct espota_bytes stream = { 0 };
    uint32_t at = 0;
    append_head(&stream, sector, SECTORS - sector);
    read_to(r, &stream, &at, SECTORS - sector);
    check(&stream, sector);
    espota_stream_close(r);
    espota_bytes_free(&stream);
}

static void bytes_are_those_of_one_alone(void **state)
{
    (void)state;
    struct espota_stream_cache *cache = new_cache(0);
    struct espota_stream_reader *r = reader(cache, 0, &slow_line);
    struct espota_bytes alone = { 0 }, shared = { 0 };
    struct espota_error error;
    uint32_t at = 0;
    assert_int_equal(espota_encode(ESPOTA_ISA_XTENSA, TABLE, NULL, image, SIZE, 0, SIZE, &alone, &error), 0);
    append_head(&shared, 0, SECTORS);
    read_to(r, &shared, &at, SECTORS);
    assert_int_equal(shared.size, alone.size);
    assert_memory_equal(shared.data, alone.data, alone.size);
    espota_stream_close(r);
    espota_stream_cache_free(cache);
    espota_bytes_free(&alone);
    espota_bytes_free(&shared);
}

/* ---- at once ------------------------------------------------------------------------------------------ */

struct work {
    pthread_t thread;
    struct espota_stream_cache *cache;
    uint32_t sector;
    struct espota_stream_pace pace;
    struct espota_bytes stream;
    int result;
};

static void *read_all(void *argument)
{
    struct work *w = argument;
    struct espota_stream_source s = source();
    struct espota_stream_reader *r;
    struct espota_error error;
    w->result = espota_stream_open(&r, w->cache, &s, w->sector * SECTOR, &w->pace, &error);
    for (uint32_t i = 0; w->result == 0 && i < SECTORS - w->sector; i++) {
        const uint8_t *chunk;
        size_t length;
        struct espota_stream_pace pace = { w->pace.line_ns, w->pace.decode_ns + i, w->pace.window };
        espota_stream_set_pace(r, &pace);
        w->result = espota_stream_chunk(r, i, &chunk, &length, &error);
        if (w->result == 0)
            w->result = espota_bytes_append(&w->stream, chunk, length, &error);
        espota_stream_forget(r, i + 1);
    }
    espota_stream_close(r);
    return NULL;
}

static void at_once(struct work work[MANY])
{
    for (unsigned i = 0; i < MANY; i++) {
        append_head(&work[i].stream, work[i].sector, SECTORS - work[i].sector);
        assert_int_equal(pthread_create(&work[i].thread, NULL, read_all, &work[i]), 0);
    }
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(pthread_join(work[i].thread, NULL), 0);
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(work[i].result, 0);
        check(&work[i].stream, work[i].sector);
        espota_bytes_free(&work[i].stream);
    }
}

static void what_many_need_is_made_once(void **state)
{
    (void)state;
    struct work work[MANY] = { 0 };
    struct espota_stream_cache *cache = new_cache(0);
    for (unsigned i = 0; i < MANY; i++) {
        work[i].cache = cache;
        work[i].pace = slow_line;
    }
    at_once(work);
    struct espota_stream_cache_use use = espota_stream_cache_used(cache);
    assert_int_equal(use.streams, 1);
    assert_int_equal(use.sectors_made, SECTORS);
    assert_int_equal(use.sectors_read, MANY * SECTORS);
    assert_int_equal(use.encoders, 0);
    espota_stream_cache_free(cache);
}

static void little_memory_is_enough_for_many_that_begin_elsewhere(void **state)
{
    (void)state;
    struct work work[MANY] = { 0 };
    struct espota_stream_cache *cache = new_cache(100000);
    for (unsigned i = 0; i < MANY; i++) {
        work[i].cache = cache;
        work[i].sector = i % 5;
        work[i].pace = i % 2 ? slow_line : fast_line;
    }
    at_once(work);
    struct espota_stream_cache_use use = espota_stream_cache_used(cache);
    assert_int_equal(use.sectors_read, MANY * SECTORS - MANY / 5 * (0 + 1 + 2 + 3 + 4));
    assert_true(use.bytes <= 100000);
    assert_int_equal(use.encoders, 0);
    espota_stream_cache_free(cache);
}

/* ---- one after the other ------------------------------------------------------------------------------ */

static void who_comes_later_takes_what_is_there(void **state)
{
    (void)state;
    struct espota_stream_cache *cache = new_cache(0);
    for (unsigned i = 0; i < 3; i++)
        read_whole(cache, 0, &slow_line);
    assert_int_equal(espota_stream_cache_used(cache).sectors_made, SECTORS);
    espota_stream_cache_free(cache);
}

static void another_start_and_another_pace_are_other_streams(void **state)
{
    (void)state;
    struct espota_stream_cache *cache = new_cache(0);
    struct espota_stream_pace about = slow_line;
    about.decode_ns += about.decode_ns / 50;
    read_whole(cache, 0, &slow_line);
    read_whole(cache, 0, &about);
    assert_int_equal(espota_stream_cache_used(cache).streams, 1);
    read_whole(cache, 0, &fast_line);
    read_whole(cache, 5, &slow_line);
    read_whole(cache, SECTORS - 1, &slow_line);
    assert_int_equal(espota_stream_cache_used(cache).streams, 4);
    espota_stream_cache_free(cache);
}

static void what_nobody_reads_goes_when_memory_is_short(void **state)
{
    (void)state;
    struct espota_stream_cache *cache = new_cache(2 * SIZE);
    for (uint32_t i = 0; i < SECTORS; i++)
        read_whole(cache, i, &fast_line);
    struct espota_stream_cache_use use = espota_stream_cache_used(cache);
    assert_true(use.bytes <= 2 * SIZE);
    assert_int_equal(use.streams, SECTORS);
    espota_stream_cache_free(cache);
}

/* The chunks that all have are gone: who comes then gets a stream of its own. */
static void what_all_have_goes_when_memory_is_short(void **state)
{
    (void)state;
    struct espota_stream_cache *cache = new_cache(1);
    struct espota_stream_reader *ahead = reader(cache, 0, &slow_line), *behind = reader(cache, 0, &slow_line);
    struct espota_bytes first = { 0 }, second = { 0 };
    uint32_t at[2] = { 0, 0 };
    append_head(&first, 0, SECTORS);
    append_head(&second, 0, SECTORS);
    read_to(ahead, &first, &at[0], SECTORS / 2); /* kept for the other one */
    read_to(behind, &second, &at[1], SECTORS / 3);
    read_to(ahead, &first, &at[0], SECTORS / 2 + 1);
    read_whole(cache, 0, &slow_line);
    assert_int_equal(espota_stream_cache_used(cache).streams, 2);
    read_to(behind, &second, &at[1], SECTORS);
    read_to(ahead, &first, &at[0], SECTORS);
    check(&first, 0);
    check(&second, 0);
    espota_stream_close(ahead);
    espota_stream_close(behind);
    assert_int_equal(espota_stream_cache_used(cache).bytes, 0);
    espota_stream_cache_free(cache);
    espota_bytes_free(&first);
    espota_bytes_free(&second);
}

/* One encoder more than there may be: it does without. */
static void too_many_encoders_are_not_begun(void **state)
{
    (void)state;
    enum { TOO_MANY = 70 };
    struct espota_stream_cache *cache = new_cache(0);
    struct espota_stream_reader *r[TOO_MANY];
    struct espota_bytes stream[TOO_MANY] = { { 0 } };
    uint32_t at[TOO_MANY] = { 0 };
    for (uint32_t i = 0; i < TOO_MANY; i++) {
        const struct espota_stream_pace pace = { 86806, 2600, 8192 + i };
        r[i] = reader(cache, i % 8, &pace);
        append_head(&stream[i], i % 8, SECTORS - i % 8);
        read_to(r[i], &stream[i], &at[i], 1);
    }
    struct espota_stream_cache_use use = espota_stream_cache_used(cache);
    assert_true(use.encoders <= 48);
    assert_true(use.most_bytes <= (64u << 20));
    for (uint32_t i = 0; i < TOO_MANY; i++) {
        read_to(r[i], &stream[i], &at[i], SECTORS - i % 8);
        check(&stream[i], i % 8);
        espota_stream_close(r[i]);
        espota_bytes_free(&stream[i]);
    }
    espota_stream_cache_free(cache);
}

/* Devices that were cut off leave streams that nobody will finish. */
static void encoders_of_streams_that_nobody_reads_are_taken_back(void **state)
{
    (void)state;
    enum { CUT_OFF = 3 * SECTORS };
    struct espota_stream_cache *cache = new_cache(1u << 30);
    for (uint32_t i = 0; i < CUT_OFF; i++) {
        struct espota_stream_source s = source();
        struct espota_stream_reader *r;
        struct espota_bytes stream = { 0 };
        struct espota_error error;
        uint32_t at = 0;
        s.table_log = TABLE + 1 + i / (SECTORS - 1);
        assert_int_equal(espota_stream_open(&r, cache, &s, i % (SECTORS - 1) * SECTOR, &slow_line, &error),
                         0);
        read_to(r, &stream, &at, 1);
        espota_stream_close(r);
        espota_bytes_free(&stream);
    }
    read_whole(cache, 0, &fast_line);
    assert_int_equal(espota_stream_cache_used(cache).sectors_plain, 0);
    espota_stream_cache_free(cache);
}

/* ---- pace --------------------------------------------------------------------------------------------- */

/* Bytes of a stream for readers of whom so many say in its middle that their decoder is far too slow. */
static size_t size_with(unsigned readers, unsigned slow)
{
    const struct espota_stream_pace crawling = { 250, 26000, 8192 }, usual = { 5000, 2600, 8192 };
    struct espota_stream_cache *cache = new_cache(0);
    struct espota_stream_reader *r[MANY];
    struct espota_bytes stream = { 0 };
    uint32_t at = 0;
    for (unsigned i = 0; i < readers; i++)
        r[i] = reader(cache, 0, &usual);
    read_to(r[0], &stream, &at, SECTORS / 4);
    for (unsigned i = 0; i < slow; i++)
        espota_stream_set_pace(r[i], &crawling);
    read_to(r[0], &stream, &at, SECTORS);
    for (unsigned i = 0; i < readers; i++)
        espota_stream_close(r[i]);
    size_t size = stream.size;
    espota_bytes_free(&stream);
    espota_stream_cache_free(cache);
    return size;
}

static void the_median_of_paces_counts(void **state)
{
    (void)state;
    size_t usual = size_with(1, 0), slow = size_with(1, 1);
    assert_true(slow > usual + usual / 4);
    assert_true(size_with(5, 2) < usual + usual / 10);
    assert_true(size_with(5, 3) > usual + usual / 4);
}

/* Who comes after that does not get what is made for a slow one. */
static void a_stream_that_went_astray_is_not_shared(void **state)
{
    (void)state;
    const struct espota_stream_pace crawling = { 250, 26000, 8192 }, usual = { 5000, 2600, 8192 };
    struct espota_stream_cache *cache = new_cache(0);
    struct espota_stream_reader *r = reader(cache, 0, &usual);
    struct espota_bytes stream = { 0 };
    uint32_t at = 0;
    read_to(r, &stream, &at, 1);
    espota_stream_set_pace(r, &crawling);
    read_to(r, &stream, &at, SECTORS);
    read_whole(cache, 0, &usual);
    assert_int_equal(espota_stream_cache_used(cache).streams, 2);
    espota_stream_close(r);
    espota_bytes_free(&stream);
    espota_stream_cache_free(cache);
}

static void paces_have_steps(void **state)
{
    (void)state;
    unsigned last = 0;
    for (uint64_t decode = 1; decode <= UINT32_MAX; decode += 1 + decode / 7) {
        const struct espota_stream_pace pace = { 500, (uint32_t)decode, 8192 };
        unsigned step = stream_pace_step(&pace);
        struct espota_stream_pace middle = stream_pace_of_step(step, 8192);
        assert_in_range(step, last, STREAM_PACE_STEPS - 1);
        if (step > 6 && step < STREAM_PACE_STEPS - 1)
            assert_int_equal(stream_pace_step(&middle), step);
        last = step;
    }
    const struct espota_stream_pace none = { 0, 0, 0 };
    assert_int_equal(stream_pace_step(&none), 0);
}

static void what_is_out_of_range_is_an_error(void **state)
{
    (void)state;
    struct espota_stream_cache *cache = new_cache(0);
    struct espota_stream_source s = source();
    struct espota_stream_reader *r;
    struct espota_error error;
    const uint8_t *chunk;
    size_t length;
    r = reader(cache, 2, &slow_line);
    assert_int_equal(espota_stream_chunk(r, SECTORS - 2, &chunk, &length, &error), ESPOTA_ERR_USAGE);
    espota_stream_forget(r, 3);
    assert_int_equal(espota_stream_chunk(r, 2, &chunk, &length, &error), ESPOTA_ERR_USAGE);
    espota_stream_close(r);
    assert_int_equal(espota_stream_open(&r, cache, &s, SIZE + SECTOR, &slow_line, &error), 0);
    assert_int_equal(espota_stream_chunk(r, 0, &chunk, &length, &error), ESPOTA_ERR_USAGE);
    espota_stream_close(r);
    s.table_log = 99;
    assert_int_equal(espota_stream_open(&r, cache, &s, 0, &slow_line, &error), 0);
    assert_int_equal(espota_stream_chunk(r, 0, &chunk, &length, &error), ESPOTA_ERR_USAGE);
    espota_stream_close(r);
    espota_stream_cache_free(cache);
}

static int fill(void **state)
{
    (void)state;
    code_like_fill(image, SIZE, 7, false);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_those_of_one_alone),
        cmocka_unit_test(what_many_need_is_made_once),
        cmocka_unit_test(little_memory_is_enough_for_many_that_begin_elsewhere),
        cmocka_unit_test(who_comes_later_takes_what_is_there),
        cmocka_unit_test(another_start_and_another_pace_are_other_streams),
        cmocka_unit_test(what_nobody_reads_goes_when_memory_is_short),
        cmocka_unit_test(what_all_have_goes_when_memory_is_short),
        cmocka_unit_test(too_many_encoders_are_not_begun),
        cmocka_unit_test(encoders_of_streams_that_nobody_reads_are_taken_back),
        cmocka_unit_test(the_median_of_paces_counts),
        cmocka_unit_test(a_stream_that_went_astray_is_not_shared),
        cmocka_unit_test(paces_have_steps),
        cmocka_unit_test(what_is_out_of_range_is_an_error),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
