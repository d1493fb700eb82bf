/* room: server */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relay/estimate.h"
#include "tests/unit/sandbox_client.h"

/* Of texts that follow one another, one a line. */
static int64_t tokens_of(const char *texts)
{
    struct estimate estimate = {0};
    struct str rest = str_of(texts), text;
    while (str_cut(&rest, '\n', &text)) {
        estimate_feed(&estimate, text.p, text.n);
        estimate_break(&estimate);
    }
    return estimate_tokens(&estimate);
}

static int64_t words_of(const char *text)
{
    int64_t words = 1;
    for (const char *p = text; *p != '\0'; p++)
        words += *p == ' ';
    return words;
}

/* --- completions --------------------------------------------------------------------------- */

static json_t *complete(const char *body)
{
    return answer("/v1/completions", body, 200);
}

static void completion_repeats_the_prompt_and_counts(void **state)
{
    (void)state;
    json_t *json = complete("{\"model\":\"m\",\"prompt\":\"Say hello to Ada.\",\"max_tokens\":99}");
    const char *text = text_at(json, "choices.0.text");
    assert_string_equal(text_at(json, "object"), "text_completion");
    assert_string_equal(text_at(json, "system_fingerprint"), "sandbox");
    assert_non_null(strstr(text, "sandbox"));
    assert_non_null(strstr(text, "Say hello to Ada."));
    assert_string_equal(text_at(json, "choices.0.finish_reason"), "stop");
    assert_true(json_is_null(at(json, "choices.0.logprobs")));
    assert_int_equal(number_at(json, "usage.prompt_tokens"), tokens_of("Say hello to Ada."));
    assert_int_equal(number_at(json, "usage.completion_tokens"), words_of(text));
    assert_int_equal(number_at(json, "usage.total_tokens"),
                     words_of(text) + tokens_of("Say hello to Ada."));
    json_decref(json);
}

static void completion_without_max_tokens_ends_at_16(void **state)
{
    (void)state;
    json_t *json = complete("{\"model\":\"m\",\"prompt\":\"one two three four five six seven\"}");
    assert_string_equal(text_at(json, "choices.0.finish_reason"), "length");
    assert_int_equal(number_at(json, "usage.completion_tokens"), 16);
    assert_int_equal(words_of(text_at(json, "choices.0.text")), 16);
    json_decref(json);
}

static void completion_of_prompts_numbers_the_choices_of_each(void **state)
{
    (void)state;
    json_t *json = complete("{\"model\":\"m\",\"prompt\":[\"first\",\"second\"],\"n\":2,"
                            "\"max_tokens\":99}");
    assert_int_equal(json_array_size(at(json, "choices")), 4);
    for (size_t i = 0; i < 4; i++) {
        json_t *choice = json_array_get(at(json, "choices"), i);
        assert_int_equal(number_at(choice, "index"), i);
        assert_non_null(strstr(text_at(choice, "text"), i < 2 ? "first" : "second"));
    }
    assert_int_equal(number_at(json, "usage.prompt_tokens"),
                     tokens_of("first") + tokens_of("second"));
    assert_int_equal(number_at(json, "usage.completion_tokens"),
                     4 * words_of(text_at(json, "choices.0.text")));
    json_decref(json);
}

static void completion_of_token_ids_counts_them(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        json_int_t choices, tokens;
    } cases[] = {
        {"{\"model\":\"m\",\"prompt\":[5,6,7]}", 1, 3},
        {"{\"model\":\"m\",\"prompt\":[[5,6],[7]]}", 2, 3},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        json_t *json = complete(cases[i].body);
        assert_int_equal(json_array_size(at(json, "choices")), cases[i].choices);
        assert_int_equal(number_at(json, "usage.prompt_tokens"), cases[i].tokens);
        json_decref(json);
    }
}

