#include "relay/tap.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tap_feed.h"

#define ROLE "{\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}"
#define HELLO "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"}}]}"
#define STOP "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}"
#define USAGE "{\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}"
#define AZURE "{\"choices\":[],\"prompt_filter_results\":[]}"
#define ERROR "{\"error\":{\"message\":\"x\",\"code\":429}}"
#define DATA(json) "data: " json "\n\n"
#define DONE "data: [DONE]\n\n"

static struct answer answer;

/* The whole text in pieces cut at `first` and `second`, no end. */
static void feed_cut(const char *text, size_t first, size_t second, bool injected)
{
    size_t n = strlen(text);
    answer_open(&answer, TAP_EVENTS, injected);
    answer_feed(&answer, text, first);
    answer_feed(&answer, text + first, second - first);
    answer_feed(&answer, text + second, n - second);
}

static void feed(const char *text, bool injected)
{
    feed_cut(text, strlen(text), strlen(text), injected);
}

static void assert_client(const char *expected)
{
    struct str got = buf_str(&answer.client);
    if (!str_eq(got, str_of(expected)))
        fail_msg("\n  %.*s\nis not\n  %s", STR_ARG(got), expected);
}

/* What the last commit lets go. */
static void assert_rest(const char *expected)
{
    size_t before = answer.client.n;
    stream_release_all(&answer.stream);
    answer_pull(&answer);
    struct str rest = str_from(buf_str(&answer.client), before);
    if (!str_eq(rest, str_of(expected)))
        fail_msg("\n  %.*s\nis not\n  %s", STR_ARG(rest), expected);
}

static void assert_usage(int64_t prompt, int64_t completion)
{
    assert_true(answer.tap.usage.seen && !answer.tap.usage.bad);
    assert_int_equal(answer.tap.usage.n[USAGE_prompt], prompt);
    assert_int_equal(answer.tap.usage.n[USAGE_completion], completion);
}

struct shape {
    const char *text, *passed, *held;
};

/* The usage event is withheld, with its late LF, wherever the stream is cut; all else is the
 * upstream's bytes. */
static void withheld_usage_is_gone_for_any_cuts(void **state)
{
    (void)state;
    static const struct shape shapes[] = {
        {DATA(ROLE) DATA(HELLO) DATA(STOP) DATA(USAGE) DONE, DATA(ROLE) DATA(HELLO) DATA(STOP),
         DONE},
        {"data: " HELLO "\r\n\r\ndata: " USAGE "\r\n\r\ndata: [DONE]\r\n\r\n",
         "data: " HELLO "\r\n\r\n", "data: [DONE]\r\n\r\n"},
        {"data:" HELLO "\r\rdata:" USAGE "\r\rdata:[DONE]\r\r", "data:" HELLO "\r\r",
         "data:[DONE]\r\r"},
        {": hi\n\nid: 1\ndata: " HELLO "\n\n: ping\n\ndata: " USAGE "\n\n: ping\n\n" DONE,
         ": hi\n\nid: 1\ndata: " HELLO "\n\n: ping\n\n: ping\n\n", DONE},
        {"\xEF\xBB\xBF" DATA(USAGE) DATA(HELLO) DONE, DATA(HELLO), DONE},
        {DATA(USAGE) DONE, "", DONE},
        {DATA(HELLO) "data: {\"choices\":[],\ndata: \"usage\":{\"prompt_tokens\":9,\ndata: "
                     "\"completion_tokens\":2}}\n\n" DONE,
         DATA(HELLO), DONE},
    };
    for (size_t s = 0; s < COUNT(shapes); s++) {
        size_t n = strlen(shapes[s].text);
        for (size_t first = 0; first <= n; first++) {
            for (size_t second = first; second <= n; second += 1 + n / 40) {
                feed_cut(shapes[s].text, first, second, true);
                assert_client(shapes[s].passed);
                assert_true(answer.tap.last_seen && !answer.tap.error_seen);
                assert_usage(9, 2);
                size_t whole = strlen(shapes[s].passed) + strlen(shapes[s].held);
                bool crlf = str_ends(str_of(shapes[s].held), STR("\r\n"));
                assert_in_range(answer.tap.last_end, whole - crlf, whole); /* the late LF */
                assert_true(tap_is_complete(&answer.tap));
                assert_rest(shapes[s].held);
                answer_close(&answer);
            }
        }
    }
}

