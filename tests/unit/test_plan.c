#include "relay/plan.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/check.h"

static struct provider providers[6];

/* How the offers of each provider stand, and for how long. */
static enum plan_standing standings[6];
static int64_t waits[6];

static enum plan_standing look(void *context, const struct offer *offer, int64_t *wait_ms)
{
    size_t at = (size_t)(offer->provider - providers);
    assert_null(context);
    *wait_ms = waits[at];
    return standings[at];
}

static const struct plan_view view = {.look = look};

static enum plan_standing look_free(void *context, const struct offer *offer, int64_t *wait_ms)
{
    (void)context;
    (void)offer;
    (void)wait_ms;
    return PLAN_FREE;
}

static const struct plan_view all_free = {.look = look_free};

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(providers); i++)
        providers[i] = (struct provider){.enabled = true};
    memset(standings, 0, sizeof standings);
    memset(waits, 0, sizeof waits);
    return 0;
}

static struct offer offer_of(unsigned provider, int priority, int weight)
{
    return (struct offer){.provider = &providers[provider], .priority = priority, .weight = weight};
}

static struct model model_of(struct offer *offers, unsigned n)
{
    return (struct model){.offers = offers, .offer_count = n};
}

static void offers_come_by_priority_and_each_provider_once(void **state)
{
    (void)state;
    struct offer offers[] = {offer_of(0, 30, 1), offer_of(1, 10, 1), offer_of(1, 20, 9),
                             offer_of(2, 20, 1), offer_of(0, 5, 1)};
    struct model model = model_of(offers, COUNT(offers));
    for (uint64_t random = 0; random < 100; random++) {
        struct plan plan;
        plan_make(&plan, &model, random, &all_free);
        assert_int_equal(plan.count, 3);
        assert_ptr_equal(plan_next(&plan), &offers[4]);
        assert_ptr_equal(plan_next(&plan), &offers[1]);
        assert_ptr_equal(plan_next(&plan), &offers[3]);
        assert_null(plan_next(&plan));
        assert_null(plan_next(&plan));
    }
}

static void disabled_providers_are_left_out(void **state)
{
    (void)state;
    struct offer offers[] = {offer_of(0, 1, 5), offer_of(1, 1, 5), offer_of(2, 2, 5)};
    struct model model = model_of(offers, COUNT(offers));
    struct plan plan;
    providers[0].enabled = false;
    for (uint64_t random = 0; random < 50; random++) {
        plan_make(&plan, &model, random, &all_free);
        assert_int_equal(plan.count, 2);
        assert_ptr_equal(plan.offers[0], &offers[1]);
        assert_ptr_equal(plan.offers[1], &offers[2]);
    }
    providers[1].enabled = providers[2].enabled = false;
    plan_make(&plan, &model, 1, &all_free);
    assert_int_equal(plan.count, 0);
    assert_null(plan_next(&plan));
}

static void plan_is_no_longer_than_its_tries(void **state)
{
    (void)state;
    struct offer offers[] = {offer_of(0, 1, 1), offer_of(1, 1, 1), offer_of(2, 1, 1),
                             offer_of(3, 1, 1), offer_of(4, 0, 1), offer_of(5, -2, 1)};
    struct model model = model_of(offers, COUNT(offers));
    struct plan plan;
    plan_make(&plan, &model, 99, &all_free);
    assert_int_equal(plan.count, PLAN_TRIES_MAX);
    assert_ptr_equal(plan.offers[0], &offers[5]);
    assert_ptr_equal(plan.offers[1], &offers[4]);
    assert_true(plan.offers[2] >= &offers[0] && plan.offers[2] <= &offers[3]);
}

