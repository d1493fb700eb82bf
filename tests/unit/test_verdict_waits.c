/* room: relay */
/* How long the caller is asked to wait, and which of several failures is told. */
#include "relay/verdict.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

struct wait {
    const char *retry_after, *retry_after_ms, *requests, *tokens, *text;
    int64_t ms;
    bool no_retry;
};

static void judge_wait(const struct wait *wait, int status, struct failure *failure)
{
    struct attempt attempt;
    char body[300];
    struct attempt_head *head = &attempt.head;
    memset(&attempt, 0, sizeof attempt);
    attempt.end = ATTEMPT_COMPLETE;
    head->status = status;
    snprintf(head->retry_after, sizeof head->retry_after, "%s", wait->retry_after);
    snprintf(head->retry_after_ms, sizeof head->retry_after_ms, "%s", wait->retry_after_ms);
    snprintf(head->reset_requests, sizeof head->reset_requests, "%s", wait->requests);
    snprintf(head->reset_tokens, sizeof head->reset_tokens, "%s", wait->tokens);
    snprintf(body, sizeof body, "{\"error\":{\"message\":\"%s\"}}", wait->text);
    struct outcome outcome = {
        .attempt = &attempt, .repeat_ambiguous = true, .body = str_of(body), .model = "m"};
    (void)verdict_of(&outcome, failure);
}

static void wait_is_the_first_that_is_told(void **state)
{
    (void)state;
    static const struct wait waits[] = {
        {"7", "", "", "", "", 7000, false},
        {"7", "1234", "", "", "", 1234, false},
        {"6.57", "", "", "", "", 6570, false},
        {"6.5", "", "", "", "", 6500, false},
        {"6.", "", "", "", "", 6000, false},
        {"60", "", "", "", "", 60000, false},
        {"60.001", "", "", "", "", 60001, true},
        {"3600", "", "", "", "", 3600000, true},
        {"1000000000", "", "", "", "", 1000000000000, true},
        {"0", "", "", "", "", 1, false},
        {"-5", "", "", "", "", 5000, false},
        {"soon", "", "", "", "", 5000, false},
        {"", "", "", "", "", 5000, false},
        {"Tue, 24 Nov 2026 20:00:07 GMT", "", "", "", "", 7000, false},
        {"Tue, 24 Nov 2026 21:00:00 GMT", "", "", "", "", 3600000, true},
        {"Tue, 24 Nov 2026 19:00:00 GMT", "", "", "", "", 1, false},
        {"Tue, 24 Nov", "", "", "", "", 5000, false},
        {"", "", "6m0s", "", "", 360000, true},
        {"", "", "120ms", "9s", "", 120, false},
        {"", "", "", "1s", "", 1000, false},
        {"", "", "1h2m3s", "", "", 3723000, true},
        {"", "", "1.5s", "", "", 1500, false},
        {"", "", "5", "", "", 5000, false},
        {"", "", "5x", "2s", "", 2000, false},
        {"", "", "999999999h999999999h", "", "", 7199999992800000, true},
        {"9", "", "6m0s", "1s", "", 9000, false},
        {"", "", "", "", "Rate limit reached. Please try again in 6.57s. Visit", 6570, false},
        {"", "", "", "", "please TRY AGAIN IN 120ms", 120, false},
        {"", "", "", "", "try again in 1m30s, or later", 90000, true},
        {"", "", "", "", "try again in a minute", 5000, false},
        {"", "", "", "", "try again in ", 5000, false},
        {"2", "", "", "", "try again in 30s.", 2000, false},
    };
    clock_set(0, INT64_C(1795550400000)); /* 2026-11-24T20:00:00Z */
    for (size_t i = 0; i < COUNT(waits); i++) {
        struct failure failure = {0};
        judge_wait(&waits[i], 429, &failure);
        assert_int_equal(failure.fault, FAULT_UPSTREAM_RATE_LIMITED);
        if (failure.retry_after_ms != waits[i].ms || failure.no_retry != waits[i].no_retry)
            fail_msg("wait %zu: %lld, %d", i, (long long)failure.retry_after_ms, failure.no_retry);
        failure_release(&failure);
    }
    clock_thaw();
}

