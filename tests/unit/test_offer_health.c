#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "relay/offer_health.h"

#define NOW INT64_C(1000000)

static char name[] = "p", model_a[] = "a", model_b[] = "b";
static struct provider provider = {.name = name, .enabled = true, .breaker = true};
static const struct offer offer_a = {.provider = &provider, .upstream_model = model_a},
                          offer_b = {.provider = &provider, .upstream_model = model_b};

static int up(void **state)
{
    struct offer_healths *healths = offer_healths_new();
    *state = healths;
    provider.breaker = true;
    return healths == NULL;
}

static int down(void **state)
{
    struct offer_healths *healths = *state;
    offer_healths_free(&healths);
    return 0;
}

static enum plan_standing standing(struct offer_healths *healths, const struct offer *offer,
                                   int64_t now_ms, int64_t *wait_ms)
{
    *wait_ms = 0;
    return offer_standing(healths, offer, now_ms, wait_ms);
}

static void meet(struct offer_healths *healths, enum fault fault, int64_t retry_after_ms)
{
    struct failure failure = {.fault = fault, .retry_after_ms = retry_after_ms};
    struct offer_turn turn;
    assert_true(offer_turn_begin(healths, &offer_a, NOW, &turn));
    offer_turn_failed(healths, &turn, &failure, NOW, 0);
    offer_turn_end(healths, &turn);
}

static void limit_cools_one_model_for_as_long_as_it_says(void **state)
{
    struct offer_healths *healths = *state;
    int64_t wait;
    meet(healths, FAULT_UPSTREAM_RATE_LIMITED, 7000);
    assert_int_equal(standing(healths, &offer_a, NOW, &wait), PLAN_COOLING);
    assert_int_equal(wait, 7000);
    assert_int_equal(standing(healths, &offer_b, NOW, &wait), PLAN_FREE);
    assert_int_equal(standing(healths, &offer_a, NOW + 7000, &wait), PLAN_FREE);
    meet(healths, FAULT_UPSTREAM_RATE_LIMITED, 3);
    assert_int_equal(standing(healths, &offer_a, NOW + 6999, &wait), PLAN_COOLING);
    meet(healths, FAULT_UPSTREAM_RATE_LIMITED, INT64_C(3600000));
    assert_int_equal(standing(healths, &offer_a, NOW, &wait), PLAN_COOLING);
    assert_int_equal(wait, 300000);
    provider.breaker = false;
    assert_int_equal(standing(healths, &offer_a, NOW, &wait), PLAN_FREE);
}

static void server_that_names_a_time_is_left_alone_until_then(void **state)
{
    struct offer_healths *healths = *state;
    int64_t wait;
    meet(healths, FAULT_UPSTREAM_OVERLOADED, 2000);
    assert_int_equal(standing(healths, &offer_a, NOW, &wait), PLAN_OPEN);
    assert_int_equal(wait, 2000);
    assert_int_equal(standing(healths, &offer_a, NOW + 2000, &wait), PLAN_FREE);
}

static void refused_account_is_the_last_resort_until_it_is_good(void **state)
{
    struct offer_healths *healths = *state;
    struct offer_turn turn;
    int64_t wait;
    meet(healths, FAULT_UPSTREAM_ACCOUNT, 0);
    assert_int_equal(standing(healths, &offer_a, NOW, &wait), PLAN_LAST);
    assert_int_equal(standing(healths, &offer_a, NOW + 300000, &wait), PLAN_FREE);
    assert_true(offer_turn_begin(healths, &offer_a, NOW, &turn));
    offer_turn_good(healths, &turn, NOW);
    offer_turn_end(healths, &turn);
    assert_int_equal(standing(healths, &offer_a, NOW, &wait), PLAN_FREE);
}

static void fifth_failure_opens_and_one_alone_may_probe(void **state)
{
    struct offer_healths *healths = *state;
    struct offer_turn probe, other;
    int64_t wait, later;
    for (unsigned i = 0; i < 5; i++)
        meet(healths, FAULT_UPSTREAM_UNREACHABLE, 0);
    assert_int_equal(standing(healths, &offer_a, NOW, &wait), PLAN_OPEN);
    later = NOW + wait;
    assert_int_equal(standing(healths, &offer_a, later, &wait), PLAN_FREE);
    assert_true(offer_turn_begin(healths, &offer_a, later, &probe));
    assert_false(offer_turn_begin(healths, &offer_a, later, &other));
    assert_int_equal(standing(healths, &offer_a, later, &wait), PLAN_OPEN);
    offer_turn_end(healths, &probe); /* its client has gone */
    assert_true(offer_turn_begin(healths, &offer_a, later, &probe));
    offer_turn_good(healths, &probe, later);
    offer_turn_end(healths, &probe);
    assert_true(offer_turn_begin(healths, &offer_a, later, &other));
    offer_turn_end(healths, &other);
}

static void mistake_of_the_caller_says_that_it_is_well(void **state)
{
    struct offer_healths *healths = *state;
    int64_t wait;
    for (unsigned i = 0; i < 6; i++)
        meet(healths, FAULT_UPSTREAM_PARAMETER, 0);
    for (unsigned i = 0; i < 5; i++)
        meet(healths, FAULT_UPSTREAM_TIMEOUT, 0);
    assert_int_equal(standing(healths, &offer_a, NOW, &wait), PLAN_FREE);
    meet(healths, FAULT_UPSTREAM_TIMEOUT, 0);
    assert_int_equal(standing(healths, &offer_a, NOW, &wait), PLAN_OPEN);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(limit_cools_one_model_for_as_long_as_it_says),
        TEST(server_that_names_a_time_is_left_alone_until_then),
        TEST(refused_account_is_the_last_resort_until_it_is_good),
        TEST(fifth_failure_opens_and_one_alone_may_probe),
        TEST(mistake_of_the_caller_says_that_it_is_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
