#include "relay/verdict.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tap_feed.h"

#define HELLO "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n"

/* One outcome, as the relay sees it, and what it must mean. */
struct row {
    const char *name; /* the line of the wire contract */
    enum attempt_end end;
    int status;
    const char *body;
    enum fault fault;
    enum verdict_action action;        /* of chat */
    enum verdict_action create_action; /* of a paid create */
    const char *message, *param, *reason;
    int upstream_status; /* 0: must not be told */
};

#define UNREACHED "Upstream provider could not be reached"
#define LATE "Upstream provider did not answer in time"
#define CLOSED "Upstream provider closed the connection"
#define INVALID "Upstream provider returned an invalid response"
#define GENERIC "Upstream provider is not available"
#define FAILED "Upstream provider failed"
#define LIMITING "Upstream provider is rate limiting; retry later"
#define REJECTED "The upstream provider rejected the content"
#define NO_MODEL "No upstream provider can serve model 'm' now"
#define NEXT VERDICT_NEXT
#define FAIL VERDICT_FAIL
#define E(message, type, code)                                                                     \
    "{\"error\":{\"message\":\"" message "\",\"type\":\"" type "\",\"code\":" code "}}"

static const struct row rows[] = {
    {"U01", ATTEMPT_UNREACHABLE, 0, "", FAULT_UPSTREAM_UNREACHABLE, NEXT, NEXT, UNREACHED, "",
     "upstream_unreachable", 0},
    {"U03", ATTEMPT_TLS, 0, "", FAULT_UPSTREAM_TLS, NEXT, NEXT, UNREACHED, "", "upstream_tls_error",
     0},
    {"U04", ATTEMPT_CONNECT_TIMEOUT, 0, "", FAULT_UPSTREAM_CONNECT_TIMEOUT, NEXT, NEXT, UNREACHED,
     "", "upstream_connect_timeout", 0},
    {"U05", ATTEMPT_TIMEOUT, 0, "", FAULT_UPSTREAM_TIMEOUT, NEXT, FAIL, LATE, "",
     "upstream_timeout", 0},
    {"U06", ATTEMPT_DISCONNECTED, 0, "", FAULT_UPSTREAM_DISCONNECTED, NEXT, FAIL, CLOSED, "",
     "upstream_disconnected", 0},
    {"U07", ATTEMPT_INVALID, 0, "", FAULT_UPSTREAM_INVALID, NEXT, FAIL, INVALID, "",
     "upstream_invalid_response", 0},
    {"U07 bad chunk", ATTEMPT_INVALID, 200, "{\"choices\":[{", FAULT_UPSTREAM_INVALID, NEXT, FAIL,
     INVALID, "", "upstream_invalid_response", 0},
    {"U07 header cut", ATTEMPT_COMPLETE, 200, "", FAULT_UPSTREAM_INVALID, NEXT, FAIL, INVALID, "",
     "upstream_invalid_response", 0},
    {"no status", ATTEMPT_COMPLETE, 0, "", FAULT_UPSTREAM_INVALID, NEXT, FAIL, INVALID, "",
     "upstream_invalid_response", 0},
    {"our memory", ATTEMPT_FAILED, 0, "", FAULT_GATEWAY_MEMORY, FAIL, FAIL,
     "Internal gateway error", "", "internal_error", 0},
    {"U08", ATTEMPT_TIMEOUT, 200, "{\"choices\":[{}]", FAULT_UPSTREAM_TIMEOUT, NEXT, FAIL, LATE, "",
     "upstream_timeout", 0},
    {"U09", ATTEMPT_DISCONNECTED, 200, "{\"choices\":[{}]", FAULT_UPSTREAM_DISCONNECTED, NEXT, FAIL,
     CLOSED, "", "upstream_disconnected", 0},
    {"U13 cut JSON", ATTEMPT_COMPLETE, 200, "{\"choices\":[{}]", FAULT_UPSTREAM_INVALID, NEXT, FAIL,
     INVALID, "", "upstream_invalid_response", 0},
    {"U13 HTML", ATTEMPT_COMPLETE, 200, "<html></html>", FAULT_UPSTREAM_INVALID, NEXT, FAIL,
     INVALID, "", "upstream_invalid_response", 0},
    {"U14", ATTEMPT_COMPLETE, 200, E("x", "t", "\"c\""), FAULT_UPSTREAM_ERROR, NEXT, FAIL, FAILED,
     "", "upstream_error", 500},
    {"U14 429", ATTEMPT_COMPLETE, 200, E("x", "t", "429"), FAULT_UPSTREAM_RATE_LIMITED, NEXT, NEXT,
     LIMITING, "", "upstream_rate_limited", 429},
    {"U14 400", ATTEMPT_COMPLETE, 200, E("Bad n", "t", "400"), FAULT_UPSTREAM_PARAMETER, FAIL, FAIL,
     "Bad n", "", "invalid_parameter", 400},
    {"U14 account", ATTEMPT_COMPLETE, 200, E("x", "insufficient_quota", "429"),
     FAULT_UPSTREAM_ACCOUNT, NEXT, NEXT, GENERIC, "", "upstream_unavailable", 0},
    {"U14 text", ATTEMPT_COMPLETE, 200, "{\"error\":\"boom\"}", FAULT_UPSTREAM_ERROR, NEXT, FAIL,
     FAILED, "", "upstream_error", 500},
    {"U15", ATTEMPT_COMPLETE, 200, "{\"choices\":[]}", FAULT_UPSTREAM_EMPTY, NEXT, FAIL,
     "Upstream provider returned no result", "", "upstream_empty_result", 0},
    {"U18", ATTEMPT_COMPLETE, 302, "", FAULT_UPSTREAM_MISCONFIGURED, NEXT, NEXT, GENERIC, "",
     "upstream_misconfigured", 0},
    {"U19", ATTEMPT_COMPLETE, 400,
     "{\"error\":{\"message\":\"Invalid 'temperature'\",\"type\":\"invalid_request_error\","
     "\"param\":\"temperature\",\"code\":\"decimal_above_max_value\"}}",
     FAULT_UPSTREAM_PARAMETER, FAIL, FAIL, "Invalid 'temperature' (decimal_above_max_value)",
     "temperature", "decimal_above_max_value", 400},
    {"U19 no slug", ATTEMPT_COMPLETE, 400, E("Bad", "t", "\"Not A Slug\""),
     FAULT_UPSTREAM_PARAMETER, FAIL, FAIL, "Bad", "", "invalid_parameter", 400},
    {"U19 empty", ATTEMPT_COMPLETE, 400, "", FAULT_UPSTREAM_PARAMETER, FAIL, FAIL,
     "The upstream provider refused a parameter", "", "invalid_parameter", 400},
    {"U19 masked", ATTEMPT_COMPLETE, 400,
     E("sk-abcdef123456 org-ABCDEF12 https://up.example/x", "t", "null"), FAULT_UPSTREAM_PARAMETER,
     FAIL, FAIL, "sk-*** org-*** ***", "", "invalid_parameter", 400},
    {"U20", ATTEMPT_COMPLETE, 400,
     E("too long", "invalid_request_error", "\"context_length_exceeded\""), FAULT_UPSTREAM_CONTEXT,
     FAIL, FAIL, "too long (context_length_exceeded)", "", "context_length_exceeded", 400},
    {"U20 sentence", ATTEMPT_COMPLETE, 400,
     E("This model's maximum context length is 10 tokens", "t", "null"), FAULT_UPSTREAM_CONTEXT,
     FAIL, FAIL, "This model's maximum context length is 10 tokens", "", "context_length_exceeded",
     400},
    {"U21", ATTEMPT_COMPLETE, 400, E("no", "t", "\"content_filter\""), FAULT_UPSTREAM_BLOCKED, FAIL,
     FAIL, REJECTED ": no (content_filter)", "", "prompt_blocked", 400},
    {"U21 no text", ATTEMPT_COMPLETE, 451, E("", "t", "\"content_filter\""), FAULT_UPSTREAM_BLOCKED,
     FAIL, FAIL, REJECTED, "", "prompt_blocked", 451},
    {"U21 DeepSeek", ATTEMPT_COMPLETE, 400,
     E("Content Exists Risk", "invalid_request_error", "\"invalid_request_error\""),
     FAULT_UPSTREAM_BLOCKED, FAIL, FAIL, REJECTED ": Content Exists Risk (invalid_request_error)",
     "", "prompt_blocked", 400},
    {"U21 OpenRouter", ATTEMPT_COMPLETE, 403,
     "{\"error\":{\"code\":403,\"message\":\"flagged\",\"metadata\":{\"reasons\":[1]}}}",
     FAULT_UPSTREAM_BLOCKED, FAIL, FAIL, REJECTED ": flagged (prompt_blocked)", "",
     "prompt_blocked", 403},
    {"U23", ATTEMPT_COMPLETE, 400, E("pay", "t", "\"Arrearage\""), FAULT_UPSTREAM_ACCOUNT, NEXT,
     NEXT, GENERIC, "", "upstream_unavailable", 0},
    {"U24", ATTEMPT_COMPLETE, 404, E("x", "t", "\"model_not_found\""), FAULT_UPSTREAM_MODEL, NEXT,
     NEXT, NO_MODEL, "", "upstream_model_unavailable", 0},
    {"U24 400", ATTEMPT_COMPLETE, 400, E("Model Not Exist", "t", "null"), FAULT_UPSTREAM_MODEL,
     NEXT, NEXT, NO_MODEL, "", "upstream_model_unavailable", 0},
    {"U25", ATTEMPT_COMPLETE, 401, E("bad key", "t", "null"), FAULT_UPSTREAM_ACCOUNT, NEXT, NEXT,
     GENERIC, "", "upstream_unavailable", 0},
    {"U26", ATTEMPT_COMPLETE, 402, E("Insufficient Balance", "t", "null"), FAULT_UPSTREAM_ACCOUNT,
     NEXT, NEXT, GENERIC, "", "upstream_unavailable", 0},
    {"U27", ATTEMPT_COMPLETE, 403, "<html>Forbidden</html>", FAULT_UPSTREAM_ACCOUNT, NEXT, NEXT,
     GENERIC, "", "upstream_unavailable", 0},
    {"U28", ATTEMPT_COMPLETE, 404, "<html></html>", FAULT_UPSTREAM_MISCONFIGURED, NEXT, NEXT,
     GENERIC, "", "upstream_misconfigured", 0},
    {"U28 url", ATTEMPT_COMPLETE, 404, E("Invalid URL (POST /x)", "invalid_request_error", "null"),
     FAULT_UPSTREAM_MISCONFIGURED, NEXT, NEXT, GENERIC, "", "upstream_misconfigured", 0},
    {"U28 detail", ATTEMPT_COMPLETE, 404, "{\"detail\":\"Not Found\"}",
     FAULT_UPSTREAM_MISCONFIGURED, NEXT, NEXT, GENERIC, "", "upstream_misconfigured", 0},
    {"U29", ATTEMPT_COMPLETE, 404, E("No such file", "invalid_request_error", "null"),
     FAULT_UPSTREAM_NOT_FOUND, FAIL, FAIL, "No such file", "", "not_found", 404},
    {"U31", ATTEMPT_COMPLETE, 408, "", FAULT_UPSTREAM_TIMEOUT, NEXT, FAIL, LATE, "",
     "upstream_timeout", 0},
    {"U32", ATTEMPT_COMPLETE, 409, "", FAULT_UPSTREAM_CONFLICT, NEXT, FAIL,
     "Upstream provider reported a conflict", "", "upstream_conflict", 409},
    {"U33", ATTEMPT_COMPLETE, 413, E("Too big", "t", "null"), FAULT_UPSTREAM_TOO_LARGE, NEXT, NEXT,
     "Too big", "", "request_too_large", 413},
    {"U34", ATTEMPT_COMPLETE, 422, E("Bad", "t", "null"), FAULT_UPSTREAM_PARAMETER, FAIL, FAIL,
     "Bad", "", "invalid_parameter", 422},
    {"U36", ATTEMPT_COMPLETE, 429, E("slow", "t", "\"rate_limit_exceeded\""),
     FAULT_UPSTREAM_RATE_LIMITED, NEXT, NEXT, LIMITING, "", "upstream_rate_limited", 429},
    {"U38", ATTEMPT_COMPLETE, 429, E("quota", "insufficient_quota", "\"insufficient_quota\""),
     FAULT_UPSTREAM_ACCOUNT, NEXT, NEXT, GENERIC, "", "upstream_unavailable", 0},
    {"U39", ATTEMPT_COMPLETE, 429, E("Request too large for gpt on TPM", "tokens", "null"),
     FAULT_UPSTREAM_TOO_LARGE, NEXT, NEXT, "Request too large for gpt on TPM", "",
     "request_too_large", 429},
    {"U40", ATTEMPT_COMPLETE, 499, "", FAULT_UPSTREAM_DISCONNECTED, NEXT, FAIL, CLOSED, "",
     "upstream_disconnected", 0},
    {"U41", ATTEMPT_COMPLETE, 500, "oops", FAULT_UPSTREAM_ERROR, NEXT, FAIL, FAILED, "",
     "upstream_error", 500},
    {"U42 502", ATTEMPT_COMPLETE, 502, "<html></html>", FAULT_UPSTREAM_ERROR, NEXT, FAIL, FAILED,
     "", "upstream_error", 502},
    {"U42 503", ATTEMPT_COMPLETE, 503, "", FAULT_UPSTREAM_OVERLOADED, NEXT, FAIL, FAILED, "",
     "upstream_overloaded", 503},
    {"U44", ATTEMPT_COMPLETE, 529, E("Overloaded", "overloaded_error", "null"),
     FAULT_UPSTREAM_OVERLOADED, NEXT, FAIL, FAILED, "", "upstream_overloaded", 529},
    {"U45 param", ATTEMPT_COMPLETE, 418, E("Tea", "invalid_request_error", "null"),
     FAULT_UPSTREAM_PARAMETER, FAIL, FAIL, "Tea", "", "invalid_parameter", 418},
    {"U45", ATTEMPT_COMPLETE, 418, E("Tea", "t", "null"), FAULT_UPSTREAM_ERROR, NEXT, FAIL, FAILED,
     "", "upstream_error", 418},
    {"U46", ATTEMPT_COMPLETE, 500, E("Bad n", "invalid_request_error", "null"),
     FAULT_UPSTREAM_PARAMETER, FAIL, FAIL, "Bad n", "", "invalid_parameter", 500},
    {"U46 context", ATTEMPT_COMPLETE, 500, E("long", "t", "\"context_length_exceeded\""),
     FAULT_UPSTREAM_CONTEXT, FAIL, FAIL, "long (context_length_exceeded)", "",
     "context_length_exceeded", 500},
    {"error body cut", ATTEMPT_DISCONNECTED, 503, "", FAULT_UPSTREAM_OVERLOADED, NEXT, FAIL, FAILED,
     "", "upstream_overloaded", 503},
};

