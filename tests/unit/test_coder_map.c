/* The map of a base: however its blocks lie, it costs what a map may cost. */
#include "format/coder_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SECTOR 4096u

enum { IMAGE = 64 * 4096, LONG = 32 * 4096 };

/* As many blocks as there is room for: of `length` bytes, each `step` behind the one before in the base, and
 * `apart` in the image. */
static unsigned fill(struct coder_map *map, uint32_t length, uint32_t step, uint32_t apart, bool again)
{
    struct coder_block block = { 0, length, 0, false };
    unsigned count = 0;
    memset(map, 0, sizeof *map);
    while (coder_map_add(map, block) == 0) {
        count++;
        block.old += step;
        block.shift += apart - step;
        block.again = again;
    }
    return count;
}

/* How often are all blocks gone through, for an image that is asked for byte by byte? */
static unsigned count_looks(struct coder_map *map)
{
    unsigned looks = 0;
    for (uint32_t at = 0; at < IMAGE; at++) {
        struct coder_block block;
        uint32_t end = map->near_end;
        coder_map_at(map, at, &block);
        looks += map->near_end != end;
    }
    return looks;
}

static void blocks_that_overlap_cost_no_more_than_others(void **state)
{
    static const uint32_t apart[] = { 0, 1, 7, 64 };
    static struct coder_map map;
    (void)state;
    for (unsigned i = 0; i < sizeof apart / sizeof apart[0]; i++) {
        unsigned blocks = fill(&map, LONG, 1, apart[i], false);
        assert_true(blocks > 1000);
        assert_true(count_looks(&map) <= IMAGE / SECTOR + blocks);
    }
}

/* Blocks of an image lie side by side there: each is found, however many there are. */
static void blocks_side_by_side_are_all_found(void **state)
{
    enum { LENGTH = 16 };
    static struct coder_map map;
    struct coder_block block;
    (void)state;
    unsigned blocks = fill(&map, LENGTH, LENGTH, LENGTH, false);
    for (uint32_t at = 0; at < blocks * LENGTH; at++) {
        assert_true(coder_map_at(&map, at, &block));
        assert_int_equal(block.old, at / LENGTH * LENGTH);
    }
    assert_false(coder_map_at(&map, blocks * LENGTH, &block));
}

/* What is looked for is where the block is that it lies in, or the nearest one. */
static void what_is_looked_for_is_found(void **state)
{
    enum { STEP = 100, LENGTH = 60 };
    static struct coder_map map;
    uint32_t shift;
    (void)state;
    assert_int_equal(coder_map_find(&map, 5, &shift), CODER_MAP_NOWHERE);
    unsigned blocks = fill(&map, LENGTH, STEP, STEP + 8, false);
    for (unsigned i = 0; i + 1 < blocks; i++) {
        assert_int_equal(coder_map_find(&map, i * STEP + LENGTH - 1, &shift), CODER_MAP_INSIDE);
        assert_int_equal(shift, i * 8);
        assert_int_equal(coder_map_find(&map, i * STEP + LENGTH, &shift), CODER_MAP_BETWEEN);
        assert_int_equal(shift, i * 8);
        assert_int_equal(coder_map_find(&map, i * STEP + STEP - 1, &shift), CODER_MAP_BETWEEN);
        assert_int_equal(shift, i * 8 + 8);
    }
}

/* What is there again is not in the index, and passed over block by block: not for ever. The block behind
 * thousands of them is found, but not by who looks for what lies before it. */
static void what_is_there_again_is_not_gone_through_for_ever(void **state)
{
    enum { GAP = 100, MOVED = 77 };
    static struct coder_map map, whole;
    uint32_t shift, count = fill(&whole, 1, 1, 3, true) - 10;
    struct coder_block block = { 0, 1, 0, false };
    (void)state;
    assert_true(count > 3000);
    memset(&map, 0, sizeof map);
    for (uint32_t i = 0; i < count; i++, block.old++, block.again = true)
        assert_int_equal(coder_map_add(&map, block), 0);
    block = (struct coder_block){ count + GAP, GAP, MOVED, false };
    assert_int_equal(coder_map_add(&map, block), 0);
    assert_int_equal(coder_map_find(&map, count + GAP, &shift), CODER_MAP_INSIDE);
    assert_int_equal(shift, MOVED);
    assert_int_equal(coder_map_find(&map, count + GAP - 1, &shift), CODER_MAP_BETWEEN);
    assert_int_equal(shift, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_that_overlap_cost_no_more_than_others),
        cmocka_unit_test(blocks_side_by_side_are_all_found),
        cmocka_unit_test(what_is_looked_for_is_found),
        cmocka_unit_test(what_is_there_again_is_not_gone_through_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
