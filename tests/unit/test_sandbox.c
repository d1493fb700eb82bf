#include "server/sandbox/sandbox.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/clock.h"
#include "relay/estimate.h"
#include "tests/unit/loopback_client.h"

static uint16_t port;

static struct reply chat(const char *body)
{
    return ask(port, "POST", "/v1/chat/completions", body);
}

/* The whole reply as JSON. */
static json_t *chat_json(const char *body)
{
    struct reply reply = chat(body);
    assert_int_equal(reply.status, 200);
    assert_true(reply.whole);
    json_t *json = json_loads(reply.body.p, 0, NULL);
    assert_non_null(json);
    reply_release(&reply);
    return json;
}

static json_t *choice_at(json_t *json, size_t i)
{
    return json_array_get(json_object_get(json, "choices"), i);
}

static const char *content_of(json_t *json)
{
    json_t *message = json_object_get(choice_at(json, 0), "message");
    return json_string_value(json_object_get(message, "content"));
}

static const char *finish_of(json_t *json)
{
    return json_string_value(json_object_get(choice_at(json, 0), "finish_reason"));
}

static json_int_t used(json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json_object_get(json, "usage"), name));
}

/* A stream taken apart. */
struct heard {
    struct buf content, arguments;
    json_t *usage;
    char finish[32];
    char tool[64];
    unsigned chunks, words, usage_nulls;
    bool done;
};

static void hear_delta(struct heard *heard, json_t *choice)
{
    json_t *delta = json_object_get(choice, "delta");
    const char *content = json_string_value(json_object_get(delta, "content"));
    if (content != NULL && content[0] != '\0') {
        add_text(&heard->content, content, strlen(content));
        heard->words++;
    }
    json_t *call = json_array_get(json_object_get(delta, "tool_calls"), 0);
    json_t *function = json_object_get(call, "function");
    const char *name = json_string_value(json_object_get(function, "name"));
    const char *arguments = json_string_value(json_object_get(function, "arguments"));
    if (name != NULL)
        snprintf(heard->tool, sizeof heard->tool, "%s", name);
    if (arguments != NULL)
        add_text(&heard->arguments, arguments, strlen(arguments));
    const char *finish = json_string_value(json_object_get(choice, "finish_reason"));
    if (finish != NULL)
        snprintf(heard->finish, sizeof heard->finish, "%s", finish);
}

static void hear_event(struct heard *heard, const char *text, size_t n)
{
    assert_false(heard->done);
    if (n == 6 && memcmp(text, "[DONE]", 6) == 0) {
        heard->done = true;
        return;
    }
    json_t *chunk = json_loadb(text, n, 0, NULL);
    assert_non_null(chunk);
    heard->chunks++;
    assert_string_equal(json_string_value(json_object_get(chunk, "system_fingerprint")), "sandbox");
    json_t *usage = json_object_get(chunk, "usage");
    heard->usage_nulls += json_is_null(usage);
    if (json_is_object(usage)) {
        assert_int_equal(json_array_size(json_object_get(chunk, "choices")), 0);
        heard->usage = json_incref(usage);
    } else {
        hear_delta(heard, choice_at(chunk, 0));
    }
    json_decref(chunk);
}

static void hear(const struct reply *reply, struct heard *heard)
{
    memset(heard, 0, sizeof *heard);
    buf_init(&heard->content, REPLY_MAX);
    buf_init(&heard->arguments, REPLY_MAX);
    add_text(&heard->content, "", 0);
    add_text(&heard->arguments, "", 0);
    assert_int_equal(reply->status, 200);
    assert_non_null(strstr(reply->head.p, "text/event-stream"));
    for (const char *p = reply->body.p; *p != '\0';) {
        assert_memory_equal(p, "data: ", 6);
        const char *end = strstr(p, "\n\n");
        assert_non_null(end);
        hear_event(heard, p + 6, (size_t)(end - p) - 6);
        p = end + 2;
    }
}

static void heard_release(struct heard *heard)
{
    buf_release(&heard->content);
    buf_release(&heard->arguments);
    json_decref(heard->usage);
}

