#include "relay/responses_reply.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/clock.h"
#include "tests/unit/tap_feed.h"

#define EVENT(type, members) "event: " type "\ndata: {\"type\":\"" type "\"" members "}\n\n"
#define CREATED                                                                                    \
    EVENT("response.created", ",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\","            \
                              "\"status\":\"in_progress\",\"error\":null,\"usage\":null,"          \
                              "\"output\":[]}")
#define PROGRESS                                                                                   \
    EVENT("response.in_progress", ",\"sequence_number\":1,\"response\":{\"id\":\"resp_1\"}")
#define ADDED                                                                                      \
    EVENT("response.output_item.added",                                                            \
          ",\"sequence_number\":2,\"item\":{\"id\":\"msg_1\",\"type\":\"message\"}")
#define DELTA EVENT("response.output_text.delta", ",\"sequence_number\":3,\"delta\":\"Hello\"")
#define DONE_ITEM                                                                                  \
    EVENT("response.output_item.done",                                                             \
          ",\"sequence_number\":4,\"item\":{\"id\":\"msg_1\",\"content\":[{\"text\":\"Hello\"}]}")
#define USED "\"usage\":{\"input_tokens\":9,\"output_tokens\":2}"
#define LAST(type)                                                                                 \
    EVENT(type, ",\"sequence_number\":5,\"response\":{\"id\":\"resp_1\",\"error\":null," USED      \
                ",\"output\":[{\"id\":\"msg_1\"},{\"id\":\"msg_2\"}]}")
#define FAILED(code)                                                                               \
    EVENT("response.failed",                                                                       \
          ",\"response\":{\"error\":{\"code\":\"" code "\",\"message\":\"m\"},\"output\":[]}")

static struct answer answer;

static void open_as(enum tap_kind kind)
{
    answer_open(&answer, kind, false);
    answer.tap.module = &responses_module;
}

static void feed(const char *text)
{
    open_as(TAP_EVENTS);
    answer_feed(&answer, text, strlen(text));
}

static void read_document(const char *text)
{
    open_as(TAP_JSON);
    answer_feed(&answer, text, strlen(text));
    tap_end(&answer.tap);
}

static void assert_client(const char *expected)
{
    struct str got = buf_str(&answer.client);
    if (!str_eq(got, str_of(expected)))
        fail_msg("\n  %.*s\nis not\n  %s", STR_ARG(got), expected);
}

static void assert_issued(const char *expected, size_t n)
{
    struct str got = buf_str(&answer.tap.issued);
    if (!str_eq(got, (struct str){expected, n}))
        fail_msg("%zu bytes: %.*s", got.n, STR_ARG(got));
}

static void lifecycle_events_are_held_until_another_for_any_cut(void **state)
{
    (void)state;
    static const char text[] = ": x\n\n" CREATED ": x\n\n" PROGRESS ADDED DELTA;
    size_t begun = strlen(": x\n\n" CREATED ": x\n\n" PROGRESS ADDED);
    for (size_t cut = 0; cut < sizeof text; cut++) {
        open_as(TAP_EVENTS);
        answer_feed(&answer, text, cut);
        assert_int_equal(answer.client.n, cut < begun             ? 0
                                          : cut < sizeof text - 1 ? begun
                                                                  : sizeof text - 1);
        assert_int_equal(answer.tap.released_any, cut >= begun);
        answer_feed(&answer, text + cut, sizeof text - 1 - cut);
        assert_client(text);
        assert_int_equal(answer.tap.next_number, 4);
        answer_close(&answer);
    }
}