static void every_byte_alone_gives_the_same(void **state)
{
    (void)state;
    static const char text[] = "data: " HELLO "\r\n\r\n: c\r\n\r\ndata: " STOP
                               "\r\n\r\ndata: " USAGE "\r\n\r\ndata: [DONE]\r\n\r\n";
    answer_open(&answer, TAP_EVENTS, true);
    for (size_t i = 0; i + 1 < sizeof text; i++)
        answer_feed(&answer, text + i, 1);
    assert_client("data: " HELLO "\r\n\r\n: c\r\n\r\ndata: " STOP "\r\n\r\n");
    assert_rest("data: [DONE]\r\n\r\n");
    assert_usage(9, 2);
    answer_close(&answer);
}

static void only_whole_events_go_on(void **state)
{
    (void)state;
    static const char text[] = DATA(ROLE) DATA(HELLO) DONE;
    size_t role = strlen(DATA(ROLE)), hello = role + strlen(DATA(HELLO));
    for (size_t n = 0; n < hello; n++) {
        answer_open(&answer, TAP_EVENTS, false);
        answer_feed(&answer, text, n);
        assert_int_equal(answer.client.n, n >= role ? role : 0);
        assert_int_equal(answer.tap.released_any, n >= role);
        answer_close(&answer);
    }
}

static void usage_that_the_client_asked_for_passes(void **state)
{
    (void)state;
    feed(DATA(HELLO) DATA(USAGE) DONE, false);
    assert_client(DATA(HELLO) DATA(USAGE));
    assert_usage(9, 2);
    answer_close(&answer);
}

static void only_the_injected_usage_event_is_withheld(void **state)
{
    (void)state;
    static const char *const passed[] = {
        DATA(AZURE),
        DATA("{\"choices\":[],\"usage\":null}"),
        DATA("{\"choices\":[],\"usage\":[]}"),
        DATA("{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}],\"usage\":"
             "{\"prompt_tokens\":1}}"),
        DATA("{\"usage\":{\"prompt_tokens\":1}}"),
        DATA("{\"choices\":null,\"usage\":{\"prompt_tokens\":1}}"),
        DATA("not json, but somebody's event"),
        DATA("{\"x_groq\":{\"usage\":{\"prompt_tokens\":1}},\"choices\":[{\"index\":0}]}"),
        "data: \n\n",
        "event: ping\ndata: {}\n\n",
    };
    for (size_t i = 0; i < COUNT(passed); i++) {
        feed(passed[i], true);
        assert_client(passed[i]);
        assert_false(answer.tap.last_seen);
        answer_close(&answer);
    }
}

static void state_of_one_event_does_not_leak_into_the_next(void **state)
{
    (void)state;
    static const char text[] = DATA("{\"choices\":[]}") DATA("{\"usage\":{\"prompt_tokens\":1}}")
        DATA("{\"choices\":[") DATA(HELLO);
    feed(text, true);
    assert_client(text);
    assert_true(answer.tap.output.bytes == 5);
    answer_close(&answer);
}

static void usage_told_twice_is_not_added_up(void **state)
{
    (void)state;
    feed(DATA("{\"choices\":[{}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}")
             DATA("{\"choices\":[{}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}")
                 DATA("{\"choices\":[{}],\"usage\":null}") DONE,
         false);
    assert_usage(9, 2);
    answer_close(&answer);
    feed(DATA("{\"choices\":[{\"index\":0,\"usage\":{\"prompt_tokens\":7,"
              "\"completion_tokens\":3}}]}"),
         false);
    assert_usage(7, 3);
    answer_close(&answer);
}

static void nothing_counts_behind_the_last_word(void **state)
{
    (void)state;
    feed(DATA(HELLO) DONE DATA(ERROR) DATA(HELLO) ": x\n\n", false);
    assert_client(DATA(HELLO));
    assert_true(answer.tap.last_seen && !answer.tap.error_seen);
    assert_int_equal(answer.tap.last_end, strlen(DATA(HELLO) DONE));
    assert_true(tap_is_complete(&answer.tap));
    answer_close(&answer);
}

