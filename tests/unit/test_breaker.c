#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "relay/breaker.h"

#define NOW INT64_C(1000000)

static void tell(struct breaker *breaker, unsigned n, enum breaker_word word, int64_t now_ms)
{
    for (unsigned i = 0; i < n; i++)
        breaker_tell(breaker, word, false, now_ms, 0);
}

static void opens_at_five_failures_that_are_half_of_all(void **state)
{
    (void)state;
    struct breaker breaker = {0};
    tell(&breaker, 4, BREAKER_BAD, NOW);
    assert_int_equal(breaker_wait_ms(&breaker, NOW), 0);
    tell(&breaker, 1, BREAKER_BAD, NOW);
    assert_true(breaker_wait_ms(&breaker, NOW) > 0);
    breaker = (struct breaker){0};
    tell(&breaker, 10, BREAKER_GOOD, NOW);
    tell(&breaker, 9, BREAKER_BAD, NOW + 3000);
    assert_int_equal(breaker_wait_ms(&breaker, NOW + 3000), 0);
    tell(&breaker, 1, BREAKER_BAD, NOW + 3000);
    assert_true(breaker_wait_ms(&breaker, NOW + 3000) > 0);
}

static void what_is_older_than_the_window_does_not_count(void **state)
{
    (void)state;
    struct breaker breaker = {0};
    tell(&breaker, 4, BREAKER_BAD, NOW);
    tell(&breaker, 1, BREAKER_GOOD, NOW);
    tell(&breaker, 1, BREAKER_BAD, NOW + 10000);
    assert_int_equal(breaker_wait_ms(&breaker, NOW + 10000), 0);
    breaker = (struct breaker){0};
    for (unsigned i = 0; i < 4; i++)
        tell(&breaker, 1, BREAKER_BAD, NOW + i * 2000);
    tell(&breaker, 1, BREAKER_BAD, NOW + 9000);
    assert_true(breaker_wait_ms(&breaker, NOW + 9000) > 0);
}

static void five_in_a_row_open_it_in_however_long_a_time(void **state)
{
    (void)state;
    struct breaker breaker = {0};
    for (unsigned i = 0; i < 4; i++)
        tell(&breaker, 1, BREAKER_BAD, NOW + i * 280000);
    assert_int_equal(breaker_wait_ms(&breaker, NOW + 4 * 280000), 0);
    tell(&breaker, 1, BREAKER_GOOD, NOW + 4 * 280000);
    for (unsigned i = 0; i < 4; i++)
        tell(&breaker, 1, BREAKER_BAD, NOW + (5 + i) * 280000);
    assert_int_equal(breaker_wait_ms(&breaker, NOW + 9 * 280000), 0);
    tell(&breaker, 1, BREAKER_BAD, NOW + 9 * 280000);
    assert_true(breaker_wait_ms(&breaker, NOW + 9 * 280000) > 0);
}

/* Opens one at NOW without a spread (random in the middle of it). */
static struct breaker opened(void)
{
    struct breaker breaker = {0};
    for (unsigned i = 0; i < 5; i++)
        breaker_tell(&breaker, BREAKER_BAD, false, NOW, 400);
    assert_int_equal(breaker_wait_ms(&breaker, NOW), 2000);
    return breaker;
}

static void one_alone_probes_and_a_good_one_closes(void **state)
{
    (void)state;
    struct breaker breaker = opened();
    assert_int_equal(breaker_wait_ms(&breaker, NOW + 1999), 1);
    assert_int_equal(breaker_wait_ms(&breaker, NOW + 2000), 0);
    assert_true(breaker_ask(&breaker));
    assert_true(breaker_wait_ms(&breaker, NOW + 2000) > 0);
    tell(&breaker, 9, BREAKER_GOOD, NOW + 2100); /* who began before it opened */
    assert_true(breaker_wait_ms(&breaker, NOW + 2100) > 0);
    breaker_tell(&breaker, BREAKER_GOOD, true, NOW + 2200, 0);
    assert_int_equal(breaker_wait_ms(&breaker, NOW + 2200), 0);
    assert_false(breaker_ask(&breaker));
    tell(&breaker, 4, BREAKER_BAD, NOW + 2300);
    assert_int_equal(breaker_wait_ms(&breaker, NOW + 2300), 0);
}

static void bad_probes_double_the_wait_up_to_its_most(void **state)
{
    (void)state;
    struct breaker breaker = opened();
    static const int64_t waits[] = {4000, 8000, 8000};
    int64_t now = NOW + 2000;
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        assert_true(breaker_ask(&breaker));
        breaker_tell(&breaker, BREAKER_BAD, true, now, (uint64_t)waits[i] / 5);
        assert_int_equal(breaker_wait_ms(&breaker, now), waits[i]);
        now += waits[i];
    }
}

static void probe_of_which_nothing_is_known_leaves_it_to_the_next(void **state)
{
    (void)state;
    struct breaker breaker = opened();
    assert_true(breaker_ask(&breaker));
    breaker_tell(&breaker, BREAKER_NOTHING, true, NOW + 2000, 0);
    assert_int_equal(breaker_wait_ms(&breaker, NOW + 2000), 0);
    assert_true(breaker_ask(&breaker));
}

static void waits_are_spread_by_a_fifth(void **state)
{
    (void)state;
    int64_t least = INT64_MAX, most = 0;
    for (uint64_t random = 0; random < 5000; random++) {
        struct breaker breaker = {0};
        for (unsigned i = 0; i < 5; i++)
            breaker_tell(&breaker, BREAKER_BAD, false, NOW, random);
        int64_t wait = breaker_wait_ms(&breaker, NOW);
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    assert_int_equal(least, 1600);
    assert_int_equal(most, 2400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_at_five_failures_that_are_half_of_all),
        cmocka_unit_test(what_is_older_than_the_window_does_not_count),
        cmocka_unit_test(five_in_a_row_open_it_in_however_long_a_time),
        cmocka_unit_test(one_alone_probes_and_a_good_one_closes),
        cmocka_unit_test(bad_probes_double_the_wait_up_to_its_most),
        cmocka_unit_test(probe_of_which_nothing_is_known_leaves_it_to_the_next),
        cmocka_unit_test(waits_are_spread_by_a_fifth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
