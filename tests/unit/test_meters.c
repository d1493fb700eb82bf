#include "store/meters.h"

#include "tests/unit/book_fixture.h"

static const struct metered_call ann = {.key_id = KEY,
                                        .user_id = USER,
                                        .group_id = GROUP,
                                        .model = "m1",
                                        .tokens = 100,
                                        .prompt_tokens = 40};

static void set_limit(enum limit_scope scope, int64_t owner, const char *model,
                      enum limit_metric metric, const char *amount)
{
    struct limit limit = {.scope = scope, .owner = owner, .metric = metric};
    snprintf(limit.model, sizeof limit.model, "%s", model);
    assert_true(limit_amount_parse(str_of(amount), metric, &limit.size));
    book_lock(book);
    assert_true(meters_set(book_meters(book), &limit));
    book_unlock(book);
}

static void remove_limit(enum limit_scope scope, int64_t owner, enum limit_metric metric,
                         int64_t period_us)
{
    struct limit limit = {.scope = scope, .owner = owner, .metric = metric};
    limit.size.period_us = period_us;
    book_lock(book);
    meters_remove(book_meters(book), &limit);
    book_unlock(book);
}

/* One request after the other, each ended at once: how many pass, up to `most`. */
static unsigned passes(const struct metered_call *call, unsigned most)
{
    unsigned n = 0;
    for (; n < most; n++) {
        struct metered metered = {.n = 0};
        struct admission found = {0};
        if (book_take_turn(book, call, &metered, &found) != FAULT_NONE)
            break;
        book_end_turn(book, &metered, call->tokens);
    }
    return n;
}

static enum fault fault_for(const struct metered_call *call, struct limit_refusal *refusal)
{
    *refusal = (struct limit_refusal){.wait_us = 0};
    return book_try_turn(book, call, refusal);
}

static unsigned meter_count(void)
{
    return meters_count(book_meters(book));
}

/* --- whose ---------------------------------------------------------------------------------- */

static void limit_of_each_scope_counts_whom_it_names(void **state)
{
    (void)state;
    struct metered_call bob = ann, other_key = ann, other_group = ann, other_model = ann;
    bob.key_id = bob.user_id = 99;
    other_key.key_id = 98;
    other_group.key_id = 97;
    other_group.group_id = 96;
    other_model.model = "m2";
    const struct {
        enum limit_scope scope;
        int64_t owner;
        const char *model;
        enum fault fault;
        unsigned bob, other_key, other_group, other_model; /* still pass when ann's are used up */
    } rows[] = {
        {LIMIT_key, KEY, "", FAULT_TOKEN_RATE_LIMITED, 5, 5, 5, 0},
        {LIMIT_user, USER, "", FAULT_USER_RATE_LIMITED, 5, 0, 0, 0},
        {LIMIT_group, GROUP, "", FAULT_GROUP_RATE_LIMITED, 0, 0, 5, 0},
        {LIMIT_group_user, GROUP, "", FAULT_USER_RATE_LIMITED, 3, 0, 5, 0},
        {LIMIT_model, 0, "m1", FAULT_MODEL_RATE_LIMITED, 0, 0, 0, 5},
        {LIMIT_key, KEY, "m1", FAULT_TOKEN_RATE_LIMITED, 5, 5, 5, 5},
        {LIMIT_key, 0, "", FAULT_TOKEN_RATE_LIMITED, 3, 3, 3, 0},
        {LIMIT_user, 0, "", FAULT_USER_RATE_LIMITED, 3, 0, 0, 0},
        {LIMIT_group, 0, "", FAULT_GROUP_RATE_LIMITED, 0, 0, 3, 0},
        {LIMIT_group_user, 0, "", FAULT_USER_RATE_LIMITED, 3, 0, 3, 0},
        {LIMIT_model, 0, "", FAULT_MODEL_RATE_LIMITED, 0, 0, 0, 3},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct limit_refusal refusal;
        book_free(&book);
        book = book_new();
        assert_non_null(book);
        set_limit(rows[i].scope, rows[i].owner, rows[i].model, LIMIT_REQUESTS, "3/min");
        assert_int_equal(passes(&ann, 5), 3);
        assert_int_equal(fault_for(&ann, &refusal), rows[i].fault);
        assert_int_equal(refusal.scope, rows[i].scope);
        assert_int_equal(refusal.wait_us, 20000000);
        assert_int_equal(passes(&other_key, 5), rows[i].other_key);
        assert_int_equal(passes(&other_group, 5), rows[i].other_group);
        assert_int_equal(passes(&other_model, 5), rows[i].other_model);
        assert_int_equal(passes(&bob, 5), rows[i].bob);
    }
}

