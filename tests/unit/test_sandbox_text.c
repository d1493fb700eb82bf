/* room: server */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relay/estimate.h"
#include "tests/unit/sandbox_client.h"

static int64_t tokens_of(const char *text)
{
    struct estimate estimate = {0};
    estimate_feed(&estimate, text, strlen(text));
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
    };
    return cmocka_run_group_tests(tests, start_sandbox, stop_sandbox);
}