static uint64_t random_of(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void weights_share_the_load(void **state)
{
    (void)state;
    enum { RUNS = 60000 };
    struct offer offers[] = {offer_of(0, 1, 1), offer_of(1, 1, 2), offer_of(2, 1, 3),
                             offer_of(3, 2, 1000)};
    struct model model = model_of(offers, COUNT(offers));
    unsigned first[4] = {0}, second_after_2[4] = {0};
    uint64_t seed = 12345;
    for (unsigned run = 0; run < RUNS; run++) {
        struct plan plan;
        plan_make(&plan, &model, random_of(&seed), &all_free);
        assert_int_equal(plan.count, 3);
        first[plan.offers[0] - offers]++;
        if (plan.offers[0] == &offers[2])
            second_after_2[plan.offers[1] - offers]++;
    }
    assert_int_equal(first[3], 0);
    assert_in_range(first[0], RUNS / 6 * 95 / 100, RUNS / 6 * 105 / 100);
    assert_in_range(first[1], RUNS / 3 * 95 / 100, RUNS / 3 * 105 / 100);
    assert_in_range(first[2], RUNS / 2 * 95 / 100, RUNS / 2 * 105 / 100);
    assert_in_range(second_after_2[0], RUNS / 6 * 90 / 100, RUNS / 6 * 110 / 100);
    assert_in_range(second_after_2[1], RUNS / 3 * 95 / 100, RUNS / 3 * 105 / 100);
}

static void tried_offer_may_come_again_where_no_other_loses_its_try(void **state)
{
    (void)state;
    struct offer offers[] = {offer_of(0, 1, 1), offer_of(1, 2, 1), offer_of(2, 3, 1)};
    struct model model = model_of(offers, 2);
    struct plan plan;
    plan_make(&plan, &model, 1, &all_free);
    assert_ptr_equal(plan_next(&plan), &offers[0]);
    assert_true(plan_again(&plan));
    assert_ptr_equal(plan_next(&plan), &offers[0]);
    assert_false(plan_again(&plan));
    assert_ptr_equal(plan_next(&plan), &offers[1]);
    assert_null(plan_next(&plan));
    plan_make(&plan, &model, 1, &all_free);
    assert_ptr_equal(plan_next(&plan), &offers[0]);
    assert_ptr_equal(plan_next(&plan), &offers[1]);
    assert_true(plan_again(&plan));
    assert_ptr_equal(plan_next(&plan), &offers[1]);
    assert_null(plan_next(&plan));
    model.offer_count = 3;
    plan_make(&plan, &model, 1, &all_free);
    assert_ptr_equal(plan_next(&plan), &offers[0]);
    assert_false(plan_again(&plan));
}

static void huge_weights_do_not_overflow(void **state)
{
    (void)state;
    struct offer offers[] = {offer_of(0, 1, INT32_MAX), offer_of(1, 1, INT32_MAX),
                             offer_of(2, 1, INT32_MAX)};
    struct model model = model_of(offers, COUNT(offers));
    unsigned first[3] = {0};
    uint64_t seed = 7;
    for (unsigned run = 0; run < 3000; run++) {
        struct plan plan;
        plan_make(&plan, &model, random_of(&seed), &all_free);
        assert_int_equal(plan.count, 3);
        first[plan.offers[0] - offers]++;
    }
    for (size_t i = 0; i < 3; i++)
        assert_in_range(first[i], 800, 1200);
}

static void pinned_plan_is_the_offer_at_its_provider(void **state)
{
    (void)state;
    static char one[] = "one", two[] = "two", three[] = "three";
    struct offer offers[] = {offer_of(0, 1, 5), offer_of(1, 9, 1), offer_of(1, 2, 1)};
    struct model model = model_of(offers, COUNT(offers));
    struct plan plan;
    providers[0].name = one;
    providers[1].name = two;
    assert_int_equal(plan_pin(&plan, &model, two, &all_free), PLAN_MADE);
    assert_ptr_equal(plan_next(&plan), &offers[1]);
    assert_null(plan_next(&plan));
    assert_int_equal(plan_pin(&plan, &model, three, &all_free), PLAN_ELSEWHERE);
    assert_null(plan_next(&plan));
    providers[1].enabled = false;
    assert_int_equal(plan_pin(&plan, &model, two, &all_free), PLAN_DISABLED);
    assert_null(plan_next(&plan));
}

static void who_fails_or_limits_is_passed_over_and_who_refuses_is_the_last(void **state)
{
    (void)state;
    struct offer offers[] = {offer_of(0, 1, 1), offer_of(1, 2, 1), offer_of(2, 3, 1),
                             offer_of(3, 4, 1), offer_of(4, 5, 1)};
    struct model model = model_of(offers, COUNT(offers));
    struct plan plan;
    standings[0] = PLAN_LAST;
    standings[1] = PLAN_OPEN;
    standings[2] = PLAN_COOLING;
    waits[1] = 700;
    waits[2] = 300;
    plan_make(&plan, &model, 1, &view);
    assert_int_equal(plan.count, 3);
    assert_ptr_equal(plan.offers[0], &offers[3]);
    assert_ptr_equal(plan.offers[1], &offers[4]);
    assert_ptr_equal(plan.offers[2], &offers[0]);
    assert_int_equal(plan.open, 1);
    assert_int_equal(plan.cooling, 1);
    assert_int_equal(plan.soonest_ms, 300);
    standings[0] = standings[3] = standings[4] = PLAN_COOLING;
    standings[1] = PLAN_COOLING;
    waits[0] = waits[3] = waits[4] = 900;
    plan_make(&plan, &model, 1, &view);
    assert_int_equal(plan.count, 0);
    assert_int_equal(plan.open, 0);
    assert_int_equal(plan.cooling, 5);
    assert_int_equal(plan.soonest_ms, 300);
}

static void pinned_offer_is_passed_over_like_others(void **state)
{
    (void)state;
    static char one[] = "one";
    struct offer offers[] = {offer_of(0, 1, 5)};
    struct model model = model_of(offers, COUNT(offers));
    struct plan plan;
    providers[0].name = one;
    standings[0] = PLAN_OPEN;
    waits[0] = 50;
    assert_int_equal(plan_pin(&plan, &model, one, &view), PLAN_MADE);
    assert_int_equal(plan.count, 0);
    assert_int_equal(plan.open, 1);
    assert_int_equal(plan.soonest_ms, 50);
    standings[0] = PLAN_LAST;
    assert_int_equal(plan_pin(&plan, &model, one, &view), PLAN_MADE);
    assert_int_equal(plan.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(offers_come_by_priority_and_each_provider_once, set_up),
        cmocka_unit_test_setup(disabled_providers_are_left_out, set_up),
        cmocka_unit_test_setup(plan_is_no_longer_than_its_tries, set_up),
        cmocka_unit_test_setup(weights_share_the_load, set_up),
        cmocka_unit_test_setup(tried_offer_may_come_again_where_no_other_loses_its_try, set_up),
        cmocka_unit_test_setup(huge_weights_do_not_overflow, set_up),
        cmocka_unit_test_setup(pinned_plan_is_the_offer_at_its_provider, set_up),
        cmocka_unit_test_setup(who_fails_or_limits_is_passed_over_and_who_refuses_is_the_last,
                               set_up),
        cmocka_unit_test_setup(pinned_offer_is_passed_over_like_others, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