static void done_is_known_in_all_its_spellings(void **state)
{
    (void)state;
    static const char *const done[] = {"data:[DONE]\n\n", "data: [DONE] \n\n", "data:  [DONE]\n\n",
                                       "id: 7\ndata: [DONE]\n\n", "event: x\ndata: [DONE]\n\n"};
    static const char *const other[] = {DATA("[DONE"),    DATA("\"[DONE]\""),
                                        DATA("x [DONE]"), DATA("[done]"),
                                        ": [DONE]\n\n",   "data: [DONE]\ndata: x\n\n"};
    for (size_t i = 0; i < COUNT(done); i++) {
        feed(done[i], false);
        assert_true(answer.tap.last_seen);
        assert_client("");
        assert_rest(done[i]);
        answer_close(&answer);
    }
    for (size_t i = 0; i < COUNT(other); i++) {
        feed(other[i], false);
        assert_false(answer.tap.last_seen);
        answer_close(&answer);
    }
}

static void comments_before_the_first_event_wait_for_it(void **state)
{
    (void)state;
    feed(": hello\n\nretry: 100\n\n", false);
    assert_client("");
    assert_false(answer.tap.released_any);
    assert_true(answer.tap.has_id);
    answer_feed(&answer, DATA(ROLE), strlen(DATA(ROLE)));
    assert_client(": hello\n\nretry: 100\n\n" DATA(ROLE));
    answer_feed(&answer, ": ping\n\n", 8);
    assert_client(": hello\n\nretry: 100\n\n" DATA(ROLE) ": ping\n\n");
    answer_close(&answer);
}

static void first_event_that_is_an_error_commits_nothing(void **state)
{
    (void)state;
    static const char text[] = ": x\r\n\r\ndata: " ERROR "\r\n\r\n" DATA(HELLO);
    for (size_t cut = 0; cut < sizeof text; cut++) {
        feed_cut(text, cut, cut, true);
        assert_client("");
        assert_true(answer.tap.first_is_error && answer.tap.error_seen);
        assert_false(answer.tap.released_any || tap_is_complete(&answer.tap));
        assert_true(str_eq(buf_str(&answer.tap.error), STR("{\"message\":\"x\",\"code\":429}")));
        answer_close(&answer);
    }
}

static void error_in_the_middle_is_held(void **state)
{
    (void)state;
    feed(DATA(HELLO) DATA(ERROR) DONE, false);
    assert_client(DATA(HELLO));
    assert_true(answer.tap.error_seen && answer.tap.last_seen && !answer.tap.first_is_error);
    assert_false(tap_is_complete(&answer.tap));
    assert_int_equal(answer.tap.last_end, strlen(DATA(HELLO) DATA(ERROR)));
    answer_close(&answer);
    feed(DATA("{\"error\":null,\"choices\":[{}]}") DATA("{\"error\":\"text\"}"), false);
    assert_true(answer.tap.error_seen && !answer.tap.first_is_error);
    assert_true(str_eq(buf_str(&answer.tap.error), STR("\"text\"")));
    answer_close(&answer);
}

/* What cannot be kept cannot be looked at: it must not pass for an object that may be relayed. */
static void error_too_long_to_keep_is_no_object(void **state)
{
    (void)state;
    size_t n = TAP_COPY_MAX + 100;
    char *text = malloc(n + 100);
    assert_non_null(text);
    int begin = snprintf(text, n, DATA(HELLO) "data: {\"error\":{\"message\":\"");
    memset(text + begin, 'x', n);
    snprintf(text + begin + n, 10, "\"}}\n\n");
    feed(text, false);
    assert_true(answer.tap.error_seen);
    assert_true(answer.tap.error.n > 0);
    assert_true(answer.tap.error.p[0] != '{');
    free(text);
    answer_close(&answer);
}

