#include "relay/failure.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void assert_message(const struct failure *failure, const char *expected)
{
    struct buf out;
    buf_init(&out, 8192);
    assert_true(failure_message(failure, &out));
    assert_int_equal(out.n, strlen(expected));
    assert_memory_equal(out.p, expected, out.n);
    buf_release(&out);
}

static void subject_stands_in_the_message(void **state)
{
    (void)state;
    struct failure f = {0};
    failure_set(&f, FAULT_MODEL_NOT_FOUND, "%s", "a{}%sb");
    assert_message(&f, "The model 'a{}%sb' does not exist");
    assert_string_equal(failure_reason(&f), "model_not_found");
    failure_set(&f, FAULT_MISSING_AUTHORIZATION, "%s", "unused");
    assert_message(&f, "No Authorization header");
    failure_set(&f, FAULT_UPSTREAM_BLOCKED, "%s", "");
    assert_message(&f, "The upstream provider rejected the content");
    failure_release(&f);
}

static void subject_is_cut_to_its_room(void **state)
{
    (void)state;
    struct failure f = {0};
    char text[600], expected[700];
    memset(text, 'm', sizeof text);
    text[599] = '\0';
    failure_set(&f, FAULT_MODEL_NOT_FOUND, "%s", text);
    assert_int_equal(strlen(f.subject), FAILURE_SUBJECT_MAX - 1);
    text[FAILURE_SUBJECT_MAX - 1] = '\0';
    (void)!snprintf(expected, sizeof expected, "The model '%s' does not exist", text);
    assert_message(&f, expected);
    failure_set_param(&f, expected);
    assert_int_equal(strlen(f.param), sizeof f.param - 1);
    failure_release(&f);
}

static void set_replaces_all_that_was_there(void **state)
{
    (void)state;
    struct failure f = {0};
    failure_set(&f, FAULT_UPSTREAM_RATE_LIMITED, "%s", "old");
    failure_set_param(&f, "model");
    f.message = str_dup(STR("the upstream's sentence"));
    f.upstream_status = 429;
    f.retry_after_ms = 7000;
    f.no_retry = true;
    memcpy(f.reason, "slug", 5);
    assert_string_equal(failure_reason(&f), "slug");
    assert_message(&f, "the upstream's sentence");
    failure_set(&f, FAULT_INVALID_JSON, "%s again", f.subject); /* quotes what it replaces */
    assert_string_equal(f.subject, "old again");
    assert_string_equal(f.param, "");
    assert_null(f.message);
    assert_int_equal(f.upstream_status, 0);
    assert_int_equal(f.retry_after_ms, 0);
    assert_false(f.no_retry);
    assert_string_equal(failure_reason(&f), "invalid_json");
    failure_release(&f);
}

static void take_moves_and_frees_what_was_there(void **state)
{
    (void)state;
    struct failure a = {0}, b = {0};
    failure_set(&a, FAULT_UPSTREAM_ERROR, "%s", "");
    a.message = str_dup(STR("first"));
    failure_set(&b, FAULT_UPSTREAM_PARAMETER, "%s", "");
    b.message = str_dup(STR("second"));
    failure_take(&a, &b);
    assert_int_equal(a.fault, FAULT_UPSTREAM_PARAMETER);
    assert_message(&a, "second");
    assert_int_equal(b.fault, FAULT_NONE);
    assert_null(b.message);
    failure_release(&b);
    failure_release(&a);
    assert_int_equal(a.fault, FAULT_NONE);
    failure_release(&a);
}

static void message_that_does_not_fit_is_told(void **state)
{
    (void)state;
    struct failure f = {0};
    struct buf out;
    buf_init(&out, 5);
    failure_set(&f, FAULT_MODEL_NOT_FOUND, "%s", "m");
    assert_false(failure_message(&f, &out));
    failure_release(&f);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subject_stands_in_the_message),
        cmocka_unit_test(subject_is_cut_to_its_room),
        cmocka_unit_test(set_replaces_all_that_was_there),
        cmocka_unit_test(take_moves_and_frees_what_was_there),
        cmocka_unit_test(message_that_does_not_fit_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
