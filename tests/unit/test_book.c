#include "store/book.h"

#include "tests/unit/book_fixture.h"

/* --- one account ---------------------------------------------------------------------------- */

static void admit_at_the_exact_balance_passes_one_less_does_not(void **state)
{
    (void)state;
    struct key_record key = plain_key(41460000);
    struct hold hold = {0};
    struct admission admission = {0};
    assert_int_equal(book_admit(book, &key, &(struct demand){.nusd = 41460001}, &hold, &admission),
                     FAULT_INSUFFICIENT_BALANCE);
    assert_int_equal(admission.needed_nusd, 41460001);
    assert_int_equal(admission.available_nusd, 41460000);
    assert_false(hold.taken);
    assert_false(hold.pinned);
    assert_int_equal(hold.n, 0);
    assert_int_equal(book_held(book), 0);
    assert_int_equal(book_admit(book, &key, &(struct demand){.nusd = 41460000}, &hold, &admission),
                     FAULT_NONE);
    assert_true(hold.taken);
    assert_true(hold.pinned);
    assert_int_equal(hold.nusd, 41460000);
    assert_int_equal(book_held(book), 41460000);
    finish(&hold, 0);
    close_key(&key);
}

static void admit_second_sees_the_first_hold(void **state)
{
    (void)state;
    struct key_record key = plain_key(80 * USD);
    struct hold first, second = {0};
    struct admission admission;
    assert_int_equal(admit(&key, 41 * USD, &first), FAULT_NONE);
    assert_int_equal(
        book_admit(book, &key, &(struct demand){.nusd = 41 * USD}, &second, &admission),
        FAULT_INSUFFICIENT_BALANCE);
    assert_int_equal(admission.available_nusd, 39 * USD);
    finish(&first, 0);
    assert_int_equal(admit(&key, 41 * USD, &second), FAULT_NONE);
    finish(&second, 0);
    close_key(&key);
}

static void foresee_says_what_admit_would_and_takes_nothing(void **state)
{
    (void)state;
    struct key_record key = plain_key(80 * USD);
    struct hold hold;
    struct outlook outlook = {.limit_count = 9};
    assert_int_equal(admit(&key, 41 * USD, &hold), FAULT_NONE);
    assert_int_equal(book_foresee(book, &key, &(struct demand){.nusd = 40 * USD}, &outlook),
                     FAULT_INSUFFICIENT_BALANCE);
    assert_int_equal(outlook.found.needed_nusd, 40 * USD);
    assert_int_equal(outlook.found.available_nusd, 39 * USD);
    assert_int_equal(outlook.limit_count, 0);
    assert_int_equal(outlook.account_count, 1);
    assert_int_equal(outlook.accounts[0].kind, ACCOUNT_USER);
    assert_int_equal(outlook.accounts[0].limit_nusd, 80 * USD);
    assert_int_equal(outlook.accounts[0].held_nusd, 41 * USD);
    assert_int_equal(outlook.accounts[0].available_nusd, 39 * USD);
    for (int i = 0; i < 3; i++)
        assert_int_equal(book_foresee(book, &key, &(struct demand){.nusd = 39 * USD}, &outlook),
                         FAULT_NONE);
    assert_int_equal(book_held(book), 41 * USD);
    finish(&hold, 0);
    close_key(&key);
}

static void admit_free_needs_a_balance_that_is_not_negative(void **state)
{
    (void)state;
    struct key_record key = plain_key(0);
    struct hold hold;
    assert_int_equal(admit(&key, 0, &hold), FAULT_NONE);
    assert_true(hold.taken);
    finish(&hold, 0);
    assert_int_equal(admit(&key, 1, &hold), FAULT_INSUFFICIENT_BALANCE);
    book_lock(book);
    book_credit(book, USER, -1);
    book_unlock(book);
    assert_int_equal(admit(&key, 0, &hold), FAULT_INSUFFICIENT_BALANCE);
    close_key(&key);
}

static void admit_free_beside_holds_of_all_the_money_passes(void **state)
{
    (void)state;
    struct key_record key = plain_key(5 * USD);
    struct hold all, free_of_charge;
    assert_int_equal(admit(&key, 5 * USD, &all), FAULT_NONE);
    assert_int_equal(admit(&key, 0, &free_of_charge), FAULT_NONE);
    finish(&all, 0);
    finish(&free_of_charge, 0);
    close_key(&key);
}