static void end_without_done_is_complete_when_every_choice_has_finished(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool complete;
    } rows[] = {
        {DATA(HELLO) DATA(STOP), true},
        {DATA(HELLO), false},
        {"", false},
        {DATA(AZURE), false},
        {DATA("{\"choices\":[{\"index\":1,\"delta\":{}}]}") DATA(STOP), false},
        {DATA("{\"choices\":[{\"index\":1,\"finish_reason\":\"length\"},{\"index\":0}]}")
             DATA(STOP),
         true},
        {DATA("{\"choices\":[{\"finish_reason\":\"stop\",\"index\":1},{\"index\":0}]}"), false},
        {DATA("{\"choices\":[{\"index\":0,\"finish_reason\":null}]}"), false},
        {DATA("{\"choices\":[{\"finish_reason\":\"stop\"}]}"), true},
        {DATA(STOP) DATA("{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":null}]}"),
         true},
        {DATA("{\"choices\":[{\"index\":127,\"finish_reason\":\"stop\"}]}"), true},
        {DATA(STOP) DATA("{\"choices\":[{\"index\":128,\"finish_reason\":\"stop\"}]}"), false},
        {DATA(STOP) DATA(ERROR), false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        feed(rows[i].text, false);
        tap_end(&answer.tap);
        if (tap_is_complete(&answer.tap) != rows[i].complete)
            fail_msg("row %zu: %s", i, rows[i].text);
        answer_close(&answer);
    }
}

/* Ends at every byte: whole events have passed, an event whole but for its blank line goes on,
 * half an event never was. */
static void end_at_any_byte_shows_whole_data_only(void **state)
{
    (void)state;
    static const char text[] = DATA(ROLE) DATA(HELLO) DATA(STOP);
    size_t role = strlen(DATA(ROLE)), hello = role + strlen(DATA(HELLO));
    for (size_t n = 0; n < sizeof text; n++) {
        size_t begin = n < role ? 0 : n < hello ? role : n < sizeof text - 1 ? hello : n;
        size_t next = n < role ? role : n < hello ? hello : sizeof text - 1;
        size_t expected = next - n <= 2 ? n : begin; /* the line, perhaps its LF */
        answer_open(&answer, TAP_EVENTS, false);
        answer_feed(&answer, text, n);
        tap_end(&answer.tap);
        answer_pull(&answer);
        if (answer.client.n != expected || stream_size(&answer.stream) != expected)
            fail_msg("ends at %zu: %zu, %zu, not %zu", n, answer.client.n,
                     (size_t)stream_size(&answer.stream), expected);
        answer_close(&answer);
    }
}

static void done_without_its_blank_line_is_the_last_word(void **state)
{
    (void)state;
    static const char *const ends[] = {"data: [DONE]", "data: [DONE]\n", "data:[DONE]\r\n"};
    for (size_t i = 0; i < COUNT(ends); i++) {
        feed(DATA(HELLO), false);
        answer_feed(&answer, ends[i], strlen(ends[i]));
        tap_end(&answer.tap);
        assert_true(answer.tap.last_seen && tap_is_complete(&answer.tap));
        assert_client(DATA(HELLO));
        assert_rest(ends[i]);
        answer_close(&answer);
    }
    feed(DATA(HELLO) "data: [DO", false);
    tap_end(&answer.tap);
    assert_false(answer.tap.last_seen || tap_is_complete(&answer.tap));
    assert_rest("");
    answer_close(&answer);
}

static void usage_event_without_its_blank_line_is_withheld(void **state)
{
    (void)state;
    feed(DATA(STOP) "data: " USAGE, true);
    tap_end(&answer.tap);
    assert_usage(9, 2);
    assert_client(DATA(STOP));
    assert_rest("");
    assert_true(tap_is_complete(&answer.tap));
    answer_close(&answer);
}

/* --- long events ---------------------------------------------------------------------------------
 */

static char *long_event(const char *before, size_t fill, const char *after)
{
    char *text = malloc(strlen(before) + fill + strlen(after) + 1);
    assert_non_null(text);
    size_t n = strlen(before);
    memcpy(text, before, n);
    memset(text + n, 'x', fill);
    memcpy(text + n + fill, after, strlen(after) + 1);
    return text;
}

static void feed_steps(const char *text, size_t step)
{
    for (size_t n = strlen(text), at = 0; at < n; at += step)
        answer_feed(&answer, text + at, n - at < step ? n - at : step);
}