static struct attempt attempt_of(enum attempt_end end, int status)
{
    struct attempt attempt;
    memset(&attempt, 0, sizeof attempt);
    attempt.end = end;
    attempt.head.status = status;
    return attempt;
}

static enum verdict_action judged(const struct row *row, bool repeat_ambiguous,
                                  struct failure *failure)
{
    struct attempt attempt = attempt_of(row->end, row->status);
    struct answer answer;
    answer_open(&answer, TAP_JSON, false);
    struct outcome outcome = {
        .attempt = &attempt, .model = "m", .repeat_ambiguous = repeat_ambiguous};
    if (row->status >= 200 && row->status < 300 && row->body[0] != '\0') {
        answer_feed(&answer, row->body, strlen(row->body));
        if (row->end == ATTEMPT_COMPLETE)
            tap_end(&answer.tap);
        outcome.tap = &answer.tap;
    } else {
        outcome.body = str_of(row->body);
    }
    enum verdict_action action = verdict_of(&outcome, failure);
    answer_close(&answer);
    return action;
}

static void check_message(const struct row *row, const struct failure *failure)
{
    struct buf message;
    buf_init(&message, 8192);
    assert_true(failure_message(failure, &message));
    if (!str_eq(buf_str(&message), str_of(row->message)))
        fail_msg("%s: message '%.*s'", row->name, STR_ARG(buf_str(&message)));
    buf_release(&message);
}

