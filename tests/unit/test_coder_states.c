/* The table of states that the image coder's probabilities go through. */
#include "format/coder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* The first state of those that were seen so often, and behind the last one. */
static const unsigned first_of[] = { 0, 1, 3, 6, 10, 15, 21, 28, CODER_STATES };

enum { MOST = 7 };

static unsigned times_of(unsigned state)
{
    unsigned times = 0;
    while (state >= first_of[times + 1])
        times++;
    return times;
}

/* That which has 0 and 1 the other way round. */
static unsigned mirrored(unsigned state)
{
    unsigned times = times_of(state);
    return first_of[times] + first_of[times + 1] - 1 - state;
}

static void each_time_it_is_seen_counts_up_to_a_point(void **unused)
{
    (void)unused;
    for (unsigned state = 0; state < CODER_STATES; state++) {
        unsigned times = times_of(state), after = times < MOST ? times + 1 : MOST;
        assert_int_equal(times_of(coder_states[state].next[0]), after);
        assert_int_equal(times_of(coder_states[state].next[1]), after);
        assert_int_equal(times_of(coder_states[state].older), times > 0 ? times - 1 : 0);
    }
}

static void a_one_makes_ones_more_probable_and_a_zero_zeros(void **unused)
{
    (void)unused;
    for (unsigned state = 0; state < CODER_STATES; state++) {
        const struct coder_state *s = &coder_states[state];
        bool last = state == CODER_STATES - 1, lowest = state == first_of[MOST];
        assert_true(last ? s->next[1] == state : coder_states[s->next[1]].stretch > s->stretch - 1);
        assert_true(lowest ? s->next[0] == state : coder_states[s->next[0]].stretch < s->stretch + 1);
        if (times_of(state) == MOST && !last && !lowest) {
            assert_int_equal(s->next[1] > state, 1);
            assert_int_equal(s->next[0] < state, 1);
        }
    }
}

static void zeros_and_ones_are_treated_alike(void **unused)
{
    (void)unused;
    for (unsigned state = 0; state < CODER_STATES; state++) {
        const struct coder_state *one = &coder_states[state], *other = &coder_states[mirrored(state)];
        assert_int_equal(one->stretch, -other->stretch);
        assert_int_equal(one->next[1], mirrored(other->next[0]));
    }
}

static void within_a_count_they_are_sorted(void **unused)
{
    (void)unused;
    for (unsigned state = 1; state < CODER_STATES; state++)
        if (times_of(state) == times_of(state - 1))
            assert_true(coder_states[state].stretch >= coder_states[state - 1].stretch);
}

static void what_was_seen_often_is_known_by_its_number(void **unused)
{
    (void)unused;
    assert_int_equal(CODER_STATE_KNOWN, first_of[4]);
    assert_int_equal(CODER_STATE_SURE, first_of[6]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_time_it_is_seen_counts_up_to_a_point),
        cmocka_unit_test(a_one_makes_ones_more_probable_and_a_zero_zeros),
        cmocka_unit_test(zeros_and_ones_are_treated_alike),
        cmocka_unit_test(within_a_count_they_are_sorted),
        cmocka_unit_test(what_was_seen_often_is_known_by_its_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
