#include "server/reply.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "relay/allowance.h"

static const struct settings detailed = {.server_error_details = true};
static const struct settings bare = {.server_error_details = false};
static const struct settings openai = {.server_error_details = true,
                                       .server_error_dialect = ERROR_DIALECT_OPENAI};
static const struct settings openai_bare = {.server_error_dialect = ERROR_DIALECT_OPENAI};

static void assert_text(const struct buf *buf, const char *expected)
{
    struct str text = buf_str(buf);
    if (!str_eq(text, str_of(expected)))
        fail_msg("\n  %.*s\nis not\n  %s", STR_ARG(text), expected);
}

static void assert_body(const struct failure *failure, const struct settings *settings,
                        const char *expected)
{
    struct buf body;
    buf_init(&body, 65536);
    assert_true(reply_body(failure, settings, "req_1", false, &body));
    assert_text(&body, expected);
    buf_release(&body);
}

static void assert_headers(const struct failure *failure, const char *expected)
{
    struct buf lines;
    buf_init(&lines, 1024);
    assert_true(reply_headers(failure, &lines));
    assert_text(&lines, expected);
    buf_release(&lines);
}

static void missing_header_answers_the_documented_example(void **state)
{
    (void)state;
    struct failure f = {0};
    failure_set(&f, FAULT_MISSING_AUTHORIZATION, "%s", "");
    failure_set_param(&f, "never shown");
    static const char example[] = "{\"error\":{\"message\":\"No Authorization header\","
                                  "\"type\":\"invalid_token\",\"code\":401}}";
    assert_body(&f, &detailed, example);
    assert_body(&f, &bare, example);
    assert_headers(&f, "WWW-Authenticate: Bearer\n");
    assert_int_equal(reply_status(&f, &detailed), 401);
    assert_false(reply_closes(&f));
    failure_release(&f);
}

static void body_has_its_members_in_order(void **state)
{
    (void)state;
    struct failure f = {0};
    failure_set(&f, FAULT_MODEL_NOT_FOUND, "%s", "a\"b\\c\n\x01\xff<");
    failure_set_param(&f, "mod\"el");
    assert_body(&f, &detailed,
                "{\"error\":{\"message\":\"The model 'a\\\"b\\\\c\\n\\u0001\xef\xbf\xbd<' does not "
                "exist\",\"type\":\"invalid_request_error\",\"code\":404,\"param\":\"mod\\\"el\","
                "\"reason\":\"model_not_found\",\"request_id\":\"req_1\"}}");
    failure_set(&f, FAULT_UNKNOWN_TOKEN, "%s", "");
    assert_body(&f, &detailed,
                "{\"error\":{\"message\":\"Invalid token\",\"type\":\"invalid_token\",\"code\":401,"
                "\"param\":null,\"reason\":\"unknown_token\",\"request_id\":\"req_1\"}}");
    assert_body(&f, &bare,
                "{\"error\":{\"message\":\"Invalid token\",\"type\":\"invalid_token\","
                "\"code\":401}}");
    failure_release(&f);
}

static void upstream_is_told_where_it_is_known(void **state)
{
    (void)state;
    struct failure f = {0};
    failure_set(&f, FAULT_UPSTREAM_PARAMETER, "%s", "");
    failure_set_param(&f, "temperature");
    f.message = str_dup(STR("Invalid 'temperature'"));
    memcpy(f.reason, "above_max", 10);
    f.upstream_status = 400;
    memcpy(f.upstream_type, "a\"t", 4);
    assert_body(&f, &detailed,
                "{\"error\":{\"message\":\"Invalid 'temperature'\","
                "\"type\":\"invalid_request_error\",\"code\":404,\"param\":\"temperature\","
                "\"reason\":\"above_max\",\"request_id\":\"req_1\","
                "\"upstream\":{\"status\":400,\"type\":\"a\\\"t\",\"code\":null}}}");
    assert_body(&f, &bare,
                "{\"error\":{\"message\":\"Invalid 'temperature'\","
                "\"type\":\"invalid_request_error\",\"code\":404}}");
    failure_release(&f);
}

