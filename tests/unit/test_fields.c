#include "relay/fields.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
#define X(name) #name,
    FIELDS(X)
#undef X
};

static struct fields *fed(const char *json, size_t step)
{
    struct fields *fields = fields_new(false);
    size_t n = strlen(json);
    assert_non_null(fields);
    for (size_t at = 0; at < n; at += step)
        fields_feed(fields, json + at, n - at < step ? n - at : step);
    return fields;
}

/* The fault of a body, the same for any pieces; its param and message go to *failure. */
static enum fault finished(const char *json, struct failure *failure)
{
    enum fault fault = FAULT_COUNT;
    for (size_t step = 1; step <= 7; step += 3) {
        struct fields *fields = fed(json, step);
        enum fault found = fields_finish(fields, failure);
        assert_true(fault == FAULT_COUNT || fault == found);
        fault = found;
        fields_free(&fields);
        assert_null(fields);
    }
    return fault;
}

static void assert_refused(const char *json, enum fault expected, const char *param)
{
    struct failure failure = {0};
    enum fault found = finished(json, &failure);
    if (found != expected || failure.fault != expected || strcmp(failure.param, param) != 0)
        fail_msg("%s: %s, param '%s'", json, fault_name(found), failure.param);
    failure_release(&failure);
}

static void assert_accepted(const char *json)
{
    struct failure failure = {0};
    enum fault found = finished(json, &failure);
    if (found != FAULT_NONE)
        fail_msg("%s: %s %s", json, fault_name(found), failure.param);
}

static void policy_key_given_twice_is_refused(void **state)
{
    (void)state;
    static const char *const values[] = {"1", "null", "\"x\"", "true", "{}", "[]"};
    char json[300];
    for (size_t i = 0; i < COUNT(names); i++) {
        for (size_t v = 0; v < COUNT(values); v++) {
            snprintf(json, sizeof json, "{\"%s\":%s,\"a\":1,\"%s\":%s}", names[i], values[v],
                     names[i], values[(v + 1) % COUNT(values)]);
            assert_refused(json, FAULT_DUPLICATE_PARAMETER, names[i]);
            snprintf(json, sizeof json, "{\"%s\":%s}", names[i], values[v]);
            assert_accepted(json);
        }
    }
}

static void policy_key_in_another_case_is_refused(void **state)
{
    (void)state;
    char json[300], key[64];
    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(key, sizeof key, "%s", names[i]);
        for (size_t at = 0; at < strlen(key); at += 3) {
            char kept = key[at];
            key[at] = (char)toupper((unsigned char)kept);
            snprintf(json, sizeof json, "{\"%s\":1}", key);
            if (key[at] != kept)
                assert_refused(json, FAULT_DUPLICATE_PARAMETER, names[i]);
            snprintf(json, sizeof json, "{\"%s\":1,\"%s\":1}", names[i], key);
            assert_refused(json, FAULT_DUPLICATE_PARAMETER, names[i]);
            key[at] = kept;
        }
    }
}

static void policy_key_spelled_with_escapes_is_the_same_key(void **state)
{
    (void)state;
    char json[600];
    for (size_t i = 0; i < COUNT(names); i++) {
        for (size_t at = 0; names[i][at] != '\0'; at++) {
            snprintf(json, sizeof json, "{\"%.*s\\u00%02X%s\":1,\"%s\":1}", (int)at, names[i],
                     (unsigned)names[i][at], names[i] + at + 1, names[i]);
            assert_refused(json, FAULT_DUPLICATE_PARAMETER, names[i]);
        }
    }
    struct failure failure = {0};
    struct fields *fields = fed("{\"\\u006dod\\u0065l\":\"a\\u002fb\"}", 1);
    assert_int_equal(fields_finish(fields, &failure), FAULT_NONE);
    assert_string_equal(fields->model, "a/b");
    fields_free(&fields);
}

static void nested_and_unknown_duplicates_pass(void **state)
{
    (void)state;
    assert_accepted("{\"x\":1,\"x\":2,\"X\":3}");
    assert_accepted("{\"a\":{\"model\":1,\"model\":2},\"model\":\"m\"}");
    assert_accepted("{\"messages\":[{\"n\":1,\"n\":2,\"Model\":3}]}");
    assert_accepted("{\"modell\":1,\"mode\":2,\"\":3,\"model \":4}");
    assert_accepted("{\"stream_options\":{\"include_obfuscation\":true}}");
}

/* The provider might read the last of two where the gateway reads the first, and leave the usage
 * event out. */