static void each_outcome_means_what_the_contract_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *row = &rows[i];
        struct failure failure = {0};
        enum verdict_action action = judged(row, true, &failure);
        if (failure.fault != row->fault || action != row->action)
            fail_msg("%s: %s, action %d", row->name, fault_name(failure.fault), (int)action);
        check_message(row, &failure);
        if (strcmp(failure.param, row->param) != 0 ||
            strcmp(failure_reason(&failure), row->reason) != 0 ||
            failure.upstream_status != row->upstream_status)
            fail_msg("%s: param '%s', reason '%s', upstream %d", row->name, failure.param,
                     failure_reason(&failure), failure.upstream_status);
        if (row->upstream_status == 0)
            assert_true(failure.upstream_type[0] == '\0' && failure.upstream_code[0] == '\0');
        assert_false(failure.no_retry);
        failure_release(&failure);
    }
}

static void paid_create_is_not_repeated_where_it_may_have_been_processed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct failure failure = {0};
        enum verdict_action action = judged(&rows[i], false, &failure);
        enum fault_class class_ = fault_info(rows[i].fault)->class_;
        bool unsure = class_ == FAULT_CLASS_AMBIGUOUS || class_ == FAULT_CLASS_INVALID ||
                      class_ == FAULT_CLASS_SERVER;
        if (action != rows[i].create_action || failure.no_retry != unsure)
            fail_msg("%s: action %d, no_retry %d", rows[i].name, (int)action, failure.no_retry);
        failure_release(&failure);
    }
}

