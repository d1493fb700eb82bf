#include "base/timer.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/check.h"

#define MANY 20000

static struct timers timers;
static size_t fired;

struct item {
    struct timer timer;
    int order; /* of firing, from 1; 0 = not fired */
    struct item *other;
};

static void note(struct timer *timer)
{
    struct item *item = CONTAINER_OF(timer, struct item, timer);
    assert_false(timer->armed);
    item->order = (int)++fired;
}

static int set_up(void **state)
{
    (void)state;
    timers = (struct timers){NULL};
    fired = 0;
    return 0;
}

static void run_fires_only_what_is_due_and_in_order(void **state)
{
    (void)state;
    struct item items[4] = {{.order = 0}};
    static const int64_t at[] = {30, 10, 20, 41};
    assert_int_equal(timers_wait_ms(&timers, 0), -1);
    for (size_t i = 0; i < COUNT(items); i++) {
        timer_init(&items[i].timer, note);
        timer_arm(&timers, &items[i].timer, at[i]);
    }
    assert_int_equal(timers_wait_ms(&timers, 4), 6);
    assert_int_equal(timers_wait_ms(&timers, 10), 0);
    assert_int_equal(timers_wait_ms(&timers, 11), 0);
    timers_run(&timers, 9);
    assert_int_equal(fired, 0);
    timers_run(&timers, 40);
    assert_int_equal(fired, 3);
    assert_int_equal(items[1].order, 1);
    assert_int_equal(items[2].order, 2);
    assert_int_equal(items[0].order, 3);
    assert_true(items[3].timer.armed);
    timers_run(&timers, 41);
    assert_int_equal(items[3].order, 4);
    assert_int_equal(timers_wait_ms(&timers, 41), -1);
}

static void far_deadline_fits_an_int(void **state)
{
    (void)state;
    struct item item = {.order = 0};
    timer_init(&item.timer, note);
    timer_arm(&timers, &item.timer, INT64_MAX);
    assert_true(timers_wait_ms(&timers, 0) > 0);
}

static void rearm_moves_the_deadline(void **state)
{
    (void)state;
    struct item item = {.order = 0};
    timer_init(&item.timer, note);
    timer_arm(&timers, &item.timer, 10);
    timer_arm(&timers, &item.timer, 50);
    timers_run(&timers, 49);
    assert_int_equal(fired, 0);
    timer_arm(&timers, &item.timer, 20);
    timers_run(&timers, 49);
    assert_int_equal(fired, 1);
}

static void disarm_of_an_idle_timer_does_nothing(void **state)
{
    (void)state;
    struct item item = {.order = 0};
    timer_init(&item.timer, note);
    timer_disarm(&timers, &item.timer);
    timer_arm(&timers, &item.timer, 1);
    timer_disarm(&timers, &item.timer);
    timer_disarm(&timers, &item.timer);
    timers_run(&timers, 5);
    assert_int_equal(fired, 0);
}

static void arm_again_at_once(struct timer *timer)
{
    note(timer);
    timer_arm(&timers, timer, 0);
}

static void timer_armed_while_firing_waits_for_the_next_run(void **state)
{
    (void)state;
    struct item item = {.order = 0};
    timer_init(&item.timer, arm_again_at_once);
    timer_arm(&timers, &item.timer, 1);
    timers_run(&timers, 5);
    assert_int_equal(fired, 1);
    assert_int_equal(timers_wait_ms(&timers, 5), 0);
    timers_run(&timers, 5);
    assert_int_equal(fired, 2);
}

static void disarm_other(struct timer *timer)
{
    note(timer);
    timer_disarm(&timers, &CONTAINER_OF(timer, struct item, timer)->other->timer);
}

static void push_back_other(struct timer *timer)
{
    note(timer);
    timer_arm(&timers, &CONTAINER_OF(timer, struct item, timer)->other->timer, 100);
}

static void due_timer_disarmed_by_another_does_not_fire(void **state)
{
    (void)state;
    struct item items[3] = {{.order = 0}};
    timer_init(&items[0].timer, disarm_other);
    items[0].other = &items[1];
    timer_init(&items[1].timer, note);
    timer_init(&items[2].timer, note);
    for (int i = 0; i < 3; i++)
        timer_arm(&timers, &items[i].timer, i);
    timers_run(&timers, 5);
    assert_int_equal(items[1].order, 0);
    assert_false(items[1].timer.armed);
    assert_int_equal(items[2].order, 2);
    assert_int_equal(timers_wait_ms(&timers, 5), -1);
}

static void due_timer_rearmed_by_another_fires_later(void **state)
{
    (void)state;
    struct item items[2] = {{.order = 0}};
    timer_init(&items[0].timer, push_back_other);
    items[0].other = &items[1];
    timer_init(&items[1].timer, note);
    timer_arm(&timers, &items[0].timer, 1);
    timer_arm(&timers, &items[1].timer, 2);
    timers_run(&timers, 5);
    assert_int_equal(items[1].order, 0);
    assert_int_equal(timers_wait_ms(&timers, 5), 95);
    timers_run(&timers, 100);
    assert_int_equal(items[1].order, 2);
}

/* The smallest generator that mixes well enough: the sequence is the same in every run. */
static uint32_t next_number(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

static void many_timers_fire_in_order_whatever_is_disarmed(void **state)
{
    (void)state;
    struct item *items = calloc(MANY, sizeof *items);
    assert_non_null(items);
    uint32_t seed = 1;
    size_t expected = 0;
    for (size_t i = 0; i < MANY; i++) {
        timer_init(&items[i].timer, note);
        timer_arm(&timers, &items[i].timer, next_number(&seed) % 1000);
        if (i % 3 == 0) {
            struct item *victim = &items[next_number(&seed) % (i + 1)];
            timer_disarm(&timers, &victim->timer);
        }
        if (i % 5 == 0)
            timer_arm(&timers, &items[next_number(&seed) % (i + 1)].timer,
                      next_number(&seed) % 1000);
    }
    for (size_t i = 0; i < MANY; i++)
        expected += items[i].timer.armed;
    for (int64_t now = 0; now < 1000; now += 100) {
        timers_run(&timers, now);
        for (size_t i = 0; i < MANY; i++)
            assert_true(!items[i].timer.armed || items[i].timer.at_ms > now);
    }
    timers_run(&timers, 1000);
    assert_int_equal(fired, expected);
    int64_t *deadlines = calloc(MANY + 1, sizeof *deadlines);
    assert_non_null(deadlines);
    for (size_t i = 0; i < MANY; i++)
        deadlines[items[i].order] = items[i].timer.at_ms;
    for (size_t i = 2; i <= expected; i++)
        assert_true(deadlines[i - 1] <= deadlines[i]);
    free(deadlines);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(run_fires_only_what_is_due_and_in_order, set_up),
        cmocka_unit_test_setup(far_deadline_fits_an_int, set_up),
        cmocka_unit_test_setup(rearm_moves_the_deadline, set_up),
        cmocka_unit_test_setup(disarm_of_an_idle_timer_does_nothing, set_up),
        cmocka_unit_test_setup(timer_armed_while_firing_waits_for_the_next_run, set_up),
        cmocka_unit_test_setup(due_timer_disarmed_by_another_does_not_fire, set_up),
        cmocka_unit_test_setup(due_timer_rearmed_by_another_fires_later, set_up),
        cmocka_unit_test_setup(many_timers_fire_in_order_whatever_is_disarmed, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