static void include_usage_given_twice_is_refused(void **state)
{
    (void)state;
    static const char param[] = "stream_options.include_usage";
    assert_refused("{\"stream_options\":{\"include_usage\":true,\"include_usage\":false}}",
                   FAULT_DUPLICATE_PARAMETER, param);
    assert_refused("{\"stream_options\":{\"include_usage\":false,\"include_\\u0075sage\":false}}",
                   FAULT_DUPLICATE_PARAMETER, param);
    assert_accepted("{\"stream_options\":{\"include_usage\":true}}");
}

static void body_that_is_no_object_is_invalid(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      " ",
                                      "null",
                                      "1",
                                      "\"x\"",
                                      "[]",
                                      "[{\"model\":\"m\"}]",
                                      "{",
                                      "{\"model\":\"m\"",
                                      "{\"model\":\"m\"}}",
                                      "{\"model\":\"m\"} x",
                                      "{\"model\":\"m\",}",
                                      "{'model':'m'}",
                                      "{model:1}",
                                      "{\"n\":01}",
                                      "{\"n\":NaN}",
                                      "{\"n\":+1}",
                                      "{\"n\":.5}",
                                      "{\"a\":\"\xff\"}",
                                      "{\"a\":\"\n\"}",
                                      "{} {}",
                                      "// x\n{}",
                                      "\xEF\xBB\xBF{}",
                                      "{\"a\":\"\xc0\xaf\"}"};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_refused(bad[i], FAULT_INVALID_JSON, "");
    assert_accepted(" \t\r\n{ } \n");
    assert_accepted("{\"a\":18446744073709551616e400,\"b\":\"\\u0000\\ud800\"}");
    struct failure failure = {0};
    assert_int_equal(finished("{\"a\":x}", &failure), FAULT_INVALID_JSON);
    assert_string_equal(failure.subject, "offset 5");
    failure_release(&failure);
}

static void spans_are_those_of_the_values(void **state)
{
    (void)state;
    static const char json[] = "{ \"stream\" : true , \"model\":\"m/1\",\"stream_options\": "
                               "{\"include_usage\" : false}, \"n\": 2}";
    for (size_t step = 1; step < sizeof json; step++) {
        struct failure failure = {0};
        struct fields *fields = fed(json, step);
        assert_int_equal(fields_finish(fields, &failure), FAULT_NONE);
        const struct field *f = fields->field;
        assert_memory_equal(json + f[FIELD_model].begin, "\"m/1\",", 6);
        assert_int_equal(f[FIELD_model].end - f[FIELD_model].begin, 5);
        assert_memory_equal(json + f[FIELD_stream].begin, "true ", 5);
        assert_int_equal(f[FIELD_stream].end - f[FIELD_stream].begin, 4);
        assert_memory_equal(json + f[FIELD_include_usage].begin, "false}", 6);
        assert_memory_equal(json + f[FIELD_stream_options].begin, "{\"inc", 5);
        assert_memory_equal(json + f[FIELD_stream_options].end - 1, "},", 2);
        assert_int_equal(f[FIELD_stream_options].count, 1);
        assert_string_equal(f[FIELD_n].text, "2");
        fields_free(&fields);
    }
}

/* --- checks --------------------------------------------------------------------------------------
 */

static enum fault asked(const char *json,
                        enum fault (*ask)(const struct fields *, struct failure *),
                        const char *param)
{
    struct failure failure = {0};
    struct fields *fields = fed(json, 3);
    assert_int_equal(fields_finish(fields, &failure), FAULT_NONE);
    enum fault fault = ask(fields, &failure);
    assert_int_equal(failure.fault, fault);
    if (fault != FAULT_NONE)
        assert_string_equal(failure.param, param);
    failure_release(&failure);
    fields_free(&fields);
    return fault;
}

static enum fault ask_model(const struct fields *fields, struct failure *failure)
{
    return fields_need_text(fields, FIELD_model, failure);
}

static enum fault ask_messages(const struct fields *fields, struct failure *failure)
{
    return fields_need_list(fields, FIELD_messages, failure);
}

static enum fault ask_stream(const struct fields *fields, struct failure *failure)
{
    bool value = false;
    enum fault fault = fields_bool(fields, FIELD_stream, &value, failure);
    assert_int_equal(value, fault == FAULT_NONE && fields->field[FIELD_stream].type == JSPAN_TRUE &&
                                fields->field[FIELD_stream].seen > 0);
    return fault;
}

static int64_t number;

