#include "server/route.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

/* What a target leads to, as text: "models gpt-5" or the message of the refusal. */
static void assert_route(const char *method, const char *target, bool aliases, const char *expected)
{
    struct head head = {.method = str_of(method), .target = str_of(target)};
    struct failure failure = {0};
    struct route route;
    struct buf text;
    buf_init(&text, 4096);
    enum fault fault = route_find(&route, &head, aliases, &failure);
    if (fault == FAULT_NONE)
        assert_true(buf_addf(&text, "%s %.*s", route.module->name, STR_ARG(route.subject)));
    else
        assert_true(failure_message(&failure, &text));
    if (!str_eq(str_trim(buf_str(&text)), str_of(expected)))
        fail_msg("%s %s:\n  %.*s\nis not\n  %s", method, target, STR_ARG(buf_str(&text)), expected);
    buf_release(&text);
    failure_release(&failure);
    route_release(&route);
}

static void path_is_read_in_one_way(void **state)
{
    (void)state;
    assert_route("POST", "/v1/chat/completions", false, "chat");
    assert_route("POST", "/v1/chat/completions?api-version=1", false, "chat");
    assert_route("POST", "//v1//chat/completions/", false, "chat");
    assert_route("POST", "/v1/chat%2Fcompletions", false, "chat");
    assert_route("GET", "/v1/models/org%2Fslash", false, "models org/slash");
    assert_route("GET", "/v1/models/a%2F%2Fb", false, "models a//b");
    assert_route("GET", "/v1", false, "about");
    assert_route("GET", "/v1/", false, "about");
    assert_route("GET", "/v1/models/a%00b", false, "Invalid URL (GET /v1/models/a%00b)");
    assert_route("GET", "/v1/models/a%zz", false, "Invalid URL (GET /v1/models/a%zz)");
    assert_route("GET", "/v1/models/a%4", false, "Invalid URL (GET /v1/models/a%4)");
}

static void unknown_path_names_the_nearest_route(void **state)
{
    (void)state;
    assert_route("POST", "/v1/foo", false, "Invalid URL (POST /v1/foo)");
    assert_route("POST", "/v1/chat/completion", false,
                 "Invalid URL (POST /v1/chat/completion; did you mean POST /v1/chat/completions?)");
    assert_route("POST", "/v1/v1/chat/completions", false,
                 "Invalid URL (POST /v1/v1/chat/completions; did you mean POST "
                 "/v1/chat/completions?)");
    assert_route("POST", "/chat/completions", false,
                 "Invalid URL (POST /chat/completions; did you mean POST /v1/chat/completions? The "
                 "base URL ends with /v1)");
    assert_route("GET", "/", false, "Invalid URL (GET /; the base URL ends with /v1)");
    assert_route("GET", "/v1x", false, "Invalid URL (GET /v1x; the base URL ends with /v1)");
}

static void known_path_by_a_wrong_method_names_the_right_one(void **state)
{
    (void)state;
    struct head head = {.method = STR("GET"), .target = STR("/v1/chat/completions")};
    struct failure failure = {0};
    struct route route;
    assert_int_equal(route_find(&route, &head, false, &failure), FAULT_METHOD_NOT_ALLOWED);
    assert_string_equal(failure.allow, "POST");
    failure_release(&failure);
    route_release(&route);
    assert_route("POST", "/v1", false, "Invalid method for URL (POST /v1)");
}

static void aliases_take_a_doubled_base_and_none(void **state)
{
    (void)state;
    assert_route("POST", "/v1/v1/chat/completions", true, "chat");
    assert_route("POST", "/chat/completions", true, "chat");
    assert_route("GET", "/models", true, "models");
    assert_route("GET", "/models/org/slash", true, "models org/slash");
    assert_route("POST", "/v1/chat/completions", true, "chat");
    assert_route("GET", "/v1/v1", true, "about");
    assert_route("GET", "/v1/v1/v1/models", true,
                 "Invalid URL (GET /v1/v1/v1/models; did you mean GET /v1/models?)");
    assert_route("GET", "/", true, "Invalid URL (GET /; the base URL ends with /v1)");
    assert_route("POST", "/foo", true, "Invalid URL (POST /foo; the base URL ends with /v1)");
}

/* However long what was asked for is, the message keeps its hint. */
static void long_path_is_cut(void **state)
{
    (void)state;
    char target[1200] = "/v1/models/";
    struct head head = {.method = STR("POST")};
    struct failure failure = {0};
    struct route route;
    memset(target + 4, 'x', 900);
    head.target = (struct str){target, 904};
    assert_int_equal(route_find(&route, &head, false, &failure), FAULT_UNKNOWN_PATH);
    assert_true(strlen(failure.subject) < 200);
    route_release(&route);
    memset(target + 4, 'x', 1100);
    head.target = (struct str){target, 1104};
    assert_int_equal(route_find(&route, &head, false, &failure), FAULT_UNKNOWN_PATH);
    failure_release(&failure);
    route_release(&route);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_is_read_in_one_way),
        cmocka_unit_test(unknown_path_names_the_nearest_route),
        cmocka_unit_test(known_path_by_a_wrong_method_names_the_right_one),
        cmocka_unit_test(aliases_take_a_doubled_base_and_none),
        cmocka_unit_test(long_path_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
