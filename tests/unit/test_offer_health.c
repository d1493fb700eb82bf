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

static struct provider two = {.name = name,
                              .enabled = true,
                              .breaker = true,
                              .keys = {{.mark = 11}, {.mark = 22}},
                              .key_count = 2};
static const struct offer offer_two = {.provider = &two, .upstream_model = model_a};

static int up(void **state)
{
    struct offer_healths *healths = offer_healths_new();
    *state = healths;
    provider.breaker = true;
    two.keys[0].mark = 11;
    two.keys[1].mark = 22;
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
    return offer_standing(healths, (struct offer_ask){offer, OFFER_ANY_KEY}, now_ms, wait_ms);
}

static void meet(struct offer_healths *healths, enum fault fault, int64_t retry_after_ms)
{
    struct failure failure = {.fault = fault, .retry_after_ms = retry_after_ms};
    struct offer_turn turn;
    assert_true(
        offer_turn_begin(healths, (struct offer_ask){&offer_a, OFFER_ANY_KEY}, NOW, 0, &turn));
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
    assert_true(
        offer_turn_begin(healths, (struct offer_ask){&offer_a, OFFER_ANY_KEY}, NOW, 0, &turn));
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
    assert_true(
        offer_turn_begin(healths, (struct offer_ask){&offer_a, OFFER_ANY_KEY}, later, 0, &probe));
    assert_false(
        offer_turn_begin(healths, (struct offer_ask){&offer_a, OFFER_ANY_KEY}, later, 0, &other));
    assert_int_equal(standing(healths, &offer_a, later, &wait), PLAN_OPEN);
    offer_turn_end(healths, &probe); /* its client has gone */
    assert_true(
        offer_turn_begin(healths, (struct offer_ask){&offer_a, OFFER_ANY_KEY}, later, 0, &probe));
    offer_turn_good(healths, &probe, later);
    offer_turn_end(healths, &probe);
    assert_true(
        offer_turn_begin(healths, (struct offer_ask){&offer_a, OFFER_ANY_KEY}, later, 0, &other));
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

/* --- several keys ------------------------------------------------------------------------------
 */

/* With the key that comes out of `random`. */
static unsigned meet_two(struct offer_healths *healths, uint64_t random, enum fault fault,
                         bool *other)
{
    struct failure failure = {.fault = fault, .retry_after_ms = 7000};
    struct offer_turn turn;
    assert_true(offer_turn_begin(healths, (struct offer_ask){&offer_two, OFFER_ANY_KEY}, NOW,
                                 random, &turn));
    *other = offer_turn_has_other_key(healths, &turn, &offer_two, &failure, NOW);
    unsigned key = turn.key;
    offer_turn_failed(healths, &turn, &failure, NOW, 0);
    offer_turn_end(healths, &turn);
    return key;
}

static void refused_key_rests_alone(void **state)
{
    static const enum fault faults[] = {FAULT_UPSTREAM_ACCOUNT, FAULT_UPSTREAM_RATE_LIMITED};
    static const enum plan_standing wanted[] = {PLAN_LAST, PLAN_COOLING};
    struct offer_healths *healths = *state;
    int64_t wait;
    bool other;
    for (unsigned i = 0; i < 2; i++) {
        two.keys[1].mark = 22 + i; /* the second round has another key in its place */
        assert_int_equal(meet_two(healths, 1, faults[i], &other), 1);
        assert_true(other);
        assert_int_equal(standing(healths, &offer_two, NOW, &wait), PLAN_FREE);
        assert_int_equal(offer_key_standing(healths, &offer_two, 1, NOW, &wait), wanted[i]);
        assert_int_equal(offer_key_standing(healths, &offer_two, 0, NOW, &wait), PLAN_FREE);
        for (uint64_t random = 0; random < 4; random++) {
            struct offer_turn turn;
            assert_true(offer_turn_begin(healths, (struct offer_ask){&offer_two, OFFER_ANY_KEY},
                                         NOW, random, &turn));
            assert_int_equal(turn.key, 0);
            offer_turn_end(healths, &turn);
        }
    }
    assert_int_equal(meet_two(healths, 0, FAULT_UPSTREAM_RATE_LIMITED, &other), 0);
    assert_false(other);
    assert_int_equal(standing(healths, &offer_two, NOW, &wait), PLAN_COOLING);
    assert_int_equal(wait, 7000);
    two.keys[0].mark = 33;
    assert_int_equal(standing(healths, &offer_two, NOW, &wait), PLAN_FREE);
}

/* A reload has put another key in its place, which others ask with already. */
static void late_word_of_a_replaced_key_is_not_about_the_new_one(void **state)
{
    static const enum fault faults[] = {FAULT_UPSTREAM_ACCOUNT, FAULT_UPSTREAM_RATE_LIMITED};
    struct offer_healths *healths = *state;
    const struct offer_ask ask = {&offer_two, OFFER_ANY_KEY};
    struct offer_turn old;
    int64_t wait;
    bool other;
    for (unsigned i = 0; i < 2; i++) {
        struct failure failure = {.fault = faults[i], .retry_after_ms = 7000};
        assert_true(offer_turn_begin(healths, ask, NOW, 0, &old));
        two.keys[0].mark = 33 + i;
        struct offer_turn fresh;
        assert_true(offer_turn_begin(healths, ask, NOW, 0, &fresh));
        assert_int_equal(fresh.key, old.key);
        offer_turn_end(healths, &fresh);
        offer_turn_failed(healths, &old, &failure, NOW, 0);
        offer_turn_end(healths, &old);
        assert_int_equal(offer_key_standing(healths, &offer_two, 0, NOW, &wait), PLAN_FREE);
    }
    assert_true(offer_turn_begin(healths, ask, NOW, 0, &old));
    two.keys[0].mark = 44;
    (void)meet_two(healths, 0, FAULT_UPSTREAM_ACCOUNT, &other);
    offer_turn_good(healths, &old, NOW);
    offer_turn_end(healths, &old);
    assert_int_equal(offer_key_standing(healths, &offer_two, 0, NOW, &wait), PLAN_LAST);
}

static void refused_key_does_not_stand_in_for_one_that_limits(void **state)
{
    struct offer_healths *healths = *state;
    int64_t wait;
    bool other;
    (void)meet_two(healths, 0, FAULT_UPSTREAM_ACCOUNT, &other);
    (void)meet_two(healths, 0, FAULT_UPSTREAM_RATE_LIMITED, &other);
    assert_int_equal(standing(healths, &offer_two, NOW, &wait), PLAN_COOLING);
    assert_int_equal(wait, 7000);
    assert_int_equal(offer_key_standing(healths, &offer_two, 0, NOW, &wait), PLAN_LAST);
    assert_int_equal(wait, 300000);
    assert_int_equal(standing(healths, &offer_two, NOW + 7000, &wait), PLAN_FREE);
}

static void what_is_no_fault_of_the_key_concerns_the_offer(void **state)
{
    struct offer_healths *healths = *state;
    int64_t wait;
    bool other;
    (void)meet_two(healths, 0, FAULT_UPSTREAM_OVERLOADED, &other);
    assert_false(other);
    assert_int_equal(standing(healths, &offer_two, NOW, &wait), PLAN_OPEN);
    assert_int_equal(wait, 7000);
}

static void first_key_alone_is_for_what_it_has_made(void **state)
{
    struct offer_healths *healths = *state;
    struct offer_turn turn;
    int64_t wait = 0;
    bool other;
    assert_int_equal(meet_two(healths, 0, FAULT_UPSTREAM_RATE_LIMITED, &other), 0);
    assert_int_equal(
        offer_standing(healths, (struct offer_ask){&offer_two, OFFER_FIRST_KEY}, NOW, &wait),
        PLAN_COOLING);
    assert_int_equal(wait, 7000);
    assert_true(
        offer_turn_begin(healths, (struct offer_ask){&offer_two, OFFER_FIRST_KEY}, NOW, 1, &turn));
    assert_int_equal(turn.key, 0);
    offer_turn_end(healths, &turn);
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
        TEST(refused_key_rests_alone),
        TEST(refused_key_does_not_stand_in_for_one_that_limits),
        TEST(late_word_of_a_replaced_key_is_not_about_the_new_one),
        TEST(what_is_no_fault_of_the_key_concerns_the_offer),
        TEST(first_key_alone_is_for_what_it_has_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