static enum fault ask_n(const struct fields *fields, struct failure *failure)
{
    number = -7;
    return fields_number(fields, FIELD_n, 1, 128, &number, failure);
}

static void text_is_needed_and_must_be_one(void **state)
{
    (void)state;
    assert_int_equal(asked("{\"model\":\"m\"}", ask_model, ""), FAULT_NONE);
    assert_int_equal(asked("{}", ask_model, "model"), FAULT_MISSING_PARAMETER);
    assert_int_equal(asked("{\"model\":null}", ask_model, "model"), FAULT_MISSING_PARAMETER);
    assert_int_equal(asked("{\"model\":\"\"}", ask_model, "model"), FAULT_MISSING_PARAMETER);
    static const char *const wrong[] = {"1", "true", "false", "[\"m\"]", "{}", "1.5"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"model\":%s}", wrong[i]);
        assert_int_equal(asked(json, ask_model, "model"), FAULT_INVALID_TYPE);
    }
}

static void list_is_needed_and_must_hold_something(void **state)
{
    (void)state;
    assert_int_equal(asked("{\"messages\":[1]}", ask_messages, ""), FAULT_NONE);
    assert_int_equal(asked("{\"messages\":[]}", ask_messages, "messages"), FAULT_MISSING_PARAMETER);
    assert_int_equal(asked("{}", ask_messages, "messages"), FAULT_MISSING_PARAMETER);
    assert_int_equal(asked("{\"messages\":null}", ask_messages, "messages"),
                     FAULT_MISSING_PARAMETER);
    assert_int_equal(asked("{\"messages\":\"x\"}", ask_messages, "messages"), FAULT_INVALID_TYPE);
    assert_int_equal(asked("{\"messages\":{}}", ask_messages, "messages"), FAULT_INVALID_TYPE);
}

static void boolean_is_true_false_null_or_absent(void **state)
{
    (void)state;
    static const char *const good[] = {"{}", "{\"stream\":null}", "{\"stream\":true}",
                                       "{\"stream\":false}"};
    static const char *const wrong[] = {"\"true\"", "1", "0", "\"\"", "[]", "{}"};
    for (size_t i = 0; i < COUNT(good); i++)
        assert_int_equal(asked(good[i], ask_stream, ""), FAULT_NONE);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"stream\":%s}", wrong[i]);
        assert_int_equal(asked(json, ask_stream, "stream"), FAULT_INVALID_TYPE);
    }
}

static void number_is_whole_and_in_its_range(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        enum fault expected;
        int64_t number;
    } rows[] = {
        {"1", FAULT_NONE, 1},
        {"128", FAULT_NONE, 128},
        {"null", FAULT_NONE, -7},
        {"0", FAULT_INVALID_VALUE, -7},
        {"-0", FAULT_INVALID_VALUE, -7},
        {"-1", FAULT_INVALID_VALUE, -7},
        {"129", FAULT_INVALID_VALUE, -7},
        {"1.0", FAULT_INVALID_VALUE, -7},
        {"1e2", FAULT_INVALID_VALUE, -7},
        {"9007199254740993", FAULT_INVALID_VALUE, -7},
        {"18446744073709551617", FAULT_INVALID_VALUE, -7},
        {"10000000000000000000000000000000000000000000000000000000001", FAULT_INVALID_VALUE, -7},
        {"\"3\"", FAULT_INVALID_TYPE, -7},
        {"true", FAULT_INVALID_TYPE, -7},
        {"[1]", FAULT_INVALID_TYPE, -7},
        {"{}", FAULT_INVALID_TYPE, -7},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char json[128];
        snprintf(json, sizeof json, "{\"n\":%s}", rows[i].value);
        enum fault found = asked(json, ask_n, "n");
        if (found != rows[i].expected || number != rows[i].number)
            fail_msg("%s: %s", rows[i].value, fault_name(found));
    }
    assert_int_equal(asked("{}", ask_n, ""), FAULT_NONE);
    assert_int_equal(number, -7);
}

/* --- the prompt ----------------------------------------------------------------------------------
 */

static struct fields *scanned(const char *json, size_t step)
{
    struct failure failure = {0};
    struct fields *fields = fed(json, step);
    assert_int_equal(fields_finish(fields, &failure), FAULT_NONE);
    return fields;
}

