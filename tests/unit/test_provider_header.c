#include "config/provider_header.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum secret_state adds(struct provider_headers *headers, const char *text, size_t *at,
                              struct buf *why)
{
    buf_clear(why);
    return provider_headers_add(headers, str_of(text), "gateway.conf", at, why);
}

static void header_is_kept_with_its_secret(void **state)
{
    (void)state;
    struct provider_headers headers = {NULL, 0, 0};
    struct buf why, shown;
    size_t at = 0;
    buf_init(&why, 1024);
    buf_init(&shown, 1024);
    setenv("GATEWAY_TEST_KEY", "sk-abc", 1);
    assert_int_equal(adds(&headers, "X-Region:  eu  west ", &at, &why), SECRET_READ);
    assert_int_equal(adds(&headers, "x-key: env:GATEWAY_TEST_KEY", &at, &why), SECRET_READ);
    assert_int_equal(adds(&headers, "X-Auth: Bearer env:GATEWAY_TEST_KEY", &at, &why), SECRET_READ);
    assert_int_equal(headers.n, 3);
    assert_string_equal(headers.list[0].name, "X-Region");
    assert_string_equal(headers.list[0].value, "eu  west");
    assert_null(headers.list[0].secret);
    assert_string_equal(headers.list[1].value, "sk-abc");
    assert_string_equal(headers.list[2].value, "Bearer sk-abc");
    assert_string_equal(headers.list[2].secret, "sk-abc");
    assert_true(provider_headers_have(&headers, STR("X-KEY")));
    assert_false(provider_headers_have(&headers, STR("X-KE")));
    for (unsigned i = 0; i < headers.n; i++)
        assert_true(provider_header_show(&headers.list[i], &shown) && buf_add_char(&shown, '|'));
    assert_true(str_eq(buf_str(&shown), STR("X-Region: eu  west|x-key: ***|X-Auth: Bearer ***|")));
    provider_headers_release(&headers);
    assert_int_equal(headers.n, 0);
    buf_release(&why);
    buf_release(&shown);
}

#define LITERAL                                                                                    \
    "a secret must not stand in this file (want env:NAME, file:PATH or cred:NAME as the last "     \
    "word)"
#define NO_NAME "this does not begin with a header's name (want Name: value)"

static void header_that_is_none_is_refused_where_it_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t at;
        const char *why;
    } rows[] = {
        {"", 0, "this is not a header (want Name: value)"},
        {"X-Region eu", 0, "this is not a header (want Name: value)"},
        {": eu", 0, NO_NAME},
        {"X Region: eu", 0, NO_NAME},
        {"X-Region : eu", 0, NO_NAME},
        {"X-Region:", 0, "\"X-Region\" has no value (want Name: value)"},
        {"X-Region:  a\nb", 11, "the value holds a byte that a header cannot hold"},
        {"X-Region: caf\xc3\xa9", 10, "the value holds a byte that a header cannot hold"},
        {"Authorization: env:GATEWAY_TEST_KEY", 0,
         "the gateway decides on \"Authorization\" itself"},
        {"hOST: x", 0, "the gateway decides on \"hOST\" itself"},
        {"Proxy-Anything: x", 0, "the gateway decides on \"Proxy-Anything\" itself"},
        {"X-Api-Token: abc", 13, LITERAL},
        {"X-Api-Token: env:GATEWAY_TEST_KEY x", 13, LITERAL},
        {"X-Region: Bearer sk-abc", 10, LITERAL},
        {"X-Region: env:not-a-variable!", 10,
         "a secret must not stand in this file (want env:NAME, file:PATH or cred:NAME)"},
    };
    struct provider_headers headers = {NULL, 0, 0};
    struct buf why;
    size_t at = 0;
    buf_init(&why, 1024);
    for (size_t i = 0; i < COUNT(rows); i++)
        if (adds(&headers, rows[i].text, &at, &why) != SECRET_MALFORMED || at != rows[i].at ||
            !str_eq(buf_str(&why), str_of(rows[i].why)))
            fail_msg("%s: at %zu '%.*s'", rows[i].text, at, STR_ARG(buf_str(&why)));
    unsetenv("GATEWAY_TEST_KEY");
    assert_int_equal(adds(&headers, "X-Key: env:GATEWAY_TEST_KEY", &at, &why), SECRET_ABSENT);
    assert_int_equal(at, 7);
    assert_int_equal(adds(&headers, "X-Region: eu", &at, &why), SECRET_READ);
    assert_int_equal(adds(&headers, "x-REGION: us", &at, &why), SECRET_MALFORMED);
    assert_true(str_eq(buf_str(&why), STR("\"x-REGION\" is set twice")));
    assert_int_equal(headers.n, 1);
    provider_headers_release(&headers);
    buf_release(&why);
}

static void headers_together_have_a_ceiling(void **state)
{
    (void)state;
    struct provider_headers headers = {NULL, 0, 0};
    struct buf why;
    size_t at = 0;
    char value[1025];
    char line[1100];
    buf_init(&why, 1024);
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    unsigned n = 0;
    enum secret_state state_of_last = SECRET_READ;
    while (state_of_last == SECRET_READ && n < 26) {
        snprintf(line, sizeof line, "X-%c: %s", 'a' + (char)n++, value);
        state_of_last = adds(&headers, line, &at, &why);
    }
    assert_int_equal(state_of_last, SECRET_MALFORMED);
    assert_int_equal(headers.n, 15);
    assert_true(str_eq(buf_str(&why), STR("the headers are longer than 16384 bytes together")));
    snprintf(line, sizeof line, "X-z: v%s", value);
    assert_int_equal(adds(&headers, line, &at, &why), SECRET_MALFORMED);
    assert_true(str_eq(buf_str(&why), STR("the value is longer than 1024 bytes")));
    provider_headers_release(&headers);
    buf_release(&why);
}

static void secrets_and_what_is_about_the_connection_never_pass(void **state)
{
    (void)state;
    static const char *const refused[] = {"Connection",
                                          "Keep-Alive",
                                          "TE",
                                          "Trailer",
                                          "Transfer-Encoding",
                                          "Upgrade",
                                          "Host",
                                          "Expect",
                                          "Cookie",
                                          "Set-Cookie",
                                          "Authorization",
                                          "api-key",
                                          "x-api-key",
                                          "Proxy-Auth",
                                          "x-goog-api-key",
                                          "Content-Type",
                                          "Content-Length",
                                          "User-Agent",
                                          "X-Auth-Token",
                                          "Idempotency-Key",
                                          "bad name",
                                          ""};
    static const char *const passes[] = {"traceparent", "X-Title", "HTTP-Referer", "X-Author",
                                         "anthropic-version"};
    struct buf why;
    buf_init(&why, 1024);
    for (size_t i = 0; i < COUNT(refused); i++)
        if (header_allow_check(str_of(refused[i]), &why))
            fail_msg("%s passes", refused[i]);
    for (size_t i = 0; i < COUNT(passes); i++)
        if (!header_allow_check(str_of(passes[i]), &why))
            fail_msg("%s: %.*s", passes[i], STR_ARG(buf_str(&why)));
    buf_release(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_is_kept_with_its_secret),
        cmocka_unit_test(header_that_is_none_is_refused_where_it_is_wrong),
        cmocka_unit_test(headers_together_have_a_ceiling),
        cmocka_unit_test(secrets_and_what_is_about_the_connection_never_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