static void no_is_what_a_status_refuses_and_names_no_result(void **state)
{
    (void)state;
    static const int made[] = {303, 500, 502, 504, 520}, refused[] = {200, 302, 402, 429, 501, 503};
    for (size_t i = 0; i < COUNT(made); i++)
        assert_false(verdict_is_no(FAULT_UPSTREAM_ACCOUNT, made[i], false));
    for (size_t i = 0; i < COUNT(refused); i++) {
        assert_true(verdict_is_no(FAULT_UPSTREAM_ACCOUNT, refused[i], false));
        assert_false(verdict_is_no(FAULT_UPSTREAM_ACCOUNT, refused[i], true));
    }
    assert_true(verdict_is_no(FAULT_UPSTREAM_PARAMETER, 500, false));
    assert_true(verdict_is_no(FAULT_UPSTREAM_UNREACHABLE, 0, false));
    assert_false(verdict_is_no(FAULT_UPSTREAM_TIMEOUT, 0, false));
}

static void whole_families_of_statuses_have_one_meaning(void **state)
{
    (void)state;
    static const struct {
        enum fault fault;
        int statuses[16];
    } families[] = {
        {FAULT_UPSTREAM_MISCONFIGURED,
         {300, 301, 302, 303, 307, 308, 405, 406, 410, 426, 501, 505}},
        {FAULT_UPSTREAM_TIMEOUT, {408, 504, 522, 524}},
        {FAULT_UPSTREAM_ERROR, {423, 424, 425, 418, 431, 500, 502, 506, 507, 511}},
        {FAULT_UPSTREAM_OVERLOADED, {503, 520, 521, 523, 525, 526, 527, 529}},
        {FAULT_UPSTREAM_PARAMETER, {400, 415, 422}},
        {FAULT_UPSTREAM_ACCOUNT, {401, 402, 403}},
    };
    for (size_t f = 0; f < COUNT(families); f++) {
        for (const int *status = families[f].statuses; *status != 0; status++) {
            struct failure failure = {0};
            struct row row = {.end = ATTEMPT_COMPLETE, .status = *status, .body = ""};
            judged(&row, true, &failure);
            if (failure.fault != families[f].fault)
                fail_msg("%d: %s", *status, fault_name(failure.fault));
            failure_release(&failure);
        }
    }
}