static void prompt_is_reckoned_the_same_for_any_pieces(void **state)
{
    (void)state;
    static const char json[] =
        "{\"messages\":[{\"role\":\"user\",\"content\":\"Hello \\u4f60\\u597d, world\"}],"
        "\"tools\":[{\"type\":\"function\"}],\"other\":\"not a prompt at all\"}";
    struct fields *whole = scanned(json, sizeof json);
    assert_true(whole->prompt.bytes > 25 && whole->prompt.bytes < 90);
    for (size_t step = 1; step < 20; step++) {
        struct fields *fields = scanned(json, step);
        assert_int_equal(fields->prompt.bytes, whole->prompt.bytes);
        assert_int_equal(estimate_tokens(&fields->prompt), estimate_tokens(&whole->prompt));
        fields_free(&fields);
    }
    fields_free(&whole);
}

static void type_is_one_of_those_allowed_or_none(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum fault fault;
    } rows[] = {
        {"{}", FAULT_NONE},
        {"{\"input\":null}", FAULT_NONE},
        {"{\"input\":\"\"}", FAULT_NONE},
        {"{\"input\":[]}", FAULT_NONE},
        {"{\"input\":{}}", FAULT_INVALID_TYPE},
        {"{\"input\":5}", FAULT_INVALID_TYPE},
        {"{\"input\":true}", FAULT_INVALID_TYPE},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct failure failure = {0};
        struct fields *fields = scanned(rows[i].json, 100);
        assert_int_equal(fields_type(fields, FIELD_input, 1u << JSPAN_STRING | 1u << JSPAN_ARRAY,
                                     "a string or an array", &failure),
                         rows[i].fault);
        assert_string_equal(failure.param, rows[i].fault == FAULT_NONE ? "" : "input");
        failure_release(&failure);
        fields_free(&fields);
    }
}

static void media_are_not_read_as_text(void **state)
{
    (void)state;
    char json[20300], blob[20000];
    memset(blob, 'A', sizeof blob - 1);
    blob[sizeof blob - 1] = '\0';
    static const char *const before[] = {"data:image/png;base64,", "DATA:IMAGE/png;base64,",
                                         "data:audio/wav;base64,", "data:application/pdf;base64,"};
    for (size_t i = 0; i < COUNT(before); i++) {
        snprintf(json, sizeof json,
                 "{\"messages\":[{\"content\":[{\"image_url\":{\"url\":\"%s%s\"}}]}]}", before[i],
                 blob);
        struct fields *fields = scanned(json, 1000);
        assert_true(fields->media_tokens >= 1600 && fields->media_tokens <= 5000);
        assert_true(fields->prompt.bytes < 100);
        fields_free(&fields);
    }
    snprintf(json, sizeof json, "{\"messages\":[{\"content\":\"%s\"}]}", blob);
    struct fields *fields = scanned(json, 1000);
    assert_int_equal(fields->media_tokens, 0);
    assert_true(fields->prompt.bytes >= sizeof blob - 1);
    fields_free(&fields);
}

static void long_texts_are_cut_not_overrun(void **state)
{
    (void)state;
    char json[1200], name[1000];
    memset(name, 'm', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(json, sizeof json, "{\"model\":\"%s\",\"size\":\"%s\"}", name, name + 900);
    struct fields *fields = scanned(json, 100);
    assert_int_equal(fields->field[FIELD_model].count, 999);
    assert_true(fields->field[FIELD_model].text_cut);
    assert_int_equal(strlen(fields->field[FIELD_model].text), 47);
    assert_int_equal(strlen(fields->model), MODEL_NAME_MAX);
    assert_true(fields->field[FIELD_size].text_cut);
    fields_free(&fields);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policy_key_given_twice_is_refused),
        cmocka_unit_test(policy_key_in_another_case_is_refused),
        cmocka_unit_test(policy_key_spelled_with_escapes_is_the_same_key),
        cmocka_unit_test(nested_and_unknown_duplicates_pass),
        cmocka_unit_test(include_usage_given_twice_is_refused),
        cmocka_unit_test(body_that_is_no_object_is_invalid),
        cmocka_unit_test(spans_are_those_of_the_values),
        cmocka_unit_test(text_is_needed_and_must_be_one),
        cmocka_unit_test(list_is_needed_and_must_hold_something),
        cmocka_unit_test(type_is_one_of_those_allowed_or_none),
        cmocka_unit_test(boolean_is_true_false_null_or_absent),
        cmocka_unit_test(number_is_whole_and_in_its_range),
        cmocka_unit_test(prompt_is_reckoned_the_same_for_any_pieces),
        cmocka_unit_test(media_are_not_read_as_text),
        cmocka_unit_test(long_texts_are_cut_not_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