static void limit_of_a_provider_counts_what_it_is_asked(void **state)
{
    (void)state;
    const struct metered_call at_p1 = {.provider = "p1", .model = "m1", .tokens = 100},
                              at_p2 = {.provider = "p2", .model = "m1", .tokens = 100};
    struct limit_refusal refusal;
    struct limit limit = {.scope = LIMIT_provider, .provider = "p1", .metric = LIMIT_TOKENS};
    assert_true(limit_amount_parse(STR("250/min"), LIMIT_TOKENS, &limit.size));
    assert_true(meters_set(book_meters(book), &limit));
    set_limit(LIMIT_model, 0, "m1", LIMIT_REQUESTS, "1/min"); /* not the provider's affair */
    assert_int_equal(passes(&at_p1, 5), 2);
    assert_int_equal(fault_for(&at_p1, &refusal), FAULT_PROVIDERS_COOLING);
    assert_int_equal(refusal.wait_us, 12000000); /* 50 of 250 a minute */
    assert_int_equal(passes(&at_p2, 5), 5);
    assert_int_equal(passes(&ann, 5), 1);
}

static void limit_of_one_s_own_replaces_that_for_each(void **state)
{
    (void)state;
    set_limit(LIMIT_key, 0, "", LIMIT_REQUESTS, "2/min");
    set_limit(LIMIT_key, KEY, "", LIMIT_REQUESTS, "4/min");
    struct metered_call other = ann;
    other.key_id = 1;
    assert_int_equal(passes(&ann, 9), 4);
    assert_int_equal(passes(&other, 9), 2);
    /* Of another period it is another limit. */
    set_limit(LIMIT_key, 0, "", LIMIT_REQUESTS, "1/day");
    clock_set(1000000 + MINUTE_US, NOW);
    assert_int_equal(passes(&ann, 9), 1);
    remove_limit(LIMIT_key, KEY, LIMIT_REQUESTS, MINUTE_US);
    remove_limit(LIMIT_key, 0, LIMIT_REQUESTS, DAY_US);
    assert_int_equal(passes(&ann, 9), 2);
}

/* --- together ------------------------------------------------------------------------------- */

static void refusal_by_one_takes_of_none_and_tells_the_longest_wait(void **state)
{
    (void)state;
    struct limit_refusal refusal;
    set_limit(LIMIT_key, KEY, "", LIMIT_REQUESTS, "5/min");
    set_limit(LIMIT_group, GROUP, "", LIMIT_REQUESTS, "2/min");
    set_limit(LIMIT_user, USER, "", LIMIT_CONCURRENT, "9");
    assert_int_equal(passes(&ann, 9), 2);
    assert_int_equal(fault_for(&ann, &refusal), FAULT_GROUP_RATE_LIMITED);
    assert_int_equal(refusal.wait_us, 30000000);
    remove_limit(LIMIT_group, GROUP, LIMIT_REQUESTS, -1);
    assert_int_equal(passes(&ann, 9), 3); /* five less the two that passed */
    set_limit(LIMIT_group, GROUP, "", LIMIT_REQUESTS, "2/day");
    assert_int_equal(passes(&ann, 2), 0);
    assert_int_equal(fault_for(&ann, &refusal), FAULT_TOKEN_RATE_LIMITED);
    assert_int_equal(refusal.wait_us, 12000000);
}