/* Most keys are masked by their form; one of no known form by what it is. */
static void key_of_the_provider_is_never_told(void **state)
{
    (void)state;
    struct provider provider = {.keys = {{.secret = (char[]){"0123456789abcdef.Zz"}}},
                                .key_count = 1};
    struct attempt attempt = attempt_of(ATTEMPT_COMPLETE, 400);
    struct failure failure = {0};
    struct outcome outcome = {
        .attempt = &attempt,
        .repeat_ambiguous = true,
        .model = "m",
        .body = STR("{\"error\":{\"message\":\"0123456789abcdef.Zz, x0123456789abcdef.Zz!\","
                    "\"type\":\"0123456789abcdef.Zz\",\"param\":\"a0123456789abcdef.Zz\"}}")};
    attempt.call.provider = &provider;
    assert_int_equal(verdict_of(&outcome, &failure), VERDICT_FAIL);
    assert_string_equal(failure.message, "***, x***!");
    assert_string_equal(failure.upstream_type, "***");
    assert_string_equal(failure.param, "a***");
    failure_release(&failure);
    struct provider_header second = {.secret = provider.keys[0].secret};
    provider.keys[0].secret = (char[]){"another-key"};
    provider.headers = (struct provider_headers){.list = &second, .n = 1};
    assert_int_equal(verdict_of(&outcome, &failure), VERDICT_FAIL);
    assert_string_equal(failure.message, "***, x***!");
    provider.headers.n = 0;
    provider.key_count = 0; /* a provider without a key */
    assert_int_equal(verdict_of(&outcome, &failure), VERDICT_FAIL);
    assert_string_equal(failure.param, "a0123456789abcdef.Zz");
    failure_release(&failure);
}

