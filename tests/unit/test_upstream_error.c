#include "relay/upstream_error.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct upstream_error error;

static void read_as(int status, const char *body)
{
    upstream_error_read(&error, status, str_of(body));
}

static void text_is_found_wherever_it_stands(void **state)
{
    (void)state;
    static const struct {
        const char *body, *message, *code;
    } rows[] = {
        {"{\"error\":{\"message\":\"m\",\"code\":\"c\"}}", "m", "c"},
        {"{\"error\":{\"message\":\"m\",\"code\":null}}", "m", ""},
        {"{\"error\":\"m\"}", "m", ""},
        {"{\"error\":\"m\",\"message\":\"other\"}", "m", ""},
        {"{\"message\":\"m\",\"code\":1004}", "m", "1004"},
        {"{\"detail\":\"m\"}", "m", ""},
        {"{\"detail\":[{\"msg\":\"m\",\"loc\":[1]}]}", "m", ""},
        {"{\"detail\":{\"message\":\"m\"}}", "m", ""},
        {"{\"msg\":\"m\",\"errorCode\":\"c\"}", "m", "c"},
        {"{\"errors\":[{\"message\":\"m\",\"code\":\"c\"}]}", "m", "c"},
        {"{\"base_resp\":{\"status_code\":1004,\"status_msg\":\"m\"}}", "m", "1004"},
        {"{\"error_description\":\"m\"}", "m", ""},
        {"{\"error\":{\"code\":\"c\"}}", "", "c"},
        {"{\"error\":{\"message\":{\"a\":1}}}", "", ""},
        {"{\"error\":[]}", "", ""},
        {"{\"error\":{\"message\":\"m\",\"big\":99999999999999999999999}}", "m", ""},
        {"plain text", "plain text", ""},
        {"{\"cut\": \"off", "{\"cut\": \"off", ""},
        {"<html><body>Bad</body></html>", "", ""},
        {"\r\n  <!DOCTYPE html><title>x</title>", "", ""},
        {"", "", ""},
        {"[]", "", ""},
        {"null", "", ""},
        {"12", "", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        read_as(400, rows[i].body);
        if (strcmp(error.message, rows[i].message) != 0 || strcmp(error.code, rows[i].code) != 0)
            fail_msg("%s: '%s', '%s'", rows[i].body, error.message, error.code);
        assert_int_equal(error.status, 400);
    }
}

static void status_of_the_body_counts_inside_a_success(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int status;
    } rows[] = {
        {"{\"error\":{\"code\":429}}", 429},
        {"{\"error\":{\"code\":\"402\"}}", 402},
        {"{\"error\":{\"code\":\"x\",\"status\":503}}", 503},
        {"{\"error\":{\"code\":\"x\"}}", 500},
        {"{\"error\":{\"code\":200}}", 500},
        {"{\"error\":{\"code\":\"rate_limit_exceeded\"}}", 429},
        {"{\"error\":{\"code\":\"x\",\"type\":\"rate_limit_error\"}}", 429},
        {"{\"error\":{\"code\":500,\"type\":\"rate_limit_error\"}}", 500},
        {"{\"error\":{\"type\":\"overloaded_error\"}}", 503},
        {"{\"error\":{\"code\":600}}", 500},
        {"{\"error\":{\"code\":\"4290\"}}", 500},
        {"{\"error\":{\"code\":-429}}", 500},
        {"{\"error\":\"text\"}", 500},
        {"{\"error\":\"\"}", 500},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        read_as(200, rows[i].body);
        assert_true(error.found);
        if (error.status != rows[i].status)
            fail_msg("%s: %d", rows[i].body, error.status);
        read_as(503, rows[i].body);
        assert_int_equal(error.status, 503); /* HTTP's own word is better */
    }
    read_as(200, "{\"error\":null,\"choices\":[]}");
    assert_false(error.found);
    read_as(200, "{\"base_resp\":{\"status_code\":0},\"choices\":[]}");
    assert_false(error.found);
}

static void secrets_in_every_text_are_masked(void **state)
{
    (void)state;
    read_as(400, "{\"error\":{\"message\":\"key sk-abcdef123456 of org-ABCDEF123 at "
                 "https://up.example/x?k=1 \\nBearer abcdefgh12345\",\"type\":\"sk-abcdef123456\","
                 "\"code\":\"org-ABCDEF123\",\"param\":\"https://up.example/\"}}");
    assert_string_equal(error.message, "key sk-*** of org-*** at ***  Bearer ***");
    assert_string_equal(error.type, "sk-***");
    assert_string_equal(error.code, "org-***");
    assert_string_equal(error.param, "***");
    read_as(400, "the key sk-abcdef123456\r\nis bad");
    assert_string_equal(error.message, "the key sk-***  is bad");
}