static void refusal_for_money_takes_of_no_limit(void **state)
{
    (void)state;
    struct key_record key = plain_key(10);
    struct hold hold = {0};
    struct admission found = {0};
    const struct demand dear = {.nusd = 11, .model = "m1", .tokens = 100},
                        cheap = {.nusd = 10, .model = "m1", .tokens = 100};
    set_limit(LIMIT_key, KEY, "", LIMIT_REQUESTS, "1/min");
    set_limit(LIMIT_key, KEY, "", LIMIT_CONCURRENT, "1");
    for (int i = 0; i < 3; i++)
        assert_int_equal(book_admit(book, &key, &dear, &hold, &found), FAULT_INSUFFICIENT_BALANCE);
    assert_int_equal(found.allowances.requests.limit, 1);
    assert_int_equal(found.allowances.requests.remaining, 1);
    assert_int_equal(book_admit(book, &key, &cheap, &hold, &found), FAULT_NONE);
    assert_int_equal(found.allowances.requests.remaining, 0);
    struct hold second = {0};
    /* A limit is told before the money. */
    assert_int_equal(book_admit(book, &key, &dear, &second, &found), FAULT_TOKEN_RATE_LIMITED);
    assert_int_equal(book_held(book), 10);
    book_settle(book, &hold, 0, 0);
    book_unpin(book, &hold);
    close_key(&key);
}

static void allowances_are_those_of_the_tightest_limit(void **state)
{
    (void)state;
    struct admission found = {0};
    struct metered metered = {.n = 0};
    set_limit(LIMIT_key, KEY, "", LIMIT_REQUESTS, "100/min");
    set_limit(LIMIT_user, USER, "", LIMIT_REQUESTS, "3/min");
    set_limit(LIMIT_group, GROUP, "", LIMIT_REQUESTS, "10/day");
    set_limit(LIMIT_key, KEY, "", LIMIT_TOKENS, "1000/min");
    assert_int_equal(book_take_turn(book, &ann, &metered, &found), FAULT_NONE);
    assert_int_equal(found.allowances.requests.limit, 3);
    assert_int_equal(found.allowances.requests.remaining, 2);
    assert_int_equal(found.allowances.requests.reset_us, 20000000);
    assert_int_equal(found.allowances.tokens.limit, 1000);
    assert_int_equal(found.allowances.tokens.remaining, 900);
    assert_int_equal(found.allowances.tokens.reset_us, 6000000);
    book_end_turn(book, &metered, 0);
    const struct metered_call unlimited = {.key_id = 1, .user_id = 1, .group_id = 1};
    assert_int_equal(book_take_turn(book, &unlimited, &metered, &found), FAULT_NONE);
    assert_int_equal(metered.n, 0);
    assert_int_equal(found.allowances.requests.limit, 0);
    assert_int_equal(found.allowances.tokens.limit, 0);
}

/* --- tokens --------------------------------------------------------------------------------- */

static void tokens_are_corrected_when_they_are_known(void **state)
{
    (void)state;
    struct metered metered = {.n = 0};
    struct admission found = {0};
    struct limit_refusal refusal;
    set_limit(LIMIT_key, KEY, "", LIMIT_TOKENS, "1000/min");
    assert_int_equal(book_take_turn(book, &ann, &metered, &found), FAULT_NONE);
    book_end_turn(book, &metered, 1500); /* 500 in debt */
    assert_int_equal(fault_for(&ann, &refusal), FAULT_TOKEN_RATE_LIMITED);
    assert_int_equal(refusal.wait_us, 36000000);
    clock_set(1000000 + 36000000, NOW);
    assert_int_equal(book_take_turn(book, &ann, &metered, &found), FAULT_NONE);
    assert_int_equal(found.allowances.tokens.remaining, 0);
    book_end_turn(book, &metered, 0); /* all of it comes back */
    assert_int_equal(book_take_turn(book, &ann, &metered, &found), FAULT_NONE);
    book_end_turn(book, &metered, 100);
}