static void settle_above_the_hold_goes_into_debt_and_refuses_the_next(void **state)
{
    (void)state;
    struct key_record key = plain_key(6000000);
    struct hold hold = {0};
    struct admission admission;
    assert_int_equal(admit(&key, 5000000, &hold), FAULT_NONE);
    book_settle(book, &hold, 41460000, 0);
    assert_false(hold.taken);
    assert_true(hold.pinned);
    assert_words(ACCOUNT_USER, USER, 0, 41460000);
    assert_int_equal(book_held(book), 0);
    book_unpin(book, &hold);
    assert_int_equal(book_admit(book, &key, &(struct demand){.nusd = 1}, &hold, &admission),
                     FAULT_INSUFFICIENT_BALANCE);
    assert_int_equal(admission.available_nusd, -35460000);
    assert_int_equal(admit(&key, 0, &hold), FAULT_INSUFFICIENT_BALANCE);
    close_key(&key);
}

static void admit_amounts_at_the_edge_of_int64_never_wrap(void **state)
{
    (void)state;
    struct key_record key = plain_key(INT64_MAX);
    key.key_account = open_account(ACCOUNT_KEY, KEY, "", 0, 5);
    struct hold hold, other;
    /* The key has no limit, but 5 spent and INT64_MAX held would not fit. */
    assert_int_equal(admit(&key, INT64_MAX, &hold), FAULT_TOKEN_QUOTA_EXHAUSTED);
    assert_int_equal(admit(&key, INT64_MAX - 5, &hold), FAULT_NONE);
    assert_int_equal(admit(&key, 6, &other), FAULT_INSUFFICIENT_BALANCE);
    finish(&hold, INT64_MAX);
    assert_words(ACCOUNT_KEY, KEY, 0, INT64_MAX);
    close_key(&key);
}

static void admit_when_the_sum_of_all_holds_would_not_fit_is_refused(void **state)
{
    (void)state;
    struct key_record key = plain_key(INT64_MAX);
    struct key_record other = plain_key(0);
    close_account(other.user_account);
    other.user_account = open_account(ACCOUNT_USER, USER + 1, "", INT64_MAX, 0);
    struct hold hold, second;
    assert_int_equal(admit(&key, INT64_MAX - 1, &hold), FAULT_NONE);
    assert_int_equal(admit(&other, 2, &second), FAULT_INSUFFICIENT_BALANCE);
    assert_int_equal(admit(&other, 1, &second), FAULT_NONE);
    finish(&hold, 0);
    finish(&second, 0);
    assert_int_equal(book_held(book), 0);
    close_key(&other);
    close_key(&key);
}

static void credit_reaches_the_account_that_is_here_only(void **state)
{
    (void)state;
    struct key_record key = plain_key(1);
    struct hold hold;
    book_lock(book);
    book_credit(book, USER, 9);
    book_credit(book, USER + 1, 9);
    book_unlock(book);
    assert_false(peek(ACCOUNT_USER, USER + 1, "").here);
    assert_int_equal(admit(&key, 11, &hold), FAULT_INSUFFICIENT_BALANCE);
    assert_int_equal(admit(&key, 10, &hold), FAULT_NONE);
    finish(&hold, 10);
    close_key(&key);
}

/* --- several accounts ----------------------------------------------------------------------- */