static void completion_stream_says_the_same_as_json(void **state)
{
    (void)state;
#define ASKED "\"prompt\":\"one two\",\"n\":2,\"max_tokens\":14"
    json_t *json = complete("{\"model\":\"m\"," ASKED "}");
    bool whole;
    json_t *list = events("/v1/completions",
                          "{\"model\":\"m:tps=100000\",\"stream\":true,\"stream_options\":"
                          "{\"include_usage\":true}," ASKED "}",
                          &whole);
    assert_true(whole);
    assert_string_equal(json_string_value(last_of(list)), "[DONE]");
    size_t n = json_array_size(list);
    json_t *usage = json_array_get(list, n - 2);
    assert_int_equal(json_array_size(at(usage, "choices")), 0);
    assert_true(json_equal(at(usage, "usage"), at(json, "usage")));
    struct buf said;
    buf_init(&said, REPLY_MAX);
    add_text(&said, "", 0);
    for (size_t i = 0; i < n - 2; i++) {
        json_t *chunk = json_array_get(list, i);
        assert_true(json_is_null(at(chunk, "usage")));
        if (number_at(chunk, "choices.0.index") == 1)
            add_text(&said, text_at(chunk, "choices.0.text"),
                     strlen(text_at(chunk, "choices.0.text")));
    }
    assert_string_equal(said.p, text_at(json, "choices.1.text"));
    assert_string_equal(text_at(json_array_get(list, n - 3), "choices.0.finish_reason"),
                        text_at(json, "choices.1.finish_reason"));
    buf_release(&said);
    json_decref(list);
    json_decref(json);
#undef ASKED
}

static void completion_stream_is_cut_on_demand(void **state)
{
    (void)state;
    static const char *const models[] = {"sandbox-cut", "m:cut=1000:tps=100000"};
    for (size_t i = 0; i < COUNT(models); i++) {
        char body[128];
        bool whole;
        snprintf(body, sizeof body, "{\"model\":\"%s\",\"stream\":true,\"prompt\":\"hi\"}",
                 models[i]);
        json_t *list = events("/v1/completions", body, &whole);
        assert_false(whole);
        assert_true(json_is_object(last_of(list)));
        if (i == 0)
            assert_int_equal(json_array_size(list), 5);
        json_decref(list);
    }
}

static void completion_mistakes_are_answered_with_400(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"model\":\"m\"}",
        "{\"model\":\"m\",\"prompt\":[]}",
        "{\"model\":\"m\",\"prompt\":[{}]}",
        "{\"model\":\"m\",\"prompt\":[\"a\",{}],\"stream\":true}",
        "{\"model\":\"m\",\"prompt\":\"a\",\"n\":0}",
        "{\"model\":\"m\",\"prompt\":\"a\",\"max_tokens\":\"9\"}",
    };
    for (size_t i = 0; i < COUNT(bodies); i++)
        json_decref(answer("/v1/completions", bodies[i], 400));
}

/* --- responses ----------------------------------------------------------------------------- */

#define FUNCTION                                                                                   \
    "\"tools\":[{\"type\":\"web_search\"},{\"type\":\"function\",\"name\":\"get_time\"},"          \
    "{\"type\":\"function\",\"name\":\"get_weather\",\"parameters\":{\"type\":\"object\","         \
    "\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"]}}]"
#define WEATHER "\"tool_choice\":{\"type\":\"function\",\"name\":\"get_weather\"}"

static json_t *respond(const char *body)
{
    return answer("/v1/responses", body, 200);
}

static const char *said_by(json_t *response)
{
    return text_at(response, "output.0.content.0.text");
}

static void response_repeats_the_input_and_counts(void **state)
{
    (void)state;
    json_t *json = respond("{\"model\":\"m\",\"input\":\"Say hello to Ada.\",\"store\":false,"
                           "\"metadata\":{\"a\":\"b\"},\"previous_response_id\":\"resp_0\"}");
    assert_string_equal(text_at(json, "object"), "response");
    assert_string_equal(text_at(json, "status"), "completed");
    assert_memory_equal(text_at(json, "id"), "resp_", 5);
    assert_memory_equal(text_at(json, "output.0.id"), "msg_", 4);
    assert_string_equal(text_at(json, "output.0.status"), "completed");
    assert_string_equal(text_at(json, "output.0.role"), "assistant");
    assert_string_equal(text_at(json, "output.0.content.0.type"), "output_text");
    assert_non_null(strstr(said_by(json), "sandbox"));
    assert_non_null(strstr(said_by(json), "Say hello to Ada."));
    assert_true(json_is_null(at(json, "error")));
    assert_true(json_is_false(at(json, "store")));
    assert_string_equal(text_at(json, "metadata.a"), "b");
    assert_string_equal(text_at(json, "previous_response_id"), "resp_0");
    assert_string_equal(text_at(json, "tool_choice"), "auto");
    assert_int_equal(number_at(json, "usage.input_tokens"), tokens_of("Say hello to Ada."));
    assert_int_equal(number_at(json, "usage.output_tokens"), words_of(said_by(json)));
    assert_int_equal(number_at(json, "usage.total_tokens"),
                     tokens_of("Say hello to Ada.") + words_of(said_by(json)));
    json_decref(json);
}