#define USER(text) "\"messages\":[{\"role\":\"user\",\"content\":\"" text "\"}]"
#define TOOLS                                                                                      \
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_time\"}},"                     \
    "{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"parameters\":"                \
    "{\"type\":\"object\",\"$defs\":{\"unit\":{\"enum\":[\"celsius\",\"kelvin\"]}},"               \
    "\"properties\":{\"city\":{\"type\":\"string\"},\"days\":{\"type\":\"integer\","               \
    "\"minimum\":3},\"unit\":{\"$ref\":\"#/$defs/unit\"},\"note\":{\"type\":\"string\"}},"         \
    "\"required\":[\"city\",\"days\",\"unit\"]}}}]"
#define WEATHER_CHOICE                                                                             \
    "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"get_weather\"}}"
#define WEATHER_ARGUMENTS "{\"city\":\"sandbox\",\"days\":3,\"unit\":\"celsius\"}"

/* --- answers ------------------------------------------------------------------------------- */

static void models_are_listed_and_described(void **state)
{
    (void)state;
    struct reply reply = ask(port, "GET", "/v1/models", "");
    json_t *json = json_loads(reply.body.p, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json, "object")), "list");
    json_t *first = json_array_get(json_object_get(json, "data"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "id")), "sandbox");
    json_decref(json);
    reply_release(&reply);
    reply = ask(port, "GET", "/v1/models/any-name", "");
    json = json_loads(reply.body.p, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json, "id")), "any-name");
    json_decref(json);
    reply_release(&reply);
}

static void chat_answers_and_counts_its_tokens(void **state)
{
    (void)state;
    json_t *json = chat_json("{\"model\":\"gpt-4o-mini\"," USER("Say hello to Ada.") "}");
    assert_non_null(strstr(content_of(json), "sandbox"));
    assert_non_null(strstr(content_of(json), "Say hello to Ada."));
    assert_string_equal(finish_of(json), "stop");
    assert_string_equal(json_string_value(json_object_get(json, "model")), "gpt-4o-mini");
    struct estimate prompt = {0};
    estimate_feed(&prompt, "Say hello to Ada.", strlen("Say hello to Ada."));
    assert_int_equal(used(json, "prompt_tokens"), estimate_tokens(&prompt));
    unsigned words = 1;
    for (const char *p = content_of(json); *p != '\0'; p++)
        words += *p == ' ';
    assert_int_equal(used(json, "completion_tokens"), words);
    assert_int_equal(used(json, "total_tokens"), words + estimate_tokens(&prompt));
    json_decref(json);
}

static void chat_ids_are_unique_and_created_is_now(void **state)
{
    (void)state;
    json_t *one = chat_json("{\"model\":\"m\"," USER("a") "}");
    json_t *two = chat_json("{\"model\":\"m\"," USER("a") "}");
    assert_false(json_equal(json_object_get(one, "id"), json_object_get(two, "id")));
    clock_tick();
    json_int_t age = clock_wall_ms() / 1000 - json_integer_value(json_object_get(one, "created"));
    assert_in_range(age, 0, 5);
    json_decref(one);
    json_decref(two);
}

static void chat_asked_in_chinese_answers_in_chinese(void **state)
{
    (void)state;
    json_t *json = chat_json("{\"model\":\"m\"," USER("你好世界") "}");
    assert_non_null(strstr(content_of(json), "沙盒"));
    assert_non_null(strstr(content_of(json), "你好世界"));
    json_decref(json);
    json = chat_json("{\"model\":\"m\"," USER("日本語のテスト") "}");
    assert_null(strstr(content_of(json), "沙盒"));
    json_decref(json);
}

static void chat_stream_says_the_same_as_json(void **state)
{
    (void)state;
    json_t *json = chat_json("{\"model\":\"m:tps=100000\"," USER("one two") "}");
    struct reply reply = chat("{\"model\":\"m:tps=100000\",\"stream\":true," USER("one two") "}");
    assert_true(reply.whole);
    struct heard heard;
    hear(&reply, &heard);
    assert_true(heard.done);
    assert_string_equal(heard.content.p, content_of(json));
    assert_string_equal(heard.finish, "stop");
    assert_int_equal(heard.words, used(json, "completion_tokens"));
    assert_null(heard.usage);
    assert_int_equal(heard.usage_nulls, 0);
    heard_release(&heard);
    reply_release(&reply);
    json_decref(json);
}