/* --- streams -------------------------------------------------------------------------------------
 */

static enum fault judged_stream(const char *text, enum attempt_end end, bool asked,
                                struct failure *failure)
{
    struct attempt attempt = attempt_of(end, 200);
    struct answer answer;
    bool events = str_starts(str_of(text), STR("data"));
    answer_open(&answer, events ? TAP_EVENTS : TAP_JSON, false);
    answer_feed(&answer, text, strlen(text));
    if (end == ATTEMPT_COMPLETE)
        tap_end(&answer.tap);
    struct outcome outcome = {.attempt = &attempt,
                              .repeat_ambiguous = true,
                              .tap = &answer.tap,
                              .model = "m",
                              .stream_asked = asked};
    (void)verdict_of(&outcome, failure);
    answer_close(&answer);
    return failure->fault;
}

static void words_of_the_provider_go_before_the_known_ones(void **state)
{
    (void)state;
    struct error_rule list[] = {
        {ERROR_MEANING_blocked, false, (char[]){"risk_control"}},
        {ERROR_MEANING_parameter, false, (char[]){"content_filter"}},
        {ERROR_MEANING_account, true, (char[]){"plan has ended"}},
        {ERROR_MEANING_rate, false, (char[]){"busy"}},
        {ERROR_MEANING_context, false, (char[]){"long"}},
        {ERROR_MEANING_model, false, (char[]){"gone"}},
        {ERROR_MEANING_server, false, (char[]){"invalid_request_error"}},
    };
    static const struct {
        const char *body;
        int status;
        enum fault fault;
    } cases[] = {
        {E("x", "t", "\"risk_control\""), 400, FAULT_UPSTREAM_BLOCKED},
        {E("x", "t", "\"content_filter\""), 400, FAULT_UPSTREAM_PARAMETER},
        {E("Your plan has ended.", "t", "null"), 400, FAULT_UPSTREAM_ACCOUNT},
        {E("x", "t", "\"busy\""), 500, FAULT_UPSTREAM_RATE_LIMITED},
        {E("x", "t", "\"long\""), 422, FAULT_UPSTREAM_CONTEXT},
        {E("x", "t", "\"gone\""), 400, FAULT_UPSTREAM_MODEL},
        {E("x", "invalid_request_error", "null"), 400, FAULT_UPSTREAM_ERROR},
        {E("x", "t", "\"moderation_blocked\""), 400, FAULT_UPSTREAM_BLOCKED},
    };
    struct provider provider = {.errors = {list, COUNT(list)}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct attempt attempt = attempt_of(ATTEMPT_COMPLETE, cases[i].status);
        struct failure failure = {0};
        struct outcome outcome = {.attempt = &attempt,
                                  .body = str_of(cases[i].body),
                                  .model = "m",
                                  .repeat_ambiguous = true};
        attempt.call.provider = &provider;
        (void)verdict_of(&outcome, &failure);
        assert_string_equal(fault_name(failure.fault), fault_name(cases[i].fault));
        failure_release(&failure);
    }
}