static void admit_short_of_one_account_takes_none(void **state)
{
    (void)state;
    static const struct {
        int64_t user, key, group, each, available;
        enum fault fault;
    } cases[] = {
        {9, 99, 99, 99, 9, FAULT_INSUFFICIENT_BALANCE},
        {99, 9, 99, 99, 9, FAULT_TOKEN_QUOTA_EXHAUSTED},
        {99, 99, 8, 99, 8, FAULT_GROUP_QUOTA_EXHAUSTED},
        {99, 99, 99, 7, 7, FAULT_GROUP_USER_QUOTA_EXHAUSTED},
        /* The first in order is the one that is told. */
        {9, 8, 7, 6, 9, FAULT_INSUFFICIENT_BALANCE},
        {99, 8, 7, 6, 8, FAULT_TOKEN_QUOTA_EXHAUSTED},
        {99, 99, 7, 6, 7, FAULT_GROUP_QUOTA_EXHAUSTED},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct key_record key =
            limited_key(cases[i].user, cases[i].key, cases[i].group, cases[i].each);
        struct hold hold = {0};
        struct admission admission = {0};
        assert_int_equal(book_admit(book, &key, &(struct demand){.nusd = 10}, &hold, &admission),
                         cases[i].fault);
        assert_int_equal(admission.needed_nusd, 10);
        assert_int_equal(admission.available_nusd, cases[i].available);
        assert_int_equal(hold.n, 0);
        assert_words(ACCOUNT_USER, USER, 0, 0);
        assert_words(ACCOUNT_KEY, KEY, 0, 0);
        assert_words(ACCOUNT_GROUP, GROUP, 0, 0);
        assert_words(ACCOUNT_GROUP_USER, USER, 0, 0);
        assert_int_equal(book_held(book), 0);
        close_key(&key);
    }
}

static void admit_within_all_takes_all_and_settle_spends_on_all(void **state)
{
    (void)state;
    struct key_record key = limited_key(10, 10, 10, 10);
    struct hold hold;
    assert_int_equal(admit(&key, 10, &hold), FAULT_NONE);
    assert_int_equal(hold.n, 4);
    assert_int_equal(account_kind(hold.accounts[0]), ACCOUNT_USER);
    assert_int_equal(account_kind(hold.accounts[3]), ACCOUNT_GROUP_USER);
    assert_int_equal(account_owner(hold.accounts[2]), GROUP);
    assert_string_equal(account_period(hold.accounts[1]), "");
    assert_words(ACCOUNT_GROUP_USER, USER, 10, 0);
    assert_int_equal(book_held(book), 10);
    finish(&hold, 4);
    assert_words(ACCOUNT_USER, USER, 0, 4);
    assert_words(ACCOUNT_KEY, KEY, 0, 4);
    assert_words(ACCOUNT_GROUP, GROUP, 0, 4);
    assert_words(ACCOUNT_GROUP_USER, USER, 0, 4);
    assert_int_equal(admit(&key, 7, &hold), FAULT_INSUFFICIENT_BALANCE);
    assert_int_equal(admit(&key, 6, &hold), FAULT_NONE);
    finish(&hold, 0);
    close_key(&key);
}

static void admit_without_a_limit_counts_on_the_account_and_never_refuses(void **state)
{
    (void)state;
    struct key_record key = limited_key(100, -1, -1, -1);
    struct hold hold;
    assert_int_equal(admit(&key, 100, &hold), FAULT_NONE);
    finish(&hold, 60);
    assert_words(ACCOUNT_KEY, KEY, 0, 60);
    close_key(&key);
}

static void admit_at_a_limit_of_zero_refuses_all_but_free(void **state)
{
    (void)state;
    struct key_record key = limited_key(100, 0, -1, -1);
    struct hold hold;
    assert_int_equal(admit(&key, 1, &hold), FAULT_TOKEN_QUOTA_EXHAUSTED);
    assert_int_equal(admit(&key, 0, &hold), FAULT_NONE);
    finish(&hold, 0);
    close_key(&key);
}

/* --- periods -------------------------------------------------------------------------------- */

static void period_format_of_each_period(void **state)
{
    (void)state;
    char text[PERIOD_TEXT_SIZE] = "x";
    period_format(PERIOD_EVER, NOW, text);
    assert_string_equal(text, "");
    period_format(PERIOD_DAY, NOW, text);
    assert_string_equal(text, "2026-11-24");
    period_format(PERIOD_MONTH, NOW, text);
    assert_string_equal(text, "2026-11");
    period_format(PERIOD_DAY, NOW + 5 * 3600000 - 1, text);
    assert_string_equal(text, "2026-11-24");
    period_format(PERIOD_DAY, NOW + 5 * 3600000, text);
    assert_string_equal(text, "2026-11-25");
}

static struct key_record day_key(int64_t id, const char *day, int64_t spent)
{
    struct key_record key = plain_key(100 * USD);
    key.id = id;
    key.group_quota = (struct quota){5 * USD, PERIOD_DAY};
    key.group_account = open_account(ACCOUNT_GROUP, GROUP, day, 0, spent);
    return key;
}