static void held_events_go_when_their_time_is_over(void **state)
{
    (void)state;
    clock_set(5000000, 0);
    feed(CREATED "data: {\"type\":\"response.in_prog");
    assert_true(answer.tap.held && !answer.tap.released_any);
    assert_int_equal(answer.tap.held_ms, 5000);
    tap_release_held(&answer.tap);
    answer_pull(&answer);
    assert_client(CREATED);
    assert_true(answer.tap.released_any && !answer.tap.held);
    assert_int_equal(answer.tap.events, 1);
    tap_release_held(&answer.tap); /* nothing is left to let go */
    answer_pull(&answer);
    assert_client(CREATED);
    answer_close(&answer);
    feed(CREATED);
    tap_release_held(&answer.tap);
    answer_feed(&answer, PROGRESS, strlen(PROGRESS)); /* the promise is made: no more waiting */
    assert_client(CREATED PROGRESS);
    answer_close(&answer);
    clock_thaw();
}

static void late_lf_belongs_to_the_held_event(void **state)
{
    (void)state;
    static const char created[] = "data: {\"type\":\"response.created\"}\r\n\r";
    open_as(TAP_EVENTS);
    answer_feed(&answer, created, sizeof created - 1);
    answer_feed(&answer, "\n", 1);
    assert_client("");
    tap_release_held(&answer.tap);
    answer_pull(&answer);
    assert_client("data: {\"type\":\"response.created\"}\r\n\r\n");
    answer_close(&answer);
}

/* Three with long instructions would not fit into the stream together. */
static void long_lifecycle_events_are_not_held(void **state)
{
    (void)state;
    size_t n = STREAM_EVENT_MAX * 3 / 4;
    char *text = malloc(n + 200);
    assert_non_null(text);
    int begin = snprintf(text, 100, "data: {\"type\":\"response.queued\",\"x\":\"");
    memset(text + begin, 'x', n);
    snprintf(text + (size_t)begin + n, 10, "\"}\n\n");
    open_as(TAP_EVENTS);
    answer_feed(&answer, text, strlen(text));
    assert_true(answer.tap.held);
    assert_int_equal(answer.client.n, 0);
    answer_feed(&answer, text, strlen(text));
    assert_true(answer.tap.released_any);
    assert_true(answer.client.n >= strlen(text));
    answer_feed(&answer, text, strlen(text));
    assert_int_equal(answer.client.n, 3 * strlen(text));
    assert_true(answer.tap.issued.n == 0 && !answer.tap.error_seen);
    free(text);
    answer_close(&answer);
}

static void last_word_is_told_by_data_or_beside_it(void **state)
{
    (void)state;
    static const char *const last[] = {
        LAST("response.completed"),
        LAST("response.incomplete"),
        "event: response.completed\ndata: {\"response\":{" USED "}}\n\n",
        "data: {\"response\":{" USED "},\"type\":\"response.completed\"}\n\n",
        "event: message\ndata: {\"type\":\"response.incomplete\",\"response\":{" USED "}}\n\n",
    };
    for (size_t i = 0; i < COUNT(last); i++) {
        feed(CREATED DELTA);
        answer_feed(&answer, last[i], strlen(last[i]));
        answer_feed(&answer, "data: [DONE]\n\n", 14);
        assert_client(CREATED DELTA);
        assert_true(answer.tap.last_seen && tap_is_complete(&answer.tap));
        assert_int_equal(answer.tap.last_end, strlen(CREATED DELTA) + strlen(last[i]));
        assert_int_equal(answer.tap.usage.n[USAGE_prompt], 9);
        assert_int_equal(answer.tap.usage.n[USAGE_completion], 2);
        answer_close(&answer);
    }
    feed(CREATED DELTA DONE_ITEM "data: [DONE]\n\n");
    tap_end(&answer.tap);
    assert_client(CREATED DELTA DONE_ITEM);
    assert_false(answer.tap.last_seen || tap_is_complete(&answer.tap));
    answer_close(&answer);
}

