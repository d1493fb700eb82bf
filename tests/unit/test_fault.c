#include "base/fault.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static const struct fault_info *row(int fault)
{
    return fault_info((enum fault)fault);
}

static void name_is_that_of_the_enum(void **state)
{
    (void)state;
    assert_string_equal(fault_name(FAULT_NONE), "NONE");
    assert_string_equal(fault_name(FAULT_UNKNOWN_TOKEN), "UNKNOWN_TOKEN");
    assert_string_equal(fault_name(FAULT_GATEWAY_MEMORY), "GATEWAY_MEMORY");
    assert_int_equal(fault_info(FAULT_UNKNOWN_TOKEN)->status, 401);
}

/* The public API page knows five statuses, and one type for each; the others are HTTP framing. */
static const char *type_of(int status)
{
    switch (status) {
    case 401:
        return "invalid_token";
    case 403:
        return "insufficient_quota";
    case 404:
        return "invalid_request_error";
    case 429:
        return "rate_limit_error";
    case 502:
        return "server_error";
    default:
        return NULL;
    }
}

static void status_has_the_type_of_the_api_page(void **state)
{
    (void)state;
    for (int fault = FAULT_NONE + 1; fault < FAULT_COUNT; fault++) {
        const char *type = type_of(row(fault)->status);
        if (type)
            assert_string_equal(row(fault)->type, type);
        else
            assert_true(row(fault)->status == 0 || row(fault)->status == 400 ||
                        row(fault)->status == 411 || row(fault)->status == 501);
    }
}

static void reason_is_a_slug(void **state)
{
    (void)state;
    for (int fault = FAULT_NONE + 1; fault < FAULT_COUNT; fault++) {
        const char *reason = row(fault)->reason;
        assert_true(reason[0] != '\0');
        assert_int_equal(strspn(reason, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(reason));
    }
}

static void message_names_its_subject_at_most_once(void **state)
{
    (void)state;
    for (int fault = FAULT_NONE + 1; fault < FAULT_COUNT; fault++) {
        const char *message = row(fault)->message;
        const char *subject = strstr(message, "{}");
        assert_true(message[0] != '\0' || row(fault)->status == 0);
        assert_null(strpbrk(message, "\r\n%"));
        assert_true(!subject || !strstr(subject + 2, "{}"));
        /* Some SDK layers turn these words into a rate-limit exception. */
        if (row(fault)->status != 429)
            assert_null(strcasestr(message, "rate limit"));
    }
}

static void money_fault_is_never_retried(void **state)
{
    (void)state;
    for (int fault = FAULT_NONE + 1; fault < FAULT_COUNT; fault++) {
        if (strcmp(row(fault)->type, "insufficient_quota") == 0)
            assert_int_equal(row(fault)->retry, FAULT_RETRY_NEVER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_is_that_of_the_enum),
        cmocka_unit_test(status_has_the_type_of_the_api_page),
        cmocka_unit_test(reason_is_a_slug),
        cmocka_unit_test(message_names_its_subject_at_most_once),
        cmocka_unit_test(money_fault_is_never_retried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