static void long_event_passes_raw_and_the_next_is_held_again(void **state)
{
    (void)state;
    static const size_t steps[] = {997, 16384, 65536, 1000000};
    char *text =
        long_event(DATA(HELLO) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"",
                   STREAM_EVENT_MAX * 2, "\"}}]}\n\n");
    for (size_t i = 0; i < COUNT(steps); i++) {
        answer_open(&answer, TAP_EVENTS, true);
        feed_steps(text, steps[i]);
        assert_client(text);
        assert_false(answer.tap.raw);
        assert_int_equal(answer.tap.output.bytes, STREAM_EVENT_MAX * 2 + 5);
        assert_int_equal(answer.tap.events, 2);
        size_t before = answer.client.n;
        answer_feed(&answer, "data: {", 7);
        assert_int_equal(answer.client.n, before);
        answer_close(&answer);
    }
    free(text);
}

static void long_usage_event_is_withheld_only_if_nothing_of_it_is_out(void **state)
{
    (void)state;
    char *text = long_event("data: {\"pad\":\"", STREAM_EVENT_MAX + 6000,
                            "\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,"
                            "\"completion_tokens\":2}}\n\n" DONE);
    struct str whole = str_of(text);
    struct str event = str_slice(whole, 0, whole.n - strlen(DONE));
    answer_open(&answer, TAP_EVENTS, true);
    feed_steps(text, 5000); /* its beginning is out: the rest must follow */
    if (!str_eq(buf_str(&answer.client), event))
        fail_msg("%zu bytes of %zu are out", answer.client.n, event.n);
    assert_usage(9, 2);
    assert_rest(DONE);
    answer_close(&answer);
    answer_open(&answer, TAP_EVENTS, true);
    feed_steps(text, whole.n);
    assert_client("");
    assert_usage(9, 2);
    assert_rest(DONE);
    answer_close(&answer);
    free(text);
}

/* The late LF belongs to an event whose beginning is out. */
static void long_usage_event_keeps_its_late_lf(void **state)
{
    (void)state;
    char *text = long_event("data: {\"pad\":\"", STREAM_EVENT_MAX + 6000,
                            "\",\"choices\":[],\"usage\":{}}\r\n\r");
    answer_open(&answer, TAP_EVENTS, true);
    feed_steps(text, 5000);
    answer_feed(&answer, "\n", 1);
    assert_int_equal(answer.client.n, strlen(text) + 1);
    assert_int_equal(answer.tap.removed, 0);
    answer_close(&answer);
    free(text);
}

static void long_event_with_crlf_is_cut_at_its_tail(void **state)
{
    (void)state;
    char *text = long_event("data: {\"pad\":\"", STREAM_EVENT_MAX + 10, "\"}\r\n\r");
    answer_open(&answer, TAP_EVENTS, true);
    feed_steps(text, 60000);
    answer_feed(&answer, "\n", 1);
    answer_feed(&answer, "data: [DONE]\r\n\r\n", 16);
    assert_int_equal(answer.client.n, strlen(text) + 1);
    assert_rest("data: [DONE]\r\n\r\n");
    answer_close(&answer);
    free(text);
}

static void end_inside_a_long_event_adds_nothing(void **state)
{
    (void)state;
    char *text = long_event(DATA(HELLO) "data: {\"pad\":\"", STREAM_EVENT_MAX + 10, "");
    answer_open(&answer, TAP_EVENTS, true);
    feed_steps(text, 5000);
    tap_end(&answer.tap);
    assert_client(text);
    assert_true(answer.tap.raw);
    assert_false(tap_is_complete(&answer.tap));
    answer_close(&answer);
    free(text);
}

static void held_event_is_no_longer_than_the_limit(void **state)
{
    (void)state;
    char *text = long_event(DATA(ROLE) "data: {\"pad\":\"", STREAM_EVENT_MAX - 15, "");
    size_t role = strlen(DATA(ROLE));
    answer_open(&answer, TAP_EVENTS, false);
    feed_steps(text, 4096);
    assert_int_equal(strlen(text), role + STREAM_EVENT_MAX - 1);
    assert_int_equal(answer.client.n, role);
    answer_feed(&answer, "x", 1);
    assert_int_equal(answer.client.n, role);
    answer_feed(&answer, "x", 1);
    assert_int_equal(answer.client.n, role + STREAM_EVENT_MAX + 1);
    answer_close(&answer);
    free(text);
}