static void admit_on_a_new_day_rolls_over_and_an_old_hold_settles_on_the_old_day(void **state)
{
    (void)state;
    struct key_record key = day_key(1, "2026-11-24", 2 * USD);
    struct hold old, fresh;
    assert_int_equal(admit(&key, 4 * USD, &old), FAULT_GROUP_QUOTA_EXHAUSTED);
    assert_int_equal(admit(&key, 3 * USD, &old), FAULT_NONE);
    clock_set(2000000, NOW + DAY_MS);
    assert_int_equal(admit(&key, 5 * USD, &fresh), FAULT_NONE);
    assert_string_equal(account_period(key.group_account), "2026-11-25");
    assert_int_equal(peek(ACCOUNT_GROUP, GROUP, "2026-11-24").held, 3 * USD);
    assert_int_equal(peek(ACCOUNT_GROUP, GROUP, "2026-11-25").held, 5 * USD);
    book_settle(book, &old, USD, 0);
    assert_int_equal(peek(ACCOUNT_GROUP, GROUP, "2026-11-24").spent, 3 * USD);
    assert_int_equal(peek(ACCOUNT_GROUP, GROUP, "2026-11-25").spent, 0);
    book_unpin(book, &old);
    assert_false(peek(ACCOUNT_GROUP, GROUP, "2026-11-24").here);
    finish(&fresh, 0);
    close_key(&key);
    assert_false(peek(ACCOUNT_GROUP, GROUP, "2026-11-25").here);
}

static void admit_with_a_month_rolls_over_by_month_only(void **state)
{
    (void)state;
    struct key_record key = plain_key(100 * USD);
    struct hold hold;
    key.key_limit = (struct quota){USD, PERIOD_MONTH};
    key.key_account = open_account(ACCOUNT_KEY, KEY, "2026-11", 0, USD);
    clock_set(2000000, NOW + 5 * DAY_MS);
    assert_int_equal(admit(&key, 1, &hold), FAULT_TOKEN_QUOTA_EXHAUSTED);
    clock_set(3000000, NOW + 7 * DAY_MS);
    assert_int_equal(admit(&key, 1, &hold), FAULT_NONE);
    finish(&hold, 0);
    close_key(&key);
}

/* The quota of a kind, whose account of the period has spent it. */
static void spend_quota(struct key_record *key, enum account_kind kind, enum quota_period period)
{
    struct quota quota = {USD, period};
    char text[PERIOD_TEXT_SIZE];
    period_format(period, NOW, text);
    if (kind == ACCOUNT_KEY) {
        key->key_limit = quota;
        key->key_account = open_account(kind, KEY, text, 0, USD);
    } else if (kind == ACCOUNT_GROUP) {
        key->group_quota = quota;
        key->group_account = open_account(kind, GROUP, text, 0, USD);
    } else {
        key->group_user_quota = quota;
        key->group_user_account = open_account(kind, USER, text, 0, USD);
    }
}

static void admit_with_each_quota_begins_anew_with_its_period(void **state)
{
    (void)state;
    static const struct {
        enum account_kind kind;
        enum fault fault;
    } quotas[] = {{ACCOUNT_KEY, FAULT_TOKEN_QUOTA_EXHAUSTED},
                  {ACCOUNT_GROUP, FAULT_GROUP_QUOTA_EXHAUSTED},
                  {ACCOUNT_GROUP_USER, FAULT_GROUP_USER_QUOTA_EXHAUSTED}};
    static const struct {
        enum quota_period period;
        int64_t last_ms, next_ms; /* of the period, and of the next; -1 = there is none */
    } periods[] = {{PERIOD_DAY, 5 * 3600000 - 1, 5 * 3600000},
                   {PERIOD_MONTH, 6 * DAY_MS + 5 * 3600000 - 1, 6 * DAY_MS + 5 * 3600000},
                   {PERIOD_EVER, 400 * DAY_MS, -1}};
    for (size_t i = 0; i < COUNT(quotas); i++) {
        for (size_t j = 0; j < COUNT(periods); j++) {
            struct key_record key = plain_key(100 * USD);
            struct hold hold;
            clock_set(1000000, NOW);
            spend_quota(&key, quotas[i].kind, periods[j].period);
            assert_int_equal(admit(&key, 1, &hold), quotas[i].fault);
            clock_set(2000000, NOW + periods[j].last_ms);
            assert_int_equal(admit(&key, 1, &hold), quotas[i].fault);
            if (periods[j].next_ms >= 0) {
                clock_set(3000000, NOW + periods[j].next_ms);
                assert_int_equal(admit(&key, USD + 1, &hold), quotas[i].fault);
                assert_int_equal(admit(&key, USD, &hold), FAULT_NONE);
                finish(&hold, 0);
            }
            close_key(&key);
        }
    }
}