static void long_text_is_cut_between_characters(void **state)
{
    (void)state;
    char body[4000];
    for (size_t shift = 0; shift < 4; shift++) {
        int n = snprintf(body, sizeof body, "{\"error\":{\"message\":\"%.*s", (int)shift, "aaaa");
        for (size_t i = 0; i < 1000; i++)
            n += snprintf(body + n, sizeof body - (size_t)n, "\xe4\xbd\xa0");
        snprintf(body + n, sizeof body - (size_t)n, "\"}}");
        read_as(400, body);
        size_t length = strlen(error.message);
        assert_in_range(length, FAILURE_MESSAGE_MAX - 5, FAILURE_MESSAGE_MAX - 1);
        assert_int_equal((length - shift) % 3, 0);
    }
}

static void word_that_does_not_fit_is_none(void **state)
{
    (void)state;
    char body[300], word[100];
    for (size_t n = 60; n < 70; n++) {
        memset(word, 'w', n);
        word[n] = '\0';
        snprintf(body, sizeof body, "{\"error\":{\"code\":\"%s\",\"type\":7,\"param\":7}}", word);
        read_as(400, body);
        assert_true(strcmp(error.code, word) == 0 || error.code[0] == '\0');
        if (n >= sizeof error.code)
            assert_string_equal(error.code, "");
        if (n < sizeof error.code - 1)
            assert_string_equal(error.code, word);
        assert_string_equal(error.type, "7");
        assert_string_equal(error.param, "");
    }
}

/* --- lists ---------------------------------------------------------------------------------------
 */

struct list {
    bool (*is)(const struct upstream_error *error);
    const char *code, *text;
};

static const struct list lists[] = {
    {upstream_error_is_blocked, "content_policy_violation", NULL},
    {upstream_error_is_blocked, "content_filter", NULL},
    {upstream_error_is_blocked, "content_filter_policy", NULL},
    {upstream_error_is_blocked, "ResponsibleAIPolicyViolation", NULL},
    {upstream_error_is_blocked, "moderation_blocked", NULL},
    {upstream_error_is_blocked, "image_content_policy_violation", NULL},
    {upstream_error_is_blocked, "invalid_prompt", NULL},
    {upstream_error_is_blocked, "bio_policy", NULL},
    {upstream_error_is_blocked, "prompt_blocked", NULL},
    {upstream_error_is_blocked, "sensitive_words_detected", NULL},
    {upstream_error_is_blocked, "data_inspection_failed", NULL},
    {upstream_error_is_blocked, "DataInspectionFailed", NULL},
    {upstream_error_is_blocked, "InputTextSensitiveContentDetected", NULL},
    {upstream_error_is_blocked, "prohibited_content", NULL},
    {upstream_error_is_blocked, "1301", NULL},
    {upstream_error_is_blocked, "1026", NULL},
    {upstream_error_is_blocked, "1027", NULL},
    {upstream_error_is_blocked, NULL, "Content Exists Risk"},
    {upstream_error_is_blocked, NULL, "Rejected as a result of our safety system."},
    {upstream_error_is_blocked, NULL, "flagged as violating our usage policy"},
    {upstream_error_is_blocked, NULL, "triggering Azure's content management policy"},
    {upstream_error_is_blocked, NULL, "The model produced invalid content"},
    {upstream_error_is_account, "arrearage", NULL},
    {upstream_error_is_account, "API_KEY_INVALID", NULL},
    {upstream_error_is_account, "invalid_api_key", NULL},
    {upstream_error_is_account, "billing_not_active", NULL},
    {upstream_error_is_account, "account_deactivated", NULL},
    {upstream_error_is_account, "access_denied", NULL},
    {upstream_error_is_account, "insufficient_quota", NULL},
    {upstream_error_is_account, "billing_hard_limit_reached", NULL},
    {upstream_error_is_account, "credit_balance_exhausted", NULL},
    {upstream_error_is_account, "1113", NULL},
    {upstream_error_is_account, NULL, "Your credit balance is too low to access the API"},
    {upstream_error_is_account, NULL, "You exceeded your current quota, please check"},
    {upstream_error_is_context, "context_length_exceeded", NULL},
    {upstream_error_is_context, NULL, "This model's maximum context length is 8192 tokens"},
    {upstream_error_is_context, NULL, "Your input exceeds the context window of this model"},
    {upstream_error_is_context, NULL, "Input tokens exceed the configured limit of 272000"},
    {upstream_error_is_context, NULL, "maximum context limit"},
    {upstream_error_is_context, NULL, "is longer than the model's context length"},
    {upstream_error_is_context, NULL, "request (9 tokens) exceeds the available context size"},
    {upstream_error_is_model, "model_not_found", NULL},
    {upstream_error_is_model, "DeploymentNotFound", NULL},
    {upstream_error_is_model, NULL, "Model Not Exist"},
};

static void assert_only_on(bool (*list)(const struct upstream_error *), const char *body)
{
    for (size_t j = 0; j < COUNT(lists); j++) {
        if (lists[j].is(&error) != (lists[j].is == list))
            fail_msg("%s", body);
    }
}