static void error_is_taken_nested_flat_and_foreign(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
        bool foreign;
    } rows[] = {
        {EVENT("error", ",\"error\":{\"code\":\"c\",\"message\":\"m\"}"),
         "{\"code\":\"c\",\"message\":\"m\"}", false},
        {EVENT("error", ",\"code\":\"c\",\"message\":\"a \\\"b\\\"\",\"param\":null"),
         "{\"code\":\"c\",\"message\":\"a \\\"b\\\"\"}", false},
        {EVENT("error", ",\"code\":429"), "{\"code\":\"429\"}", false},
        {"event: error\ndata: {\"message\":\"m\"}\n\n", "{\"message\":\"m\"}", false},
        {"event: error\ndata: not JSON\n\n", "{}", false},
        {"data: {\"error\":{\"message\":\"m\"}}\n\n", "{\"message\":\"m\"}", true},
        {"data: {\"type\":\"x\",\"error\":\"m\"}\n\n", "\"m\"", true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int begun = 0; begun < 2; begun++) {
            feed(begun ? CREATED DELTA : CREATED);
            answer_feed(&answer, rows[i].text, strlen(rows[i].text));
            assert_true(answer.tap.error_seen && answer.tap.last_seen && !answer.tap.failed);
            assert_int_equal(answer.tap.first_is_error, !begun);
            assert_int_equal(answer.tap.released_any, begun);
            assert_int_equal(answer.tap.foreign_error, rows[i].foreign);
            if (!str_eq(buf_str(&answer.tap.error), str_of(rows[i].error)))
                fail_msg("row %zu: %.*s", i, STR_ARG(buf_str(&answer.tap.error)));
            assert_client(begun ? CREATED DELTA : "");
            answer_close(&answer);
        }
    }
}

/* What one event says of a message, a code or an error must not stick to the next. */
static void members_of_other_events_are_no_error(void **state)
{
    (void)state;
    static const char text[] = CREATED EVENT("response.x.done", ",\"code\":\"print(1)\"")
        EVENT("response.mcp.failed", ",\"error\":{\"message\":\"mine\"},\"message\":\"m\"");
    feed(text);
    assert_client(text);
    assert_int_equal(answer.tap.error.n, 0);
    static const char error[] = EVENT("error", ",\"code\":\"c\"");
    answer_feed(&answer, error, sizeof error - 1);
    assert_true(str_eq(buf_str(&answer.tap.error), STR("{\"code\":\"c\"}")));
    answer_close(&answer);
}

static void failed_answer_tells_whether_another_may_do_better(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool may_retry;
    } rows[] = {
        {FAILED("server_error"), true},
        {FAILED("rate_limit_exceeded"), true},
        {FAILED("invalid_prompt"), false},
        {EVENT("response.failed", ",\"response\":{\"error\":null}"), false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        feed(CREATED);
        answer_feed(&answer, rows[i].text, strlen(rows[i].text));
        assert_true(answer.tap.failed && answer.tap.first_is_error && answer.tap.last_seen);
        assert_int_equal(answer.tap.may_retry, rows[i].may_retry);
        assert_false(tap_is_complete(&answer.tap));
        assert_client("");
        answer_close(&answer);
    }
}

static void ids_are_gathered_once_until_the_last_word(void **state)
{
    (void)state;
    static const char behind[] = EVENT("response.created", ",\"response\":{\"id\":\"resp_later\"}");
    feed(CREATED PROGRESS ADDED DELTA DONE_ITEM LAST("response.completed"));
    answer_feed(&answer, behind, sizeof behind - 1);
    assert_issued("aresp_1\0imsg_1\0imsg_2", sizeof "aresp_1\0imsg_1\0imsg_2");
    assert_int_equal(answer.tap.issued_items, 2);
    answer_close(&answer);
    read_document("{\"output\":[{\"id\":\"rs_1\"},{\"id\":5},{}],\"id\":\"resp_1\","
                  "\"conversation\":{\"id\":\"conv_1\"},\"status\":\"completed\"}");
    assert_issued("irs_1\0aresp_1\0aconv_1", sizeof "irs_1\0aresp_1\0aconv_1");
    answer_close(&answer);
    read_document("{\"id\":\"a\\u0000b\",\"output\":[{\"id\":\"\"}]}");
    assert_issued("", 0);
    answer_close(&answer);
}