/* What is promised, and not taken because there was not so much, does not come back. */
static void tokens_far_above_the_burst_are_counted_as_they_are_used(void **state)
{
    (void)state;
    struct metered_call large = ann;
    struct metered metered = {.n = 0};
    struct admission found = {0};
    struct limit_refusal refusal;
    large.tokens = 50000;
    set_limit(LIMIT_key, KEY, "", LIMIT_TOKENS, "1000/min");
    assert_int_equal(book_take_turn(book, &large, &metered, &found), FAULT_NONE);
    book_end_turn(book, &metered, 400);
    assert_int_equal(fault_for(&large, &refusal), FAULT_TOKEN_RATE_LIMITED);
    assert_int_equal(refusal.wait_us, 24000000); /* until the 400 are there again */
    assert_int_equal(book_take_turn(book, &ann, &metered, &found), FAULT_NONE);
    assert_int_equal(found.allowances.tokens.remaining, 500);
    book_end_turn(book, &metered, 100);
}

static void tokens_of_a_prompt_above_the_burst_never_pass(void **state)
{
    (void)state;
    struct metered_call large = ann;
    struct limit_refusal refusal;
    set_limit(LIMIT_key, KEY, "", LIMIT_TOKENS, "1000/min");
    set_limit(LIMIT_user, USER, "", LIMIT_REQUESTS, "1/day");
    large.prompt_tokens = 1000;
    large.tokens = 5000; /* only the length of the answer is too much: a full bucket will do */
    assert_int_equal(fault_for(&large, &refusal), FAULT_NONE);
    large.prompt_tokens = 1001;
    assert_int_equal(fault_for(&large, &refusal), FAULT_TOKEN_RATE_LIMITED);
    assert_true(refusal.never);
    large.prompt_tokens = 1000;
    assert_int_equal(passes(&large, 2), 1);
    assert_int_equal(fault_for(&large, &refusal), FAULT_USER_RATE_LIMITED);
    assert_false(refusal.never);
}

static void request_without_tokens_does_not_wait_for_their_debt(void **state)
{
    (void)state;
    struct metered_call picture = ann;
    struct limit_refusal refusal;
    picture.tokens = picture.prompt_tokens = 0;
    set_limit(LIMIT_key, KEY, "", LIMIT_TOKENS, "100/min");
    struct metered metered = {.n = 0};
    struct admission found = {0};
    assert_int_equal(book_take_turn(book, &ann, &metered, &found), FAULT_NONE);
    book_end_turn(book, &metered, 200);
    assert_int_equal(fault_for(&ann, &refusal), FAULT_TOKEN_RATE_LIMITED);
    assert_int_equal(fault_for(&picture, &refusal), FAULT_NONE);
}

/* --- how many at once ----------------------------------------------------------------------- */

static void gauge_counts_what_runs_and_every_end_once(void **state)
{
    (void)state;
    struct metered first = {.n = 0}, second = {.n = 0}, third = {.n = 0};
    struct admission found = {0};
    set_limit(LIMIT_group, GROUP, "", LIMIT_CONCURRENT, "2");
    assert_int_equal(book_take_turn(book, &ann, &first, &found), FAULT_NONE);
    assert_int_equal(book_take_turn(book, &ann, &second, &found), FAULT_NONE);
    assert_int_equal(book_take_turn(book, &ann, &third, &found), FAULT_CONCURRENCY_LIMITED);
    assert_int_equal(found.limit.scope, LIMIT_group);
    assert_int_equal(found.limit.wait_us, 1000000);
    assert_int_equal(found.allowances.requests.limit, 0);
    book_end_turn(book, &first, 0);
    book_end_turn(book, &first, 0); /* has ended */
    assert_int_equal(book_take_turn(book, &ann, &third, &found), FAULT_NONE);
    assert_int_equal(book_take_turn(book, &ann, &first, &found), FAULT_CONCURRENCY_LIMITED);
    book_end_turn(book, &second, 0);
    book_end_turn(book, &third, 0);
}

/* --- changes -------------------------------------------------------------------------------- */

static void change_of_an_amount_keeps_what_has_been_used(void **state)
{
    (void)state;
    set_limit(LIMIT_key, KEY, "", LIMIT_REQUESTS, "10/min");
    assert_int_equal(passes(&ann, 8), 8);
    set_limit(LIMIT_key, KEY, "", LIMIT_REQUESTS, "20/min");
    assert_int_equal(passes(&ann, 99), 12);
    set_limit(LIMIT_key, KEY, "", LIMIT_REQUESTS, "5/min");
    clock_set(1000000 + 2 * MINUTE_US, NOW); /* in debt by no more than it holds */
    assert_int_equal(passes(&ann, 99), 5);
}