static void each_word_and_sentence_is_on_its_list_only(void **state)
{
    (void)state;
    static const char *const places[] = {"code", "type"};
    for (size_t i = 0; i < COUNT(lists); i++) {
        for (size_t p = 0; p < COUNT(places); p++) {
            char body[300];
            snprintf(body, sizeof body, "{\"error\":{\"%s\":\"%s\"}}",
                     lists[i].code != NULL ? places[p] : "message",
                     lists[i].code != NULL ? lists[i].code : lists[i].text);
            read_as(400, body);
            bool part = lists[i].code != NULL && strstr(lists[i].code, "Sensitive") != NULL;
            if (part && p == 1)
                continue; /* looked for in the code only */
            assert_only_on(lists[i].is, body);
        }
    }
}

static void ordinary_errors_are_on_no_list(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "<html>403 Forbidden</html>",
        ("{\"error\":{\"message\":\"Invalid 'temperature'\","
         "\"type\":\"invalid_request_error\",\"code\":\"decimal_above_max_value\"}}"),
        "{\"error\":{\"code\":1302,\"message\":\"filter\"}}",
        "{\"error\":{\"code\":\"content\"}}",
        "{\"error\":{\"message\":\"invalid_api_key_format in your prompt\",\"code\":\"13010\"}}"};
    for (size_t i = 0; i < COUNT(bodies); i++) {
        read_as(400, bodies[i]);
        for (size_t j = 0; j < COUNT(lists); j++)
            assert_false(lists[j].is(&error));
    }
}

static void moderation_metadata_is_a_block(void **state)
{
    (void)state;
    read_as(403, "{\"error\":{\"code\":403,\"message\":\"flagged\","
                 "\"metadata\":{\"reasons\":[\"x\"]}}}");
    assert_true(upstream_error_is_blocked(&error));
    read_as(403, "{\"error\":{\"code\":403,\"metadata\":{\"flagged_input\":\"x\"}}}");
    assert_true(upstream_error_is_blocked(&error));
    read_as(403, "{\"error\":{\"code\":403,\"metadata\":{\"provider_name\":\"x\"}}}");
    assert_false(upstream_error_is_blocked(&error));
}

static void body_cut_anywhere_is_read_safely(void **state)
{
    (void)state;
    static const char body[] = "{\"error\":{\"message\":\"sk-abcdef123456 \\u4f60\xe4\xbd\xa0\","
                               "\"code\":\"c\",\"metadata\":{\"reasons\":[1]}}}";
    for (size_t n = 0; n < sizeof body; n++) {
        char *block = malloc(n + 1);
        assert_non_null(block);
        memcpy(block, body, n);
        upstream_error_read(&error, 400, (struct str){block, n});
        assert_null(strstr(error.message, "abcdef123456"));
        free(block);
    }
}

static void secret_without_a_known_form_is_hidden_everywhere(void **state)
{
    (void)state;
    static const char body[] = "{\"error\":{\"message\":\"my-own-key, my-own-keymy-own-key\","
                               "\"type\":\"my-own-key\",\"code\":\"a my-own-key\"}}";
    char key[] = "my-own-key", short_key[] = "short";
    upstream_error_read(&error, 400, str_of(body));
    upstream_error_hide(&error, &(struct provider){.keys = {{.secret = key}}, .key_count = 1});
    assert_string_equal(error.message, "***, ******");
    assert_string_equal(error.type, "***");
    assert_null(strstr(error.code, "own"));
    upstream_error_read(&error, 400, STR("{\"error\":{\"message\":\"a short key\"}}"));
    upstream_error_hide(&error,
                        &(struct provider){.keys = {{.secret = short_key}}, .key_count = 1});
    upstream_error_hide(&error, &(struct provider){.key_count = 0});
    assert_string_equal(error.message, "a short key");
}

static void secret_that_begins_like_another_is_hidden_whole(void **state)
{
    (void)state;
    static char short_key[] = "my-own-key", long_key[] = "my-own-key-two";
    const struct provider provider = {.keys = {{.secret = short_key}, {.secret = long_key}},
                                      .key_count = 2};
    const char *body = "{\"error\":{\"message\":\"my-own-key-two, my-own-key, my-own\"}}";
    upstream_error_read(&error, 401, str_of(body));
    upstream_error_hide(&error, &provider);
    assert_string_equal(error.message, "***, ***, my-own");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_found_wherever_it_stands),
        cmocka_unit_test(status_of_the_body_counts_inside_a_success),
        cmocka_unit_test(secrets_in_every_text_are_masked),
        cmocka_unit_test(long_text_is_cut_between_characters),
        cmocka_unit_test(word_that_does_not_fit_is_none),
        cmocka_unit_test(each_word_and_sentence_is_on_its_list_only),
        cmocka_unit_test(ordinary_errors_are_on_no_list),
        cmocka_unit_test(moderation_metadata_is_a_block),
        cmocka_unit_test(body_cut_anywhere_is_read_safely),
        cmocka_unit_test(secret_without_a_known_form_is_hidden_everywhere),
        cmocka_unit_test(secret_that_begins_like_another_is_hidden_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
