#include "relay/query.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void value_is_decoded_and_given_once(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        enum query_result expected;
        const char *value;
    } rows[] = {
        {"", QUERY_NONE, NULL},
        {"b=1&afters=2&xafter=3", QUERY_NONE, NULL},
        {"after=task_1", QUERY_FOUND, "task_1"},
        {"limit=2&after=a%2Fb+c%3d&order=asc", QUERY_FOUND, "a/b c="},
        {"after=a=b", QUERY_FOUND, "a=b"},
        {"after=", QUERY_FOUND, ""},
        {"after", QUERY_FOUND, ""},
        {"after=1&after=2", QUERY_BAD, NULL},
        {"after=%2", QUERY_BAD, NULL},
        {"after=%zz", QUERY_BAD, NULL},
        {"after=a%00b", QUERY_BAD, NULL},
        {"after=0123456789abcdef", QUERY_BAD, NULL},
        {"after=0123456789abcde", QUERY_FOUND, "0123456789abcde"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char value[16];
        enum query_result result =
            query_find(str_of(rows[i].query), STR("after"), value, sizeof value);
        if (result != rows[i].expected)
            fail_msg("%s: %d", rows[i].query, (int)result);
        if (rows[i].value != NULL)
            assert_string_equal(value, rows[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_is_decoded_and_given_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