static void response_to_items_hears_the_last_user_and_counts_all(void **state)
{
    (void)state;
    json_t *json = respond("{\"model\":\"m\",\"instructions\":\"Be brief.\",\"input\":["
                           "{\"role\":\"user\",\"content\":\"first\"},"
                           "{\"type\":\"message\",\"role\":\"assistant\",\"content\":"
                           "[{\"type\":\"output_text\",\"text\":\"reply\"}]},"
                           "{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[]},"
                           "{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":"
                           "\"second\"}]}]}");
    assert_null(strstr(said_by(json), "first"));
    assert_non_null(strstr(said_by(json), "second"));
    assert_int_equal(number_at(json, "usage.input_tokens"),
                     tokens_of("Be brief.\nfirst\nreply\nsecond"));
    json_decref(json);
}

static void response_with_tools_calls_and_then_tells_the_result(void **state)
{
    (void)state;
    json_t *json = respond("{\"model\":\"m\",\"input\":\"x\"," FUNCTION "," WEATHER "}");
    assert_string_equal(text_at(json, "output.0.type"), "function_call");
    assert_string_equal(text_at(json, "output.0.name"), "get_weather");
    assert_string_equal(text_at(json, "output.0.arguments"), "{\"city\":\"sandbox\"}");
    assert_memory_equal(text_at(json, "output.0.call_id"), "call_", 5);
    assert_memory_equal(text_at(json, "output.0.id"), "fc_", 3);
    assert_int_equal(json_array_size(at(json, "tools")), 3);
    json_decref(json);
    json = respond("{\"model\":\"m\",\"input\":\"x\"," FUNCTION "}");
    assert_string_equal(text_at(json, "output.0.name"), "get_time");
    json_decref(json);
    json = respond("{\"model\":\"m\",\"input\":\"x\"," FUNCTION ",\"tool_choice\":\"none\"}");
    assert_string_equal(text_at(json, "output.0.type"), "message");
    json_decref(json);
    json = respond("{\"model\":\"m\"," FUNCTION ",\"input\":[{\"role\":\"user\",\"content\":\"x\"},"
                   "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"get_weather\","
                   "\"arguments\":\"{}\"},{\"type\":\"function_call_output\",\"call_id\":\"c\","
                   "\"output\":\"rain at noon\"}]}");
    assert_non_null(strstr(said_by(json), "rain at noon"));
    assert_int_equal(number_at(json, "usage.input_tokens"),
                     tokens_of("x\nget_weather\n{}\nrain at noon"));
    json_decref(json);
}

static void response_in_a_format_is_json(void **state)
{
    (void)state;
    json_t *json =
        respond("{\"model\":\"m\",\"input\":\"x\",\"text\":{\"format\":{\"type\":"
                "\"json_schema\",\"name\":\"n\",\"schema\":{\"type\":\"object\","
                "\"properties\":{\"n\":{\"type\":\"integer\"}},\"required\":[\"n\"]}}}}");
    assert_string_equal(said_by(json), "{\"n\":1}");
    json_decref(json);
}

static void response_at_its_limit_is_incomplete(void **state)
{
    (void)state;
    json_t *json = respond("{\"model\":\"m\",\"input\":\"x\",\"max_output_tokens\":4}");
    assert_string_equal(text_at(json, "status"), "incomplete");
    assert_string_equal(text_at(json, "incomplete_details.reason"), "max_output_tokens");
    assert_string_equal(text_at(json, "output.0.status"), "incomplete");
    assert_int_equal(number_at(json, "usage.output_tokens"), 4);
    json_decref(json);
    json_decref(
        answer("/v1/responses", "{\"model\":\"m\",\"input\":\"x\",\"max_output_tokens\":0}", 400));
}

/* Checks types and numbers of the events: `types` are those in order, with runs of one type told
 * once; gives the deltas' text. */
static void hear_series(json_t *list, const char *const *types, struct buf *said)
{
    size_t n = json_array_size(list), kind = 0;
    buf_init(said, REPLY_MAX);
    add_text(said, "", 0);
    for (size_t i = 0; i < n; i++) {
        json_t *event = json_array_get(list, i);
        assert_int_equal(number_at(event, "sequence_number"), i);
        if (i > 0 && strcmp(text_at(event, "type"), types[kind]) != 0)
            kind++;
        assert_non_null(types[kind]);
        assert_string_equal(text_at(event, "type"), types[kind]);
        const char *delta = json_string_value(at(event, "delta"));
        if (delta != NULL)
            add_text(said, delta, strlen(delta));
    }
    assert_null(types[kind + 1]);
}

