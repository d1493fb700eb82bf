#include "relay/error_dialect.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "config/settings.h"

static void documented_dialect_is_the_table(void **state)
{
    (void)state;
    struct failure f = {0};
    for (int fault = 1; fault < FAULT_COUNT; fault++) {
        failure_set(&f, (enum fault)fault, "%s", "");
        f.upstream_status = 422;
        struct error_told told = error_tell(&f, ERROR_DIALECT_DOCUMENTED);
        assert_int_equal(told.status, fault_info((enum fault)fault)->status);
        assert_string_equal(told.type, fault_info((enum fault)fault)->type);
        assert_null(told.code);
    }
    failure_release(&f);
}

static void assert_told(enum fault fault, int status, const char *type, const char *code)
{
    struct failure f = {0};
    failure_set(&f, fault, "%s", "");
    struct error_told told = error_tell(&f, ERROR_DIALECT_OPENAI);
    if (told.status != status || strcmp(told.type, type) != 0 || strcmp(told.code, code) != 0)
        fail_msg("%s: %d %s %s", fault_name(fault), told.status, told.type, told.code);
    failure_release(&f);
}

static void openai_dialect_has_its_statuses(void **state)
{
    (void)state;
    static const char request[] = "invalid_request_error";
    assert_told(FAULT_MISSING_AUTHORIZATION, 401, request, "invalid_api_key");
    assert_told(FAULT_UNKNOWN_TOKEN, 401, request, "invalid_api_key");
    assert_told(FAULT_INSUFFICIENT_BALANCE, 403, "insufficient_quota", "insufficient_quota");
    assert_told(FAULT_MODEL_NOT_PERMITTED, 403, request, "model_not_found");
    assert_told(FAULT_UNKNOWN_PATH, 404, request, "unknown_path");
    assert_told(FAULT_MODEL_NOT_FOUND, 404, request, "model_not_found");
    assert_told(FAULT_METHOD_NOT_ALLOWED, 405, request, "method_not_allowed");
    assert_told(FAULT_INVALID_JSON, 400, request, "invalid_json");
    assert_told(FAULT_MISSING_PARAMETER, 400, request, "missing_parameter");
    assert_told(FAULT_BODY_TOO_LARGE, 413, request, "body_too_large");
    assert_told(FAULT_UNSUPPORTED_CONTENT_TYPE, 415, request, "unsupported_content_type");
    assert_told(FAULT_TOKEN_RATE_LIMITED, 429, "rate_limit_error", "rate_limit_exceeded");
    assert_told(FAULT_UPSTREAM_CONTEXT, 400, request, "context_length_exceeded");
    assert_told(FAULT_UPSTREAM_TOO_LARGE, 413, request, "request_too_large");
    assert_told(FAULT_UPSTREAM_BLOCKED, 400, request, "content_policy_violation");
    assert_told(FAULT_UPSTREAM_ERROR, 502, "server_error", "upstream_error");
    assert_told(FAULT_SHUTTING_DOWN, 502, "server_error", "shutting_down");
    assert_told(FAULT_TASK_NOT_FOUND, 404, request, "task_not_found");
}

/* No row of the failure table is forgotten: what is the caller's fault has a native status. */
static void openai_dialect_keeps_to_known_statuses(void **state)
{
    (void)state;
    static const int known[] = {0, 400, 401, 403, 404, 405, 411, 413, 415, 429, 501, 502};
    struct failure f = {0};
    for (int fault = 1; fault < FAULT_COUNT; fault++) {
        failure_set(&f, (enum fault)fault, "%s", "");
        struct error_told told = error_tell(&f, ERROR_DIALECT_OPENAI);
        bool found = false;
        for (size_t i = 0; i < COUNT(known); i++)
            found |= told.status == known[i];
        assert_true(found);
        assert_non_null(told.code);
        assert_true(told.code[0] != '\0');
    }
    failure_release(&f);
}

static void provider_s_own_status_and_slug_are_kept(void **state)
{
    (void)state;
    static const struct {
        int upstream, told;
    } rows[] = {{400, 400}, {415, 415}, {422, 422}, {404, 400}, {451, 400}, {500, 400}, {0, 400}};
    struct failure f = {0};
    for (size_t i = 0; i < COUNT(rows); i++) {
        failure_set(&f, FAULT_UPSTREAM_PARAMETER, "%s", "");
        f.upstream_status = rows[i].upstream;
        memcpy(f.reason, "above_max", 10);
        struct error_told told = error_tell(&f, ERROR_DIALECT_OPENAI);
        assert_int_equal(told.status, rows[i].told);
        assert_string_equal(told.code, "above_max");
    }
    failure_set(&f, FAULT_UPSTREAM_BLOCKED, "%s", "");
    f.upstream_status = 422;
    assert_int_equal(error_tell(&f, ERROR_DIALECT_OPENAI).status, 400);
    failure_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documented_dialect_is_the_table),
        cmocka_unit_test(openai_dialect_has_its_statuses),
        cmocka_unit_test(openai_dialect_keeps_to_known_statuses),
        cmocka_unit_test(provider_s_own_status_and_slug_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