static void chat_stream_gives_usage_when_asked(void **state)
{
    (void)state;
    struct reply reply = chat("{\"model\":\"m:tps=100000\",\"stream\":true,"
                              "\"stream_options\":{\"include_usage\":true}," USER("hi") "}");
    struct heard heard;
    hear(&reply, &heard);
    assert_non_null(heard.usage);
    assert_int_equal(heard.usage_nulls, heard.chunks - 1);
    assert_int_equal(json_integer_value(json_object_get(heard.usage, "completion_tokens")),
                     heard.words);
    heard_release(&heard);
    reply_release(&reply);
}

static void chat_max_tokens_cuts_with_length(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"model\":\"m\",\"max_tokens\":4," USER("hello") "}",
        "{\"model\":\"m\",\"max_completion_tokens\":4,\"max_tokens\":9," USER("hello") "}",
    };
    for (size_t i = 0; i < COUNT(bodies); i++) {
        json_t *json = chat_json(bodies[i]);
        assert_string_equal(content_of(json), "Hello from the sandbox!");
        assert_string_equal(finish_of(json), "length");
        assert_int_equal(used(json, "completion_tokens"), 4);
        json_decref(json);
    }
}

static void chat_n_gives_choices_and_counts_each(void **state)
{
    (void)state;
    json_t *json = chat_json("{\"model\":\"m\",\"n\":3,\"max_tokens\":2," USER("hello") "}");
    assert_int_equal(json_array_size(json_object_get(json, "choices")), 3);
    assert_int_equal(json_integer_value(json_object_get(choice_at(json, 2), "index")), 2);
    assert_int_equal(used(json, "completion_tokens"), 6);
    json_decref(json);
}

static void chat_json_format_gives_an_object(void **state)
{
    (void)state;
    json_t *json =
        chat_json("{\"model\":\"m\",\"response_format\":{\"type\":\"json_object\"}," USER(
            "say \\\"hi\\\"") "}");
    json_t *content = json_loads(content_of(json), 0, NULL);
    assert_true(json_is_true(json_object_get(content, "sandbox")));
    json_decref(content);
    json_decref(json);
    json =
        chat_json("{\"model\":\"m\",\"response_format\":{\"type\":\"json_schema\","
                  "\"json_schema\":{\"name\":\"x\",\"schema\":{\"type\":\"object\",\"properties\":"
                  "{\"ok\":{\"type\":\"boolean\"},\"list\":{\"type\":\"array\",\"minItems\":2,"
                  "\"items\":{\"type\":\"number\"}},\"self\":{\"$ref\":\"#\"}},"
                  "\"required\":[\"ok\",\"list\"]}}}," USER("x") "}");
    assert_string_equal(content_of(json), "{\"ok\":true,\"list\":[1,1]}");
    json_decref(json);
}

/* --- tools --------------------------------------------------------------------------------- */

static json_t *called_function(json_t *json)
{
    json_t *message = json_object_get(choice_at(json, 0), "message");
    return json_object_get(json_array_get(json_object_get(message, "tool_calls"), 0), "function");
}

static void chat_with_tools_calls_the_first_or_the_named(void **state)
{
    (void)state;
    json_t *json = chat_json("{\"model\":\"m\"," TOOLS "," USER("weather?") "}");
    json_t *function = called_function(json);
    assert_string_equal(json_string_value(json_object_get(function, "name")), "get_time");
    assert_string_equal(json_string_value(json_object_get(function, "arguments")), "{}");
    assert_string_equal(finish_of(json), "tool_calls");
    assert_null(content_of(json));
    json_decref(json);
    json = chat_json("{\"model\":\"m\"," WEATHER_CHOICE "," TOOLS "," USER("weather?") "}");
    function = called_function(json);
    assert_string_equal(json_string_value(json_object_get(function, "name")), "get_weather");
    assert_string_equal(json_string_value(json_object_get(function, "arguments")),
                        WEATHER_ARGUMENTS);
    json_decref(json);
}

