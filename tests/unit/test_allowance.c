#include "relay/allowance.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void assert_lines(const struct allowances *allowances, const char *expected)
{
    struct buf lines;
    buf_init(&lines, 1024);
    assert_true(allowances_write(allowances, &lines));
    assert_true(buf_add_char(&lines, '\0'));
    assert_string_equal(lines.p, expected);
    buf_release(&lines);
}

static void lines_tell_what_has_a_limit(void **state)
{
    (void)state;
    const struct allowances none = {{0, 0, 0}, {0, 0, 0}},
                            both = {{60, 0, 60000000}, {9, 8, 17000}};
    assert_lines(&none, "");
    assert_lines(&both, "x-ratelimit-limit-requests: 60\nx-ratelimit-remaining-requests: 0\n"
                        "x-ratelimit-reset-requests: 1m0s\nx-ratelimit-limit-tokens: 9\n"
                        "x-ratelimit-remaining-tokens: 8\nx-ratelimit-reset-tokens: 17ms\n");
}

static void assert_message(enum fault fault, const struct limit_refusal *refusal,
                           const char *expected)
{
    struct failure failure = {0};
    struct buf message;
    buf_init(&message, 1024);
    failure_set_limit(&failure, fault, refusal);
    assert_true(failure_message(&failure, &message) && buf_add_char(&message, '\0'));
    assert_string_equal(message.p, expected);
    buf_release(&message);
    failure_release(&failure);
}

static void message_names_the_scope_and_the_amount(void **state)
{
    (void)state;
    struct limit_refusal refusal = {
        .scope = LIMIT_key, .metric = LIMIT_REQUESTS, .amount = 60, .period_us = MINUTE_US};
    assert_message(FAULT_TOKEN_RATE_LIMITED, &refusal,
                   "Rate limit reached for this token: 60 requests per minute");
    refusal.for_model = true;
    refusal.metric = LIMIT_TOKENS;
    refusal.period_us = DAY_US;
    assert_message(FAULT_TOKEN_RATE_LIMITED, &refusal,
                   "Rate limit reached for this token: 60 tokens per day of this model");
    refusal.for_model = false;
    refusal.never = true;
    assert_message(FAULT_USER_RATE_LIMITED, &refusal,
                   "Rate limit reached for this user: 60 tokens per day; this request is larger "
                   "than what may be used at once");
    refusal =
        (struct limit_refusal){.scope = LIMIT_group_user, .metric = LIMIT_CONCURRENT, .amount = 2};
    assert_message(FAULT_CONCURRENCY_LIMITED, &refusal,
                   "Too many requests at the same time: 2 for this user");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_tell_what_has_a_limit),
        cmocka_unit_test(message_names_the_scope_and_the_amount),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