static void openai_dialect_has_param_before_a_text_for_a_code(void **state)
{
    (void)state;
    struct failure f = {0};
    failure_set(&f, FAULT_MISSING_PARAMETER, "%s", "model");
    failure_set_param(&f, "model");
    assert_int_equal(reply_status(&f, &openai), 400);
    assert_body(&f, &openai,
                "{\"error\":{\"message\":\"Missing required parameter: 'model'\","
                "\"type\":\"invalid_request_error\",\"param\":\"model\","
                "\"code\":\"missing_parameter\",\"reason\":\"missing_parameter\","
                "\"request_id\":\"req_1\"}}");
    assert_body(&f, &openai_bare,
                "{\"error\":{\"message\":\"Missing required parameter: 'model'\","
                "\"type\":\"invalid_request_error\",\"param\":\"model\","
                "\"code\":\"missing_parameter\"}}");
    /* The documented example is not OpenAI's. */
    failure_set(&f, FAULT_MISSING_AUTHORIZATION, "%s", "");
    assert_body(&f, &openai,
                "{\"error\":{\"message\":\"No Authorization header\","
                "\"type\":\"invalid_request_error\",\"param\":null,"
                "\"code\":\"invalid_api_key\",\"reason\":\"missing_authorization\","
                "\"request_id\":\"req_1\"}}");
    assert_headers(&f, "WWW-Authenticate: Bearer\n");
    failure_release(&f);
}

static void longest_message_fits(void **state)
{
    (void)state;
    struct failure f = {0};
    struct buf body;
    buf_init(&body, 65536);
    char text[FAILURE_MESSAGE_MAX * 2];
    memset(text, '\x01', sizeof text);
    failure_set(&f, FAULT_UPSTREAM_PARAMETER, "%s", "");
    f.message = str_dup((struct str){text, sizeof text - 1});
    assert_true(reply_body(&f, &detailed, "req_1", false, &body));
    assert_true(body.n > 6 * (sizeof text - 1));
    buf_release(&body);
    failure_release(&f);
}

static void waits_are_told_in_both_headers(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        bool no_retry;
        const char *expected;
    } rows[] = {
        {0, false, ""},
        {7000, false, "retry-after: 7\nretry-after-ms: 7000\n"},
        {6570, false, "retry-after: 7\nretry-after-ms: 6570\n"},
        {1, false, "retry-after: 1\nretry-after-ms: 1000\n"}, /* 1..60 s, in either unit */
        {999, false, "retry-after: 1\nretry-after-ms: 1000\n"},
        {1001, false, "retry-after: 2\nretry-after-ms: 1001\n"},
        {60000, false, "retry-after: 60\nretry-after-ms: 60000\n"},
        {60001, false, "retry-after: 60\nretry-after-ms: 60000\nx-should-retry: false\n"},
        {INT64_MAX, true, "retry-after: 60\nretry-after-ms: 60000\nx-should-retry: false\n"},
        {2000, true, "retry-after: 2\nretry-after-ms: 2000\nx-should-retry: false\n"},
    };
    struct failure f = {0};
    for (size_t i = 0; i < COUNT(rows); i++) {
        failure_set(&f, FAULT_UPSTREAM_RATE_LIMITED, "%s", "");
        f.retry_after_ms = rows[i].ms;
        f.no_retry = rows[i].no_retry;
        assert_headers(&f, rows[i].expected);
    }
    failure_release(&f);
}

static void wait_for_a_limit_of_ours_is_told_to_the_millisecond(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        bool never;
        const char *expected;
    } rows[] = {
        {1, false, "retry-after: 1\nretry-after-ms: 1\n"},
        {100000, false, "retry-after: 1\nretry-after-ms: 100\n"},
        {20000000, false, "retry-after: 20\nretry-after-ms: 20000\n"},
        {20000001, false, "retry-after: 21\nretry-after-ms: 20001\n"},
        {60000000, false, "retry-after: 60\nretry-after-ms: 60000\n"},
        {60006000, false, "retry-after: 60\nretry-after-ms: 60000\nx-should-retry: false\n"},
        {0, true, "x-should-retry: false\n"},
    };
    struct failure f = {0};
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct limit_refusal refusal = {.metric = LIMIT_REQUESTS,
                                              .amount = 3,
                                              .period_us = MINUTE_US,
                                              .wait_us = rows[i].us,
                                              .never = rows[i].never};
        failure_set_limit(&f, FAULT_TOKEN_RATE_LIMITED, &refusal);
        assert_headers(&f, rows[i].expected);
    }
    failure_release(&f);
}