static void chat_tool_choice_none_answers_text(void **state)
{
    (void)state;
    json_t *json =
        chat_json("{\"model\":\"m\",\"tool_choice\":\"none\"," TOOLS "," USER("weather?") "}");
    assert_non_null(strstr(content_of(json), "weather?"));
    assert_string_equal(finish_of(json), "stop");
    json_decref(json);
}

static void chat_after_tool_result_answers_with_it(void **state)
{
    (void)state;
    json_t *json = chat_json("{\"model\":\"m\"," TOOLS ",\"messages\":["
                             "{\"role\":\"user\",\"content\":\"weather?\"},"
                             "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[]},"
                             "{\"role\":\"tool\",\"tool_call_id\":\"x\",\"content\":\"21 C\"}]}");
    assert_non_null(strstr(content_of(json), "21 C"));
    assert_string_equal(finish_of(json), "stop");
    json_decref(json);
}

static void chat_stream_gives_the_tool_call_in_pieces(void **state)
{
    (void)state;
    struct reply reply = chat("{\"model\":\"m:tps=100000\",\"stream\":true," WEATHER_CHOICE
                              "," TOOLS "," USER("weather?") "}");
    struct heard heard;
    hear(&reply, &heard);
    assert_true(heard.done);
    assert_string_equal(heard.tool, "get_weather");
    assert_string_equal(heard.arguments.p, WEATHER_ARGUMENTS);
    assert_string_equal(heard.finish, "tool_calls");
    heard_release(&heard);
    reply_release(&reply);
}

/* --- mistakes and faults ------------------------------------------------------------------- */

static void assert_error(struct reply reply, int status, const char *type)
{
    assert_int_equal(reply.status, status);
    json_t *json = json_loads(reply.body.p, 0, NULL);
    json_t *error = json_object_get(json, "error");
    assert_string_equal(json_string_value(json_object_get(error, "type")), type);
    assert_true(json_is_string(json_object_get(error, "message")));
    assert_non_null(json_object_get(error, "param"));
    assert_non_null(json_object_get(error, "code"));
    json_decref(json);
    if (status == 429)
        assert_non_null(strcasestr(reply.head.p, "\r\nretry-after: 1\r\n"));
    reply_release(&reply);
}

static void mistakes_are_answered_with_400(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "[1]",
        "{\"model\":\"m\"",
        "{" USER("x") "}",
        "{\"model\":\"m\"}",
        "{\"model\":\"m\",\"messages\":[]}",
        "{\"model\":\"m\",\"n\":0," USER("x") "}",
        "{\"model\":\"m\",\"max_tokens\":-1," USER("x") "}",
        "{\"model\":\"m\",\"max_tokens\":\"9\"," USER("x") "}",
    };
    for (size_t i = 0; i < COUNT(bodies); i++)
        assert_error(chat(bodies[i]), 400, "invalid_request_error");
    assert_error(ask(port, "GET", "/v1/nothing", ""), 404, "invalid_request_error");
    assert_error(ask(port, "GET", "/v1/chat/completions", ""), 404, "invalid_request_error");
}

static void huge_integer_in_body_is_no_mistake(void **state)
{
    (void)state;
    json_t *json = chat_json("{\"model\":\"m\",\"seed\":18446744073709551616," USER("x") "}");
    assert_string_equal(finish_of(json), "stop");
    json_decref(json);
}

static void error_switch_answers_with_that_status(void **state)
{
    (void)state;
    assert_error(chat("{\"model\":\"sandbox-429\"," USER("x") "}"), 429, "rate_limit_error");
    assert_error(chat("{\"model\":\"a:error=429\",\"stream\":true," USER("x") "}"), 429,
                 "rate_limit_error");
    assert_error(chat("{\"model\":\"a:error=503\"," USER("x") "}"), 503, "server_error");
    /* What is no switch is part of the name. */
    json_t *json = chat_json("{\"model\":\"llama:7b:error=99\"," USER("x") "}");
    json_decref(json);
}

static void cut_switch_breaks_the_stream_behind_its_words(void **state)
{
    (void)state;
    struct reply reply = chat("{\"model\":\"sandbox-cut\",\"stream\":true," USER("x") "}");
    struct heard heard;
    hear(&reply, &heard);
    assert_false(reply.whole);
    assert_false(heard.done);
    assert_int_equal(heard.words, 5);
    heard_release(&heard);
    reply_release(&reply);
    reply = chat("{\"model\":\"m:cut=1000\",\"stream\":true," USER("x") "}");
    hear(&reply, &heard);
    assert_false(reply.whole);
    assert_false(heard.done);
    assert_string_equal(heard.finish, "");
    heard_release(&heard);
    reply_release(&reply);
}

