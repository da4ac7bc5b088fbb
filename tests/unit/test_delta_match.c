/* What of an image is found in its base, and what that takes. */
#include "base/delta_match.h"
#include "base/encode_parts.h"
#include "fixtures/decoded_stream.h"

#include "espota/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECTOR ESPOTA_CODER_SECTOR

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 24; /* the lower bits repeat themselves */
}

static void fill_random(uint8_t *bytes, size_t size, uint32_t seed, uint32_t values)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(next_random(&seed) % values);
}

/* ---- the index ------------------------------------------------------------------------------------------
 */
enum { SMALL = 900 };

static uint32_t longest_by_hand(struct delta_text text, struct delta_text other, uint32_t from)
{
    uint32_t best = 0;
    for (uint32_t at = 0; at < text.length; at++) {
        uint32_t length = 0;
        while (at + length < text.length && from + length < other.length &&
               text.bytes[at + length] == other.bytes[from + length])
            length++;
        best = length > best ? length : best;
    }
    return best;
}

static void check_index(struct delta_text text, struct delta_text other)
{
    struct delta_index index;
    assert_int_equal(delta_index_begin(&index, text), 0);
    for (uint32_t from = 0; from < other.length; from++) {
        struct delta_place place = delta_index_longest(&index, other, from);
        uint32_t longest = longest_by_hand(text, other, from);
        assert_int_equal(place.length, longest < DELTA_INDEX_LEAST ? 0 : longest);
        if (place.length > 0)
            assert_memory_equal(text.bytes + place.at, other.bytes + from, place.length);
    }
    delta_index_end(&index);
}

static void the_longest_is_found(void **state)
{
    static uint8_t text[SMALL], other[SMALL];
    (void)state;
    for (uint32_t values = 1; values < 260; values = values * 2 + 1) {
        fill_random(text, SMALL, values, values);
        fill_random(other, SMALL, 99 * values, values);
        memcpy(other + 100, text + 300, 200);
        memcpy(other + SMALL - 40, text + SMALL - 40, 40); /* up to both ends */
        for (uint32_t cut = 0; cut < SMALL; cut += 89)
            check_index((struct delta_text){ text + cut, SMALL - cut }, (struct delta_text){ other, SMALL });
    }
    check_index((struct delta_text){ text, 1 }, (struct delta_text){ other, SMALL });
    check_index((struct delta_text){ text, SMALL }, (struct delta_text){ other, 1 });
}

static void what_is_nowhere_is_not_searched(void **state)
{
    enum { LENGTH = 200000 };
    uint8_t *old = malloc(LENGTH), *new = malloc(LENGTH);
    struct delta_matches matches;
    (void)state;
    assert_non_null(old);
    assert_non_null(new);
    fill_random(old, LENGTH, 1, 256);
    fill_random(new, LENGTH, 2, 256);
    assert_int_equal(
        delta_match((struct delta_text){ old, LENGTH }, (struct delta_text){ new, LENGTH }, NULL, &matches),
        0);
    assert_in_range(matches.searches, 0, LENGTH / 5);
    free(matches.at);
    free(old);
    free(new);
}

/* Everything is found, and nothing is worth it: beginnings that are the same, and ends that are not. */
static void what_is_made_to_be_searched_for_is_not_for_ever(void **state)
{
    enum { LENGTH = 2000000, UNIT = 8, SAME = 6 };
    uint8_t *old = malloc(LENGTH), *new = malloc(LENGTH);
    struct delta_matches matches;
    (void)state;
    assert_non_null(old);
    assert_non_null(new);
    fill_random(old, LENGTH, 1, 256);
    fill_random(new, LENGTH, 2, 256);
    for (uint32_t i = 0; i < LENGTH; i += UNIT) {
        memset(old + i, 0x77, SAME);
        memset(new + i, 0x77, SAME);
    }
    assert_int_equal(
        delta_match((struct delta_text){ old, LENGTH }, (struct delta_text){ new, LENGTH }, NULL, &matches),
        0);
    assert_in_range(matches.searches, LENGTH / 8, LENGTH / 3);
    free(matches.at);
    free(old);
    free(new);
}

/* ---- what is made of it ---------------------------------------------------------------------------------
 */
enum { SECTORS = 48, SIZE = SECTORS * SECTOR };

/* Of every sector a part is new: two to four of them fit in a chunk. */
static void make_pair(uint8_t *old, uint8_t *image)
{
    fill_random(old, SIZE, 1, 256);
    memcpy(image, old, SIZE);
    for (uint32_t i = 0; i < SECTORS; i++)
        fill_random(image + i * SECTOR, 1000 + i * 61 % 900, 100 + i, 256);
}

static void each_sector_is_modelled_once(void **state)
{
    static uint8_t old[SIZE], image[SIZE], rebuilt[SIZE];
    struct espota_bytes stream = { 0 }, held = { .data = old, .size = SIZE };
    struct espota_error error;
    struct espota_base *base;
    struct espota_encoder *encoder;
    (void)state;
    make_pair(old, image);
    assert_int_equal(espota_base_new(&base, ESPOTA_ISA_NONE, old, SIZE, image, SIZE, &error), 0);
    assert_true(espota_base_helps(base));
    assert_int_equal(espota_encoder_begin(&encoder, ESPOTA_ISA_NONE, ESPOTA_CODER_TABLE_DEFAULT, base, image,
                                          SIZE, 0, SIZE, &stream, &error),
                     0);
    while (espota_encoder_sector(encoder, &stream, &error) > 0)
        ;
    assert_int_equal(encoder->coded, SECTORS);
    espota_encoder_end(encoder);
    espota_base_free(base);
    assert_int_equal(decode_stream(&stream, &held, rebuilt, SIZE), 0);
    assert_memory_equal(rebuilt, image, SIZE);
    espota_bytes_free(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_is_found),
        cmocka_unit_test(what_is_nowhere_is_not_searched),
        cmocka_unit_test(what_is_made_to_be_searched_for_is_not_for_ever),
        cmocka_unit_test(each_sector_is_modelled_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