static void admit_when_the_clock_is_set_back_keeps_the_newer_day(void **state)
{
    (void)state;
    struct key_record key = day_key(1, "2026-11-24", 0);
    struct hold hold;
    clock_set(2000000, NOW - DAY_MS);
    assert_int_equal(admit(&key, USD, &hold), FAULT_NONE);
    assert_string_equal(account_period(key.group_account), "2026-11-24");
    finish(&hold, 0);
    close_key(&key);
}

/* Two keys of one group; the first spends the new day's quota and is revoked before the second one
 * rolls over: the day must not begin anew. */
static void admit_after_another_key_of_the_day_is_gone_sees_what_it_spent(void **state)
{
    (void)state;
    struct key_record first = day_key(1, "2026-11-24", 0);
    struct key_record second = day_key(2, "2026-11-24", 0);
    struct key_record idle = day_key(3, "2026-11-24", 0);
    struct hold hold;
    clock_set(2000000, NOW + DAY_MS);
    assert_int_equal(admit(&first, 5 * USD, &hold), FAULT_NONE);
    finish(&hold, 5 * USD);
    close_key(&first);
    assert_true(peek(ACCOUNT_GROUP, GROUP, "2026-11-25").here);
    assert_int_equal(admit(&second, 1, &hold), FAULT_GROUP_QUOTA_EXHAUSTED);
    close_key(&second);
    assert_true(peek(ACCOUNT_GROUP, GROUP, "2026-11-25").here);
    close_key(&idle); /* nobody is left who could roll over */
    assert_false(peek(ACCOUNT_GROUP, GROUP, "2026-11-24").here);
    assert_false(peek(ACCOUNT_GROUP, GROUP, "2026-11-25").here);
}

/* --- lifetimes ------------------------------------------------------------------------------ */

static void account_stays_until_record_and_hold_are_gone(void **state)
{
    (void)state;
    struct key_record key = plain_key(10);
    struct hold hold;
    assert_int_equal(admit(&key, 10, &hold), FAULT_NONE);
    close_key(&key);
    assert_true(peek(ACCOUNT_USER, USER, "").here);
    book_settle(book, &hold, 3, 0);
    assert_words(ACCOUNT_USER, USER, 0, 3);
    book_unpin(book, &hold);
    assert_false(peek(ACCOUNT_USER, USER, "").here);
    assert_false(hold.pinned);
    book_unpin(book, &hold); /* nothing to do */
}

static void account_that_is_here_keeps_its_own_words(void **state)
{
    (void)state;
    struct key_record key = plain_key(10);
    struct hold hold;
    assert_int_equal(admit(&key, 10, &hold), FAULT_NONE);
    book_settle(book, &hold, 8, 0);
    /* What the database says before the commit. */
    struct account *again = open_account(ACCOUNT_USER, USER, "", 10, 0);
    assert_ptr_equal(again, key.user_account);
    assert_words(ACCOUNT_USER, USER, 0, 8);
    close_account(again);
    book_unpin(book, &hold);
    close_key(&key);
    again = open_account(ACCOUNT_USER, USER, "", 10, 8);
    assert_words(ACCOUNT_USER, USER, 0, 8);
    close_account(again);
}

/* --- what is shown -------------------------------------------------------------------------- */

static void assert_standing(struct key_record *key, int64_t spent, int64_t available)
{
    struct standing standing = {0};
    assert_int_equal(book_standing(book, key, &standing), FAULT_NONE);
    assert_int_equal(standing.spent_nusd, spent);
    assert_int_equal(standing.available_nusd, available);
}