static void ids_that_do_not_fit_are_left_out(void **state)
{
    (void)state;
    char event[200];
    feed(CREATED);
    for (int i = 0; i < 1000; i++) {
        int n = snprintf(event, sizeof event,
                         "data: {\"type\":\"response.x\",\"item\":{\"id\":\"item_%040d\"}}\n\n", i);
        answer_feed(&answer, event, (size_t)n);
    }
    assert_in_range(answer.tap.issued.n, TAP_ISSUED_MAX - 50, TAP_ISSUED_MAX);
    assert_true(str_starts(buf_str(&answer.tap.issued), STR("aresp_1")));
    answer_close(&answer);
}

static void only_deltas_of_text_are_output(void **state)
{
    (void)state;
    feed(CREATED DELTA DONE_ITEM);
    assert_int_equal(answer.tap.output.bytes, 5);
    static const char more[] = EVENT("response.reasoning_text.delta", ",\"delta\":\"think\"")
        EVENT("response.function_call_arguments.delta", ",\"delta\":\"{}\",\"obfuscation\":\"xyz\"")
            EVENT("response.audio.delta", ",\"delta\":\"AAAAAAAAAAAA\"")
                EVENT("response.output_item.added", ",\"item\":{\"name\":\"weather\"}")
                    EVENT("response.output_item.done", ",\"item\":{\"name\":\"weather\"}");
    answer_feed(&answer, more, sizeof more - 1);
    assert_int_equal(answer.tap.output.bytes, 5 + 5 + 2 + 7);
    answer_close(&answer);
    read_document(
        "{\"id\":\"r\",\"output\":[{\"type\":\"message\",\"content\":[{\"text\":\"Hello\","
        "\"annotations\":[{\"title\":\"no\"}]}]},{\"name\":\"f\",\"arguments\":\"{}\"},"
        "{\"result\":\"AAAA\"}]}");
    assert_int_equal(answer.tap.output.bytes, 5 + 1 + 2);
    assert_int_equal(answer.tap.items, 3);
    answer_close(&answer);
}

static void good_document_has_an_id_and_output_or_status(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good, failed;
    } rows[] = {
        {"{\"id\":\"r\",\"status\":\"completed\",\"error\":null}", true, false},
        {"{\"id\":\"r\",\"output\":[]}", true, false},
        {"{\"id\":\"r\",\"output\":[{}],\"status\":\"incomplete\"}", true, false},
        {"{\"id\":\"r\",\"status\":\"failed\",\"error\":{\"code\":\"server_error\"}}", true, true},
        {"{\"id\":\"r\",\"status\":null}", false, false},
        {"{\"id\":\"r\",\"output\":\"x\"}", false, false},
        {"{\"id\":\"\",\"status\":\"completed\"}", false, false},
        {"{\"id\":5,\"status\":\"completed\"}", false, false},
        {"{\"status\":\"completed\",\"output\":[{}]}", false, false},
        {"{\"error\":{\"message\":\"x\"}}", false, false},
        {"{\"id\":\"r\",\"status\":\"completed\"", false, false},
        {"[]", false, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        read_document(rows[i].text);
        if (tap_is_good(&answer.tap) != rows[i].good || answer.tap.failed != rows[i].failed)
            fail_msg("%s", rows[i].text);
        answer_close(&answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lifecycle_events_are_held_until_another_for_any_cut),
        cmocka_unit_test(held_events_go_when_their_time_is_over),
        cmocka_unit_test(late_lf_belongs_to_the_held_event),
        cmocka_unit_test(long_lifecycle_events_are_not_held),
        cmocka_unit_test(last_word_is_told_by_data_or_beside_it),
        cmocka_unit_test(error_is_taken_nested_flat_and_foreign),
        cmocka_unit_test(members_of_other_events_are_no_error),
        cmocka_unit_test(failed_answer_tells_whether_another_may_do_better),
        cmocka_unit_test(ids_are_gathered_once_until_the_last_word),
        cmocka_unit_test(ids_that_do_not_fit_are_left_out),
        cmocka_unit_test(only_deltas_of_text_are_output),
        cmocka_unit_test(good_document_has_an_id_and_output_or_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