static void fault_that_passes_soon_says_one_second(void **state)
{
    (void)state;
    static const enum fault soon[] = {FAULT_SHUTTING_DOWN,     FAULT_OVERLOADED,
                                      FAULT_STORE_UNAVAILABLE, FAULT_GATEWAY_MEMORY,
                                      FAULT_GATEWAY_INTERNAL,  FAULT_CONCURRENCY_LIMITED};
    struct failure f = {0};
    for (size_t i = 0; i < COUNT(soon); i++) {
        failure_set(&f, soon[i], "%s", "");
        assert_headers(&f, "retry-after: 1\nretry-after-ms: 1000\n");
    }
    failure_set(&f, FAULT_UPSTREAM_BLOCKED, "%s", "");
    assert_headers(&f, "x-should-retry: false\n");
    failure_set(&f, FAULT_INSUFFICIENT_BALANCE, "%s", "");
    assert_headers(&f, "x-should-retry: false\n");
    failure_set(&f, FAULT_METHOD_NOT_ALLOWED, "%s", "GET /v1/x");
    f.allow = "POST";
    assert_headers(&f, "Allow: POST\n");
    failure_release(&f);
}

/* The API page knows five statuses, each with one type; the rest is below the API. */
static void every_fault_has_a_documented_status(void **state)
{
    (void)state;
    struct failure f = {0};
    for (int fault = 1; fault < FAULT_COUNT; fault++) {
        failure_set(&f, (enum fault)fault, "%s", "");
        const struct fault_info *info = fault_info((enum fault)fault);
        bool framing = info->class_ == FAULT_CLASS_FRAMING;
        int status = reply_status(&f, &detailed);
        const char *type = status == 401   ? "invalid_token"
                           : status == 403 ? "insufficient_quota"
                           : status == 404 ? "invalid_request_error"
                           : status == 429 ? "rate_limit_error"
                           : status == 502 ? "server_error"
                                           : "";
        if (info->class_ == FAULT_CLASS_CLIENT)
            assert_int_equal(status, 0);
        else if (framing)
            assert_true(status == 400 || status == 411 || status == 501);
        else
            assert_string_equal(info->type, type);
        bool closes = framing || fault == FAULT_SHUTTING_DOWN || fault == FAULT_OVERLOADED ||
                      fault == FAULT_BODY_TOO_LARGE;
        assert_int_equal(reply_closes(&f), closes);
        assert_true(status == 429 ||
                    !str_contains_nocase(str_of(info->message), STR("rate limit")));
    }
    failure_release(&f);
}

static void body_without_room_is_told(void **state)
{
    (void)state;
    struct failure f = {0};
    failure_set(&f, FAULT_UNKNOWN_TOKEN, "%s", "");
    for (size_t room = 1; room < 100; room++) {
        struct buf body;
        buf_init(&body, room);
        assert_false(reply_body(&f, &detailed, "req_1", false, &body));
        buf_release(&body);
    }
    failure_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_header_answers_the_documented_example),
        cmocka_unit_test(body_has_its_members_in_order),
        cmocka_unit_test(upstream_is_told_where_it_is_known),
        cmocka_unit_test(openai_dialect_has_param_before_a_text_for_a_code),
        cmocka_unit_test(longest_message_fits),
        cmocka_unit_test(waits_are_told_in_both_headers),
        cmocka_unit_test(wait_for_a_limit_of_ours_is_told_to_the_millisecond),
        cmocka_unit_test(fault_that_passes_soon_says_one_second),
        cmocka_unit_test(every_fault_has_a_documented_status),
        cmocka_unit_test(body_without_room_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