static void standing_without_limits_is_the_user_s(void **state)
{
    (void)state;
    struct key_record key = plain_key(10 * USD);
    struct hold hold;
    assert_standing(&key, 0, 10 * USD);
    assert_int_equal(admit(&key, 4 * USD, &hold), FAULT_NONE);
    assert_standing(&key, 0, 10 * USD); /* a hold is not spent */
    finish(&hold, 3 * USD);
    assert_standing(&key, 3 * USD, 7 * USD);
    book_lock(book);
    book_credit(book, USER, -9 * USD);
    book_unlock(book);
    assert_standing(&key, 3 * USD, -2 * USD);
    close_key(&key);
}

static void standing_is_the_least_of_all_limits(void **state)
{
    (void)state;
    struct key_record key = limited_key(10 * USD, 5 * USD, 100 * USD, 4 * USD);
    struct hold hold;
    assert_standing(&key, 0, 4 * USD);
    assert_int_equal(admit(&key, 1 * USD, &hold), FAULT_NONE);
    finish(&hold, 1 * USD);
    assert_standing(&key, 1 * USD, 3 * USD);
    key.group_user_quota.nusd = -1;
    assert_standing(&key, 1 * USD, 4 * USD);
    key.key_limit.nusd = -1; /* an account without a limit only counts */
    assert_standing(&key, 1 * USD, 9 * USD);
    key.group_quota.nusd = 2 * USD;
    assert_standing(&key, 1 * USD, 1 * USD);
    key.group_quota.nusd = INT64_MAX;
    assert_standing(&key, 1 * USD, 9 * USD);
    close_key(&key);
}

static void standing_on_a_new_day_begins_afresh(void **state)
{
    (void)state;
    struct key_record key = plain_key(10 * USD);
    key.key_limit = (struct quota){2 * USD, PERIOD_DAY};
    key.key_account = open_account(ACCOUNT_KEY, KEY, "2026-11-24", 0, 0);
    struct hold hold;
    assert_int_equal(admit(&key, 2 * USD, &hold), FAULT_NONE);
    finish(&hold, 2 * USD);
    assert_standing(&key, 2 * USD, 0);
    clock_set(1000000, NOW + DAY_MS);
    assert_standing(&key, 0, 2 * USD);
    close_key(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOOK_TEST(admit_at_the_exact_balance_passes_one_less_does_not),
        BOOK_TEST(admit_second_sees_the_first_hold),
        BOOK_TEST(foresee_says_what_admit_would_and_takes_nothing),
        BOOK_TEST(admit_free_needs_a_balance_that_is_not_negative),
        BOOK_TEST(admit_free_beside_holds_of_all_the_money_passes),
        BOOK_TEST(settle_above_the_hold_goes_into_debt_and_refuses_the_next),
        BOOK_TEST(admit_amounts_at_the_edge_of_int64_never_wrap),
        BOOK_TEST(admit_when_the_sum_of_all_holds_would_not_fit_is_refused),
        BOOK_TEST(credit_reaches_the_account_that_is_here_only),
        BOOK_TEST(admit_short_of_one_account_takes_none),
        BOOK_TEST(admit_within_all_takes_all_and_settle_spends_on_all),
        BOOK_TEST(admit_without_a_limit_counts_on_the_account_and_never_refuses),
        BOOK_TEST(admit_at_a_limit_of_zero_refuses_all_but_free),
        BOOK_TEST(period_format_of_each_period),
        BOOK_TEST(admit_with_each_quota_begins_anew_with_its_period),
        BOOK_TEST(admit_on_a_new_day_rolls_over_and_an_old_hold_settles_on_the_old_day),
        BOOK_TEST(admit_with_a_month_rolls_over_by_month_only),
        BOOK_TEST(admit_when_the_clock_is_set_back_keeps_the_newer_day),
        BOOK_TEST(admit_after_another_key_of_the_day_is_gone_sees_what_it_spent),
        BOOK_TEST(account_stays_until_record_and_hold_are_gone),
        BOOK_TEST(account_that_is_here_keeps_its_own_words),
        BOOK_TEST(standing_without_limits_is_the_user_s),
        BOOK_TEST(standing_is_the_least_of_all_limits),
        BOOK_TEST(standing_on_a_new_day_begins_afresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