static void response_stream_is_the_whole_series(void **state)
{
    (void)state;
    static const char *const types[] = {"response.created",           "response.in_progress",
                                        "response.output_item.added", "response.content_part.added",
                                        "response.output_text.delta", "response.output_text.done",
                                        "response.content_part.done", "response.output_item.done",
                                        "response.completed",         NULL};
    json_t *json = respond("{\"model\":\"m\",\"input\":\"one two\"}");
    bool whole;
    struct buf said;
    json_t *list =
        events("/v1/responses",
               "{\"model\":\"m:tps=100000\",\"input\":\"one two\",\"stream\":true}", &whole);
    assert_true(whole);
    hear_series(list, types, &said);
    assert_string_equal(said.p, said_by(json));
    assert_string_equal(text_at(list, "0.response.status"), "in_progress");
    assert_true(json_is_null(at(list, "1.response.usage")));
    json_t *last = at(last_of(list), "response");
    assert_string_equal(said_by(last), said.p);
    assert_true(json_equal(at(last, "usage"), at(json, "usage")));
    assert_true(json_equal(at(last, "output.0.id"), at(list, "2.item.id")));
    assert_true(json_equal(at(last, "output.0.id"), at(list, "4.item_id")));
    assert_true(json_equal(at(last, "id"), at(list, "0.response.id")));
    buf_release(&said);
    json_decref(list);
    json_decref(json);
}

static void response_stream_with_tools_gives_the_arguments(void **state)
{
    (void)state;
    static const char *const types[] = {"response.created",
                                        "response.in_progress",
                                        "response.output_item.added",
                                        "response.function_call_arguments.delta",
                                        "response.function_call_arguments.done",
                                        "response.output_item.done",
                                        "response.completed",
                                        NULL};
    bool whole;
    struct buf said;
    json_t *list = events(
        "/v1/responses",
        "{\"model\":\"m\",\"input\":\"x\",\"stream\":true," FUNCTION "," WEATHER "}", &whole);
    assert_true(whole);
    hear_series(list, types, &said);
    assert_string_equal(said.p, "{\"city\":\"sandbox\"}");
    assert_string_equal(text_at(list, "2.item.arguments"), "");
    assert_string_equal(text_at(last_of(list), "response.output.0.arguments"), said.p);
    buf_release(&said);
    json_decref(list);
}

static void response_stream_ends_incomplete_or_is_cut(void **state)
{
    (void)state;
    bool whole;
    json_t *list =
        events("/v1/responses",
               "{\"model\":\"m\",\"input\":\"x\",\"stream\":true,\"max_output_tokens\":2}", &whole);
    assert_true(whole);
    assert_string_equal(text_at(last_of(list), "type"), "response.incomplete");
    json_decref(list);
    list = events("/v1/responses", "{\"model\":\"sandbox-cut\",\"input\":\"x\",\"stream\":true}",
                  &whole);
    assert_false(whole);
    assert_int_equal(json_array_size(list), 4 + 5);
    json_decref(list);
    list = events("/v1/responses",
                  "{\"model\":\"m:cut=1000:tps=100000\",\"input\":\"x\",\"stream\":true}", &whole);
    assert_false(whole);
    assert_string_equal(text_at(last_of(list), "type"), "response.output_text.delta");
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(completion_repeats_the_prompt_and_counts),
        cmocka_unit_test(completion_without_max_tokens_ends_at_16),
        cmocka_unit_test(completion_of_prompts_numbers_the_choices_of_each),
        cmocka_unit_test(completion_of_token_ids_counts_them),
        cmocka_unit_test(completion_stream_says_the_same_as_json),
        cmocka_unit_test(completion_stream_is_cut_on_demand),
        cmocka_unit_test(completion_mistakes_are_answered_with_400),
        cmocka_unit_test(response_repeats_the_input_and_counts),
        cmocka_unit_test(response_to_items_hears_the_last_user_and_counts_all),
        cmocka_unit_test(response_with_tools_calls_and_then_tells_the_result),
        cmocka_unit_test(response_in_a_format_is_json),
        cmocka_unit_test(response_at_its_limit_is_incomplete),
        cmocka_unit_test(response_stream_is_the_whole_series),
        cmocka_unit_test(response_stream_with_tools_gives_the_arguments),
        cmocka_unit_test(response_stream_ends_incomplete_or_is_cut),
    };
    return cmocka_run_group_tests(tests, start_sandbox, stop_sandbox);
}