static void stream_that_failed_before_its_first_event(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum attempt_end end;
        bool asked;
        enum fault expected;
    } streams[] = {
        {"data: {\"error\":{\"code\":429}}\n\n", ATTEMPT_RUNNING, true,
         FAULT_UPSTREAM_RATE_LIMITED},
        {"data: {\"error\":{\"code\":\"invalid_api_key\"}}\n\n", ATTEMPT_DISCONNECTED, true,
         FAULT_UPSTREAM_ACCOUNT},
        {"data: {\"error\":{\"code\":400,\"message\":\"m\"}}\n\n", ATTEMPT_COMPLETE, true,
         FAULT_UPSTREAM_PARAMETER},
        {"data: {\"error\":\"text\"}\n\n", ATTEMPT_COMPLETE, true, FAULT_UPSTREAM_ERROR},
        {"data: {\"choices\":[", ATTEMPT_COMPLETE, true, FAULT_UPSTREAM_UNFINISHED},
        {"data: {\"choices\":[", ATTEMPT_DISCONNECTED, true, FAULT_UPSTREAM_DISCONNECTED},
        {"data: {\"choices\":[", ATTEMPT_TIMEOUT, true, FAULT_UPSTREAM_TIMEOUT},
        {"{\"choices\":[{}]}", ATTEMPT_COMPLETE, true, FAULT_UPSTREAM_INVALID},
        {"{\"error\":{\"code\":503}}", ATTEMPT_COMPLETE, true, FAULT_UPSTREAM_OVERLOADED},
        {HELLO, ATTEMPT_COMPLETE, false, FAULT_UPSTREAM_INVALID},
    };
    for (size_t i = 0; i < COUNT(streams); i++) {
        struct failure failure = {0};
        enum fault found =
            judged_stream(streams[i].text, streams[i].end, streams[i].asked, &failure);
        if (found != streams[i].expected)
            fail_msg("%s: %s", streams[i].text, fault_name(found));
        failure_release(&failure);
    }
}

static void refused_stream_options_are_left_out_once(void **state)
{
    (void)state;
    static const char body[] = E("Unknown parameter: stream_options", "t", "null");
    for (int status = 400; status <= 422; status += 22) {
        struct attempt attempt = attempt_of(ATTEMPT_COMPLETE, status);
        struct failure failure = {0};
        struct outcome outcome = {.attempt = &attempt,
                                  .repeat_ambiguous = true,
                                  .body = str_of(body),
                                  .model = "m",
                                  .stream_asked = true,
                                  .injected_usage = true};
        assert_int_equal(verdict_of(&outcome, &failure), VERDICT_REPEAT);
        assert_int_equal(failure.fault, FAULT_NONE);
        outcome.injected_usage = false; /* the caller's own: his mistake */
        assert_int_equal(verdict_of(&outcome, &failure), VERDICT_FAIL);
        assert_int_equal(failure.fault, FAULT_UPSTREAM_PARAMETER);
        outcome.injected_usage = true;
        outcome.body = STR("{\"error\":{\"message\":\"Bad n\"}}");
        assert_int_equal(verdict_of(&outcome, &failure), VERDICT_FAIL);
        failure_release(&failure);
    }
}