/* --- documents -----------------------------------------------------------------------------------
 */

static void document_is_good_by_its_predicate(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"{\"choices\":[{\"index\":0}],\"usage\":{\"prompt_tokens\":1}}", true},
        {"{\"choices\":[{}],\"error\":null}", true},
        {" {\"choices\":[1]}\n", true},
        {"{\"choices\":[]}", false},
        {"{\"choices\":{}}", false},
        {"{\"choices\":[{}],\"error\":{}}", false},
        {"{\"choices\":[{}],\"error\":\"x\"}", false},
        {"{\"choices\":[{}]", false},
        {"{\"choices\":[{}]}}", false},
        {"{\"data\":{\"choices\":[{}]}}", false},
        {"", false},
        {"null", false},
        {"<html>", false},
        {DATA(HELLO), false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t step = 1; step < 40; step += 12) {
            answer_open(&answer, TAP_JSON, false);
            feed_steps(rows[i].text, step);
            tap_end(&answer.tap);
            if (tap_is_good(&answer.tap) != rows[i].good)
                fail_msg("%s", rows[i].text);
            assert_client(""); /* a document is held whole */
            answer_close(&answer);
        }
    }
}

static void document_tells_usage_text_and_tier(void **state)
{
    (void)state;
    answer_open(&answer, TAP_JSON, false);
    feed_steps("{\"choices\":[{\"message\":{\"content\":\"12345\",\"role\":\"assistant\","
               "\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}],"
               "\"service_tier\":\"flex\",\"usage\":{\"prompt_tokens\":3,"
               "\"completion_tokens\":4}}",
               7);
    tap_end(&answer.tap);
    assert_true(tap_is_good(&answer.tap) && tap_has_output(&answer.tap));
    assert_int_equal(answer.tap.output.bytes, 8);
    assert_string_equal(answer.tap.service_tier, "flex");
    assert_usage(3, 4);
    answer_close(&answer);
    answer_open(&answer, TAP_JSON, false);
    feed_steps("{\"choices\":[{\"message\":{\"role\":\"assistant\"}}],"
               "\"service_tier\":\"a_tier_of_too_long_a_name\"}",
               100);
    assert_false(tap_has_output(&answer.tap));
    assert_string_equal(answer.tap.service_tier, "");
    answer_close(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(withheld_usage_is_gone_for_any_cuts),
        cmocka_unit_test(every_byte_alone_gives_the_same),
        cmocka_unit_test(only_whole_events_go_on),
        cmocka_unit_test(usage_that_the_client_asked_for_passes),
        cmocka_unit_test(only_the_injected_usage_event_is_withheld),
        cmocka_unit_test(state_of_one_event_does_not_leak_into_the_next),
        cmocka_unit_test(usage_told_twice_is_not_added_up),
        cmocka_unit_test(nothing_counts_behind_the_last_word),
        cmocka_unit_test(done_is_known_in_all_its_spellings),
        cmocka_unit_test(comments_before_the_first_event_wait_for_it),
        cmocka_unit_test(first_event_that_is_an_error_commits_nothing),
        cmocka_unit_test(error_in_the_middle_is_held),
        cmocka_unit_test(error_too_long_to_keep_is_no_object),
        cmocka_unit_test(end_without_done_is_complete_when_every_choice_has_finished),
        cmocka_unit_test(end_at_any_byte_shows_whole_data_only),
        cmocka_unit_test(done_without_its_blank_line_is_the_last_word),
        cmocka_unit_test(usage_event_without_its_blank_line_is_withheld),
        cmocka_unit_test(long_event_passes_raw_and_the_next_is_held_again),
        cmocka_unit_test(long_usage_event_is_withheld_only_if_nothing_of_it_is_out),
        cmocka_unit_test(long_usage_event_keeps_its_late_lf),
        cmocka_unit_test(long_event_with_crlf_is_cut_at_its_tail),
        cmocka_unit_test(end_inside_a_long_event_adds_nothing),
        cmocka_unit_test(held_event_is_no_longer_than_the_limit),
        cmocka_unit_test(document_is_good_by_its_predicate),
        cmocka_unit_test(document_tells_usage_text_and_tier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
