/* Executing the vectors of limits: buckets, the texts of durations, gauges. */
#ifndef TESTS_UNIT_VECTOR_LIMIT_H
#define TESTS_UNIT_VECTOR_LIMIT_H

#include "base/clock.h"
#include "relay/allowance.h"
#include "store/book.h"
#include "tests/unit/vector_read.h"

#define VECTOR_BUCKETS_MAX 4

struct buckets {
    struct bucket bucket[VECTOR_BUCKETS_MAX];
    size_t n;
};

UNUSED static int64_t integer_at(const json_t *array, size_t i)
{
    const json_t *value = json_array_get(array, i);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

UNUSED static void assert_duration(const json_t *vector, int64_t us, const char *expected)
{
    struct buf text;
    buf_init(&text, 64);
    assert_true(duration_format(us, &text));
    CHECK_VECTOR(vector, str_eq(buf_str(&text), str_of(expected)));
    buf_release(&text);
}

UNUSED static void buckets_open(struct buckets *buckets, const json_t *in)
{
    const json_t *list = json_object_get(in, "buckets");
    buckets->n = json_array_size(list);
    assert_in_range(buckets->n, 1, VECTOR_BUCKETS_MAX);
    for (size_t i = 0; i < buckets->n; i++) {
        const json_t *one = json_array_get(list, i);
        struct bucket_size size = {.amount = integer(one, "limit"), .period_us = MINUTE_US};
        size.burst = json_object_get(one, "burst") != NULL ? integer(one, "burst") : size.amount;
        bucket_init(&buckets->bucket[i], &size, 0);
    }
}

/* The longest wait of all; 0: every one agrees, and has been taken from. */
UNUSED static int64_t buckets_admit(struct buckets *buckets, const json_t *costs)
{
    int64_t worst_us = 0;
    for (size_t i = 0; i < buckets->n; i++) {
        int64_t wait_us = bucket_wait_us(&buckets->bucket[i], integer_at(costs, i));
        worst_us = wait_us > worst_us ? wait_us : worst_us;
    }
    for (size_t i = 0; worst_us == 0 && i < buckets->n; i++)
        bucket_take(&buckets->bucket[i], integer_at(costs, i));
    return worst_us;
}

UNUSED static void check_wait(const json_t *vector, const json_t *result, int64_t wait_us)
{
    const json_t *headers = json_object_get(result, "headers");
    CHECK_VECTOR(vector, wait_us == integer(result, "wait_us"));
    struct limit_refusal refusal = {.metric = LIMIT_TOKENS, .amount = 1, .wait_us = wait_us};
    struct failure failure = {0};
    failure_set_limit(&failure, FAULT_TOKEN_RATE_LIMITED, &refusal);
    CHECK_VECTOR(vector, fault_info(failure.fault)->status == integer(result, "status"));
    int64_t seconds, ms;
    assert_true(str_i64(str_of(json_string_value(json_object_get(headers, "retry-after"))), 1,
                        INT64_MAX, &seconds));
    assert_true(str_i64(str_of(json_string_value(json_object_get(headers, "retry-after-ms"))), 1,
                        INT64_MAX, &ms));
    CHECK_VECTOR(vector, failure.retry_after_ms == ms);
    CHECK_VECTOR(vector, (failure.retry_after_ms + 999) / 1000 == seconds);
    failure_release(&failure);
}

UNUSED static void check_buckets(const json_t *vector, const struct buckets *buckets,
                                 const json_t *result)
{
    const json_t *remaining = json_object_get(result, "remaining");
    const json_t *reset = json_object_get(result, "reset");
    const json_t *level = json_object_get(result, "level");
    for (size_t i = 0; i < buckets->n; i++) {
        const struct bucket *bucket = &buckets->bucket[i];
        CHECK_VECTOR(vector, bucket_remaining(bucket) == integer_at(remaining, i));
        if (reset != NULL)
            assert_duration(vector, bucket_reset_us(bucket),
                            json_string_value(json_array_get(reset, i)));
        if (level != NULL)
            CHECK_VECTOR(vector, bucket->level == integer_at(level, i));
    }
}

UNUSED static void run_step(const json_t *vector, struct buckets *buckets, const json_t *step,
                            const json_t *result)
{
    const json_t *adjust = json_object_get(step, "adjust");
    for (size_t i = 0; i < buckets->n; i++)
        bucket_refill(&buckets->bucket[i], integer(step, "t_us"));
    for (size_t i = 0; adjust != NULL && i < buckets->n; i++)
        bucket_take(&buckets->bucket[i], integer_at(adjust, i));
    if (adjust != NULL)
        return;
    int64_t wait_us = buckets_admit(buckets, json_object_get(step, "cost"));
    CHECK_VECTOR(vector, json_is_true(json_object_get(result, "admit")) == (wait_us == 0));
    if (wait_us > 0)
        check_wait(vector, result, wait_us);
}

UNUSED static void run_ratelimit(const json_t *vector)
{
    const json_t *in = json_object_get(vector, "in");
    const json_t *steps = json_object_get(in, "steps");
    const json_t *results = json_object_get(json_object_get(vector, "expect"), "results");
    struct buckets buckets;
    buckets_open(&buckets, in);
    CHECK_VECTOR(vector, json_array_size(results) == json_array_size(steps));
    for (size_t s = 0; s < json_array_size(steps); s++) {
        const json_t *result = json_array_get(results, s);
        run_step(vector, &buckets, json_array_get(steps, s), result);
        check_buckets(vector, &buckets, result);
    }
}

UNUSED static void run_duration(const json_t *vector)
{
    const json_t *expect = json_object_get(vector, "expect");
    assert_duration(vector, integer(json_object_get(vector, "in"), "us"),
                    json_string_value(json_object_get(expect, "text")));
}

#define VECTOR_REQUESTS_MAX 8

/* Requests of one key, in the order of their beginning. */
struct crowd {
    struct book *book;
    struct metered running[VECTOR_REQUESTS_MAX];
    size_t begun, ended;
};

UNUSED static void crowd_begin(const json_t *vector, struct crowd *crowd, const json_t *result)
{
    const struct metered_call call = {.key_id = 1, .user_id = 2, .group_id = 3};
    struct admission found = {0};
    assert_in_range(crowd->begun, 0, VECTOR_REQUESTS_MAX - 1);
    struct metered *next = &crowd->running[crowd->begun];
    enum fault fault = book_take_turn(crowd->book, &call, next, &found);
    CHECK_VECTOR(vector, json_is_true(result) == (fault == FAULT_NONE));
    crowd->begun += fault == FAULT_NONE;
    if (fault == FAULT_NONE)
        return;
    const char *seconds = json_string_value(json_object_get(result, "retry-after"));
    CHECK_VECTOR(vector, fault == FAULT_CONCURRENCY_LIMITED);
    CHECK_VECTOR(vector, fault_info(fault)->status == integer(result, "status"));
    CHECK_VECTOR(vector, strcmp(seconds, "1") == 0 && found.limit.wait_us == 1000000);
}

UNUSED static void crowd_end(struct crowd *crowd)
{
    assert_true(crowd->ended < crowd->begun);
    book_end_turn(crowd->book, &crowd->running[crowd->ended++], 0);
}

/* Through the book, as requests come. */
UNUSED static void run_concurrency(const json_t *vector)
{
    const json_t *in = json_object_get(vector, "in");
    const json_t *steps = json_object_get(in, "steps");
    const json_t *results = json_object_get(json_object_get(vector, "expect"), "results");
    const struct limit limit = {.scope = LIMIT_key,
                                .owner = 1,
                                .metric = LIMIT_CONCURRENT,
                                .size = {.amount = integer(in, "limit")}};
    struct crowd crowd = {.book = book_new()};
    assert_non_null(crowd.book);
    assert_true(meters_set(book_meters(crowd.book), &limit));
    for (size_t s = 0; s < json_array_size(steps); s++) {
        const char *step = json_string_value(json_array_get(steps, s));
        if (strcmp(step, "end") == 0)
            crowd_end(&crowd);
        else
            crowd_begin(vector, &crowd, json_array_get(results, s));
    }
    while (crowd.ended < crowd.begun)
        crowd_end(&crowd);
    book_free(&crowd.book);
}

#endif