static void server_fault_copies_a_short_wait(void **state)
{
    (void)state;
    static const struct wait two = {"2", "", "", "", "", 0, false};
    static const struct wait hour = {"3600", "", "", "", "", 0, false};
    static const struct wait none = {"", "", "", "", "", 0, false};
    struct failure failure = {0};
    judge_wait(&two, 503, &failure);
    assert_int_equal(failure.retry_after_ms, 2000);
    judge_wait(&hour, 503, &failure);
    assert_int_equal(failure.retry_after_ms, 60000);
    assert_false(failure.no_retry);
    judge_wait(&none, 503, &failure);
    assert_int_equal(failure.retry_after_ms, 0);
    judge_wait(&two, 400, &failure);
    assert_int_equal(failure.retry_after_ms, 0);
    judge_wait(&two, 401, &failure);
    assert_int_equal(failure.retry_after_ms, 0);
    failure_release(&failure);
}

/* --- several providers ---------------------------------------------------------------------------
 */

static struct failure rate(int64_t ms)
{
    struct failure failure = {0};
    failure_set(&failure, FAULT_UPSTREAM_RATE_LIMITED, "%s", "");
    failure.retry_after_ms = ms;
    failure.no_retry = ms > 60000;
    return failure;
}

static struct failure other(enum fault fault)
{
    struct failure failure = {0};
    failure_set(&failure, fault, "%s", "");
    failure.message = str_dup(str_of(fault_name(fault)));
    return failure;
}

static void merge_all(struct failure *told, struct failure *list, size_t n)
{
    memset(told, 0, sizeof *told);
    for (size_t i = 0; i < n; i++) {
        verdict_merge(told, &list[i]);
        assert_int_equal(list[i].fault, FAULT_NONE);
        assert_null(list[i].message);
    }
}

static void limit_is_told_only_if_all_were_limiting(void **state)
{
    (void)state;
    struct failure told;
    struct failure all[] = {rate(30000), rate(7000), rate(9000)};
    merge_all(&told, all, 3);
    assert_int_equal(told.fault, FAULT_UPSTREAM_RATE_LIMITED);
    assert_int_equal(told.retry_after_ms, 7000);
    assert_false(told.no_retry);
    failure_release(&told);

    struct failure far[] = {rate(3600000), rate(7200000)};
    merge_all(&told, far, 2);
    assert_int_equal(told.retry_after_ms, 3600000);
    assert_true(told.no_retry);
    failure_release(&told);

    struct failure near[] = {rate(7000), rate(3600000)};
    merge_all(&told, near, 2);
    assert_int_equal(told.retry_after_ms, 7000);
    assert_false(told.no_retry);
    failure_release(&told);

    static const unsigned orders[][3] = {{0, 1, 1}, {1, 0, 1}, {1, 1, 0}};
    for (size_t i = 0; i < COUNT(orders); i++) {
        struct failure mixed[3];
        for (size_t j = 0; j < 3; j++)
            mixed[j] = orders[i][j] ? rate(1000) : other(FAULT_UPSTREAM_ERROR);
        merge_all(&told, mixed, 3);
        assert_int_equal(told.fault, FAULT_UPSTREAM_ERROR);
        assert_string_equal(told.message, "UPSTREAM_ERROR");
        failure_release(&told);
    }
}

static void last_failure_is_told(void **state)
{
    (void)state;
    struct failure told;
    struct failure list[] = {other(FAULT_UPSTREAM_ACCOUNT), other(FAULT_UPSTREAM_UNREACHABLE),
                             other(FAULT_UPSTREAM_PARAMETER)};
    merge_all(&told, list, 3);
    assert_int_equal(told.fault, FAULT_UPSTREAM_PARAMETER);
    failure_release(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wait_is_the_first_that_is_told),
        cmocka_unit_test(server_fault_copies_a_short_wait),
        cmocka_unit_test(limit_is_told_only_if_all_were_limiting),
        cmocka_unit_test(last_failure_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