static void removal_while_requests_run_frees_their_meters_at_their_end(void **state)
{
    (void)state;
    struct metered running = {.n = 0}, fresh = {.n = 0};
    struct admission found = {0};
    set_limit(LIMIT_key, KEY, "", LIMIT_CONCURRENT, "1");
    set_limit(LIMIT_key, KEY, "", LIMIT_TOKENS, "100/min");
    assert_int_equal(book_take_turn(book, &ann, &running, &found), FAULT_NONE);
    assert_int_equal(running.n, 2);
    remove_limit(LIMIT_key, KEY, LIMIT_CONCURRENT, -1);
    remove_limit(LIMIT_key, KEY, LIMIT_TOKENS, -1);
    assert_int_equal(meters_count_limits(book_meters(book)), 0);
    set_limit(LIMIT_key, KEY, "", LIMIT_CONCURRENT, "1");
    assert_int_equal(book_take_turn(book, &ann, &fresh, &found), FAULT_NONE);
    book_end_turn(book, &running, 7);
    assert_int_equal(book_take_turn(book, &ann, &running, &found), FAULT_CONCURRENCY_LIMITED);
    book_end_turn(book, &fresh, 7);
}

static void limits_read_again_end_those_that_are_not_there(void **state)
{
    (void)state;
    set_limit(LIMIT_key, KEY, "", LIMIT_REQUESTS, "3/min");
    set_limit(LIMIT_user, 0, "m1", LIMIT_TOKENS, "100/min");
    assert_int_equal(passes(&ann, 1), 1);
    book_lock(book);
    meters_begin_again(book_meters(book));
    book_unlock(book);
    set_limit(LIMIT_key, KEY, "", LIMIT_REQUESTS, "3/min");
    book_lock(book);
    meters_end_again(book_meters(book));
    book_unlock(book);
    assert_int_equal(meters_count_limits(book_meters(book)), 1);
    assert_int_equal(passes(&ann, 9), 2); /* it remembers */
}

static void meters_of_those_who_came_once_do_not_stay(void **state)
{
    (void)state;
    struct metered_call one = ann;
    set_limit(LIMIT_key, 0, "", LIMIT_REQUESTS, "60/min");
    unsigned most = 0;
    for (int i = 0; i < 100000; i++) {
        one.key_id = 1 + i;
        clock_set(1000000 + i * INT64_C(10000), NOW);
        assert_int_equal(passes(&one, 1), 1);
        most = meter_count() > most ? meter_count() : most;
    }
    /* A meter is full again after a second, in which a hundred others come. */
    assert_in_range(most, 100, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOOK_TEST(limit_of_each_scope_counts_whom_it_names),
        BOOK_TEST(limit_of_a_provider_counts_what_it_is_asked),
        BOOK_TEST(limit_of_one_s_own_replaces_that_for_each),
        BOOK_TEST(refusal_by_one_takes_of_none_and_tells_the_longest_wait),
        BOOK_TEST(refusal_for_money_takes_of_no_limit),
        BOOK_TEST(allowances_are_those_of_the_tightest_limit),
        BOOK_TEST(tokens_are_corrected_when_they_are_known),
        BOOK_TEST(tokens_far_above_the_burst_are_counted_as_they_are_used),
        BOOK_TEST(tokens_of_a_prompt_above_the_burst_never_pass),
        BOOK_TEST(request_without_tokens_does_not_wait_for_their_debt),
        BOOK_TEST(gauge_counts_what_runs_and_every_end_once),
        BOOK_TEST(change_of_an_amount_keeps_what_has_been_used),
        BOOK_TEST(removal_while_requests_run_frees_their_meters_at_their_end),
        BOOK_TEST(limits_read_again_end_those_that_are_not_there),
        BOOK_TEST(meters_of_those_who_came_once_do_not_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