static void assert_in_stream(const char *text, enum attempt_end end, enum fault expected,
                             bool relayed)
{
    struct attempt attempt = attempt_of(end, 200);
    struct failure failure = {0};
    struct answer answer;
    bool relay_it = !relayed;
    answer_open(&answer, TAP_EVENTS, false);
    answer_feed(&answer, text, strlen(text));
    if (end == ATTEMPT_COMPLETE)
        tap_end(&answer.tap);
    verdict_in_stream(&attempt, &answer.tap, &failure, &relay_it);
    if (failure.fault != expected || relay_it != relayed)
        fail_msg("%s: %s, relay %d", text, fault_name(failure.fault), relay_it);
    failure_release(&failure);
    answer_close(&answer);
}

static void broken_stream_is_told_by_its_cause(void **state)
{
    (void)state;
    assert_in_stream(HELLO, ATTEMPT_COMPLETE, FAULT_STREAM_TRUNCATED, false);        /* U11 */
    assert_in_stream(HELLO, ATTEMPT_DISCONNECTED, FAULT_STREAM_DISCONNECTED, false); /* U10 */
    assert_in_stream(HELLO, ATTEMPT_INVALID, FAULT_STREAM_DISCONNECTED, false);
    assert_in_stream(HELLO, ATTEMPT_TIMEOUT, FAULT_STREAM_TIMEOUT, false); /* U12 */
}

static void error_event_is_relayed_unless_it_shows_the_account(void **state)
{
    (void)state;
    assert_in_stream(HELLO "data: {\"error\":{\"message\":\"x\",\"type\":\"server_error\"}}\n\n",
                     ATTEMPT_RUNNING, FAULT_STREAM_ERROR, true);
    assert_in_stream(HELLO "data: {\"error\":\"x\"}\n\n", ATTEMPT_COMPLETE, FAULT_STREAM_ERROR,
                     false);
    assert_in_stream(HELLO "data: {\"error\":{\"message\":\"Your account is unpaid\"}}\n\n",
                     ATTEMPT_COMPLETE, FAULT_STREAM_ERROR, false);
    assert_in_stream(HELLO "data: {\"error\":{\"code\":401,\"message\":\"x\"}}\n\n",
                     ATTEMPT_DISCONNECTED, FAULT_STREAM_ERROR, false);
    size_t n = TAP_COPY_MAX + 100;
    char *text = malloc(n + 200);
    assert_non_null(text);
    int begin = snprintf(text, n, HELLO "data: {\"error\":{\"message\":\"Your account is unpaid");
    memset(text + begin, 'x', n);
    snprintf(text + begin + n, 10, "\"}}\n\n");
    assert_in_stream(text, ATTEMPT_COMPLETE, FAULT_STREAM_ERROR, false);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_outcome_means_what_the_contract_says),
        cmocka_unit_test(paid_create_is_not_repeated_where_it_may_have_been_processed),
        cmocka_unit_test(no_is_what_a_status_refuses_and_names_no_result),
        cmocka_unit_test(whole_families_of_statuses_have_one_meaning),
        cmocka_unit_test(key_of_the_provider_is_never_told),
        cmocka_unit_test(words_of_the_provider_go_before_the_known_ones),
        cmocka_unit_test(stream_that_failed_before_its_first_event),
        cmocka_unit_test(refused_stream_options_are_left_out_once),
        cmocka_unit_test(broken_stream_is_told_by_its_cause),
        cmocka_unit_test(error_event_is_relayed_unless_it_shows_the_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
