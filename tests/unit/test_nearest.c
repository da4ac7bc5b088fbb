/* The word that was meant. */
#include "espota/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void distances_count_edits(void **state)
{
    static const struct {
        const char *a, *b;
        size_t distance;
    } cases[] = {
        { "", "", 0 },
        { "", "abc", 3 },
        { "flash", "flash", 0 },
        { "falsh", "flash", 1 },  /* exchanged */
        { "flsh", "flash", 1 },   /* missing */
        { "flaash", "flash", 1 }, /* one more */
        { "flosh", "flash", 1 },  /* changed */
        { "FLASH_SIZE", "flash-size", 0 },
        { "ca", "abc", 3 }, /* optimal string alignment: no edit within an exchange */
        { "monitor", "reset", 6 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(espota_word_distance(cases[i].a, cases[i].b), cases[i].distance);
        assert_int_equal(espota_word_distance(cases[i].b, cases[i].a), cases[i].distance);
    }
}

static void long_words_are_near_to_nothing(void **state)
{
    char word[ESPOTA_NEAREST_MAX + 2];
    struct espota_nearest nearest = { .word = word };
    (void)state;
    memset(word, 'a', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_int_equal(espota_word_distance(word, "a"), SIZE_MAX);
    espota_nearest_consider(&nearest, "a");
    assert_null(nearest.best);
    word[ESPOTA_NEAREST_MAX] = '\0';
    assert_int_equal(espota_word_distance(word, "a"), ESPOTA_NEAREST_MAX - 1);
}

static void the_nearest_wins(void **state)
{
    static const char *const candidates[] = { "plan",  "flash",   "ota",  "status", "boot",
                                              "reset", "devices", "read", "erase",  "restore" };
    static const struct {
        const char *word, *best;
    } cases[] = {
        { "falsh", "flash" },   { "raed", "read" }, { "dev", "devices" },    { "rest", "reset" },
        { "OTA", "ota" },       { "oat", "ota" },   { "restor", "restore" }, { "otaupdate", "ota" },
        { "frobnicate", NULL }, { "", NULL },       { "x", NULL },           { "zz", NULL },
        { "erases", "erase" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_nearest nearest = { .word = cases[i].word };
        for (size_t c = 0; c < sizeof candidates / sizeof candidates[0]; c++)
            espota_nearest_consider(&nearest, candidates[c]);
        if (cases[i].best)
            assert_string_equal(nearest.best, cases[i].best);
        else
            assert_null(nearest.best);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_count_edits),
        cmocka_unit_test(long_words_are_near_to_nothing),
        cmocka_unit_test(the_nearest_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