static void cut_switch_breaks_json_in_the_middle(void **state)
{
    (void)state;
    struct reply reply = chat("{\"model\":\"sandbox-cut\"," USER("x") "}");
    assert_int_equal(reply.status, 200);
    assert_false(reply.whole);
    assert_true(reply.body.n > 50);
    reply_release(&reply);
}

static void wait_switches_hold_the_answer_back(void **state)
{
    (void)state;
    int64_t begin = clock_precise_us();
    struct reply reply =
        chat("{\"model\":\"m:ttft=150ms:tps=50\",\"stream\":true,\"max_tokens\":5," USER("x") "}");
    int64_t took = clock_precise_us() - begin;
    assert_true(reply.whole);
    reply_release(&reply);
    /* 150 ms and five words of 20 ms. */
    assert_true(took >= 250000);
}

static void hang_switch_never_answers(void **state)
{
    (void)state;
    int fd =
        dial(port, "POST", "/v1/chat/completions", "{\"model\":\"sandbox-hang\"," USER("x") "}");
    struct timeval limit = {0, 200000};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), -1);
    close(fd);
}

static void sandbox_stops_while_calls_wait(void **state)
{
    (void)state;
    uint16_t shared = port;
    struct sandbox *sandbox;
    assert_true(sandbox_start(&sandbox, &port));
    assert_int_not_equal(port, shared);
    int fd = dial(port, "POST", "/v1/chat/completions", "{\"model\":\"m:hang\"," USER("x") "}");
    int slow =
        dial(port, "POST", "/v1/chat/completions", "{\"model\":\"m:ttft=60s\"," USER("x") "}");
    json_t *json = chat_json("{\"model\":\"m\"," USER("x") "}");
    json_decref(json);
    int64_t begin = clock_precise_us();
    sandbox_stop(&sandbox);
    assert_null(sandbox);
    assert_true(clock_precise_us() - begin < 5000000);
    char byte;
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    assert_true(recv(slow, &byte, 1, 0) <= 0);
    close(fd);
    close(slow);
    sandbox_stop(&sandbox);
    port = shared;
}

static int start(void **state)
{
    struct sandbox *sandbox;
    if (!sandbox_start(&sandbox, &port))
        return -1;
    *state = sandbox;
    return 0;
}

static int stop(void **state)
{
    struct sandbox *sandbox = *state;
    sandbox_stop(&sandbox);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_are_listed_and_described),
        cmocka_unit_test(chat_answers_and_counts_its_tokens),
        cmocka_unit_test(chat_ids_are_unique_and_created_is_now),
        cmocka_unit_test(chat_asked_in_chinese_answers_in_chinese),
        cmocka_unit_test(chat_stream_says_the_same_as_json),
        cmocka_unit_test(chat_stream_gives_usage_when_asked),
        cmocka_unit_test(chat_max_tokens_cuts_with_length),
        cmocka_unit_test(chat_n_gives_choices_and_counts_each),
        cmocka_unit_test(chat_json_format_gives_an_object),
        cmocka_unit_test(chat_with_tools_calls_the_first_or_the_named),
        cmocka_unit_test(chat_tool_choice_none_answers_text),
        cmocka_unit_test(chat_after_tool_result_answers_with_it),
        cmocka_unit_test(chat_stream_gives_the_tool_call_in_pieces),
        cmocka_unit_test(mistakes_are_answered_with_400),
        cmocka_unit_test(huge_integer_in_body_is_no_mistake),
        cmocka_unit_test(error_switch_answers_with_that_status),
        cmocka_unit_test(cut_switch_breaks_the_stream_behind_its_words),
        cmocka_unit_test(cut_switch_breaks_json_in_the_middle),
        cmocka_unit_test(wait_switches_hold_the_answer_back),
        cmocka_unit_test(hang_switch_never_answers),
        cmocka_unit_test(sandbox_stops_while_calls_wait),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
