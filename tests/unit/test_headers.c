#include "relay/headers.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/secret.h"

/* Two providers, of which the second lets two headers through. */
static char *allowed_names[] = {(char[]){"traceparent"}, (char[]){"X-Team"}};
static struct provider providers[2] = {{.key_count = 0}, {.header_allow = {allowed_names, 2}}};
static const struct snapshot strict = {.providers = providers, .provider_count = 2};
static const struct snapshot allowing = {
    .providers = providers, .provider_count = 2, .allows_headers = true};

static struct provider provider_of(enum provider_auth auth, char *key)
{
    return (struct provider){.keys = {{.secret = key}}, .key_count = key[0] != '\0', .auth = auth};
}

static void assert_lines_of(const struct client_headers *client, const struct provider *provider,
                            bool stream, const char *expected)
{
    struct buf lines;
    buf_init(&lines, 65536);
    struct upstream_head head = {.client = client,
                                 .provider = provider,
                                 .content_type = "application/json",
                                 .user_id = 7,
                                 .stream = stream};
    assert_true(headers_upstream(&head, &lines));
    assert_int_equal(lines.n, strlen(expected));
    assert_memory_equal(lines.p, expected, lines.n);
    buf_release(&lines);
}

static void assert_lines(const struct client_headers *client, const struct provider *provider,
                         const char *expected)
{
    assert_lines_of(client, provider, false, expected);
}

static void only_listed_headers_are_kept(void **state)
{
    (void)state;
    static const char *const dropped[] = {"Host",
                                          "Content-Length",
                                          "Transfer-Encoding",
                                          "Connection",
                                          "Keep-Alive",
                                          "TE",
                                          "Trailer",
                                          "Upgrade",
                                          "Proxy-Authorization",
                                          "Expect",
                                          "Authorization",
                                          "api-key",
                                          "x-api-key",
                                          "x-goog-api-key",
                                          "Cookie",
                                          "Accept-Encoding",
                                          "Content-Encoding",
                                          "OpenAI-Organization",
                                          "OpenAI-Project",
                                          "X-Stainless-Lang",
                                          "User-Agent",
                                          "X-Forwarded-For",
                                          "Forwarded",
                                          "X-Real-IP",
                                          "CF-Connecting-IP",
                                          "Via",
                                          "traceparent",
                                          "anthropic-version",
                                          "Range",
                                          "Accept-Language",
                                          "OpenAI-Betas",
                                          "xAccept",
                                          ""};
    struct client_headers client = {0};
    for (size_t i = 0; i < COUNT(dropped); i++)
        assert_true(client_headers_take(&client, &strict, str_of(dropped[i]), STR("secret")));
    struct provider none = provider_of(AUTH_BEARER, (char[]){""});
    assert_lines(&client, &none, "Content-Type: application/json\nAccept: */*\n");
    client_headers_release(&client);
}

static void kept_headers_cross_in_order(void **state)
{
    (void)state;
    struct client_headers client = {0};
    assert_true(client_headers_take(&client, &strict, STR("ACCEPT"), STR(" text/event-stream\t")));
    assert_true(client_headers_take(&client, &strict, STR("accept"), STR("second")));
    assert_true(client_headers_take(&client, &strict, STR("Openai-Beta"), STR("assistants=v2")));
    assert_true(client_headers_take(&client, &strict, STR("x-client-request-id"), STR("id 1")));
    assert_true(client_headers_take(&client, &strict, STR("content-type"), STR("text/plain")));
    struct provider provider = provider_of(AUTH_BEARER, (char[]){"sk-up"});
    provider.organization = (char[]){"org-1"};
    provider.project = (char[]){"proj_1"};
    assert_lines(&client, &provider,
                 "Authorization: Bearer sk-up\nContent-Type: application/json\n"
                 "Accept: text/event-stream\nOpenAI-Beta: assistants=v2\n"
                 "X-Client-Request-Id: id 1\nOpenAI-Organization: org-1\nOpenAI-Project: proj_1\n");
    assert_string_equal(client.content_type, "text/plain");
    client_headers_release(&client);
    assert_null(client.accept);
    client_headers_release(&client);
}

static void key_goes_by_the_scheme_of_its_provider(void **state)
{
    (void)state;
    struct client_headers client = {0};
    struct provider api = provider_of(AUTH_API_KEY, (char[]){"k1"});
    struct provider x_api = provider_of(AUTH_X_API_KEY, (char[]){"k2"});
    assert_lines(&client, &api, "api-key: k1\nContent-Type: application/json\nAccept: */*\n");
    assert_lines(&client, &x_api, "x-api-key: k2\nContent-Type: application/json\nAccept: */*\n");
}

static void headers_of_the_provider_are_sent(void **state)
{
    (void)state;
    struct client_headers client = {0};
    struct provider_header list[] = {
        {.name = (char[]){"X-Region"}, .value = (char[]){"eu"}},
        {.name = (char[]){"X-Second-Key"}, .value = (char[]){"Bearer abc"}},
    };
    struct provider provider = provider_of(AUTH_BEARER, (char[]){""});
    provider.headers = (struct provider_headers){.list = list, .n = 2};
    assert_lines(&client, &provider,
                 "Content-Type: application/json\nAccept: */*\nX-Region: eu\n"
                 "X-Second-Key: Bearer abc\n");
}

static void takes(struct client_headers *client, const struct snapshot *snapshot)
{
    static const char *const heads[][2] = {{"TraceParent", " 00-1 "}, {"x-team", "a"},
                                           {"X-Teams", "b"},          {"X-Team", "c"},
                                           {"Cookie", "secret"},      {"X-Team", "d\x01"},
                                           {"Connection", "close"},   {"Authorization", "e"}};
    client_headers_init(client);
    for (size_t i = 0; i < COUNT(heads); i++)
        assert_true(
            client_headers_take(client, snapshot, str_of(heads[i][0]), str_of(heads[i][1])));
}

static void allowed_headers_pass_to_their_provider_only(void **state)
{
    (void)state;
    struct client_headers client;
    takes(&client, &allowing);
    assert_lines(&client, &providers[1],
                 "Content-Type: application/json\nAccept: */*\nTraceParent: 00-1\nx-team: a\n"
                 "X-Team: c\n");
    assert_lines(&client, &providers[0], "Content-Type: application/json\nAccept: */*\n");
    client_headers_release(&client);
    takes(&client, &strict);
    assert_int_equal(client.allowed.n, 0);
    client_headers_release(&client);
}

static void what_connection_names_ends_here(void **state)
{
    (void)state;
    struct client_headers client;
    takes(&client, &allowing);
    assert_true(client_headers_take(&client, &allowing, STR("connection"), STR("x, traceParent")));
    assert_lines(&client, &providers[1],
                 "Content-Type: application/json\nAccept: */*\nx-team: a\nX-Team: c\n");
    client_headers_release(&client);
}

static void allowed_headers_have_a_ceiling(void **state)
{
    (void)state;
    struct client_headers client;
    char value[8192];
    memset(value, 'x', sizeof value);
    client_headers_init(&client);
    struct str all = {value, sizeof value};
    assert_true(client_headers_take(&client, &allowing, STR("X-Team"), all));
    assert_false(client_headers_take(&client, &allowing, STR("X-Team"), all));
    client_headers_release(&client);
}

static void accept_is_forced_of_streams_only(void **state)
{
    (void)state;
    struct client_headers client = {.accept = (char[]){"application/json"}};
    struct provider forced = provider_of(AUTH_BEARER, (char[]){""});
    forced.accept_sse = ACCEPT_SSE_FORCE;
    assert_lines_of(&client, &forced, true,
                    "Content-Type: application/json\nAccept: text/event-stream\n");
    assert_lines_of(&client, &forced, false,
                    "Content-Type: application/json\nAccept: application/json\n");
    forced.accept_sse = ACCEPT_SSE_AUTO;
    assert_lines_of(&client, &forced, true,
                    "Content-Type: application/json\nAccept: application/json\n");
}

static void value_that_would_break_a_header_is_left_out(void **state)
{
    (void)state;
    static const char *const bad[] = {"a\r\nX: y", "a\nb", "a\rb", "a\x01", "a\x7f", "caf\xc3\xa9"};
    struct provider none = provider_of(AUTH_BEARER, (char[]){""});
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct client_headers client = {0};
        assert_false(headers_value_ok(str_of(bad[i])));
        assert_true(client_headers_take(&client, &strict, STR("openai-beta"), str_of(bad[i])));
        assert_lines(&client, &none, "Content-Type: application/json\nAccept: */*\n");
        client_headers_release(&client);
    }
    assert_true(headers_value_ok(STR("a\tb ~")));
    assert_false(headers_value_ok(STR("a\0b")));
}

static void idempotency_of(int64_t user_id, const char *key, char hex[SECRET_HEX_SIZE])
{
    static const char before[] = "Content-Type: application/json\nAccept: */*\nIdempotency-Key: ";
    struct client_headers client = {0};
    struct provider none = provider_of(AUTH_BEARER, (char[]){""});
    struct buf lines;
    buf_init(&lines, 65536);
    assert_true(client_headers_take(&client, &strict, STR("Idempotency-Key"), str_of(key)));
    struct upstream_head head = {.client = &client,
                                 .provider = &none,
                                 .content_type = "application/json",
                                 .user_id = user_id};
    assert_true(headers_upstream(&head, &lines));
    assert_int_equal(lines.n, sizeof before - 1 + SECRET_HEX_SIZE - 1 + 1);
    assert_memory_equal(lines.p, before, sizeof before - 1);
    memcpy(hex, lines.p + sizeof before - 1, SECRET_HEX_SIZE - 1);
    hex[SECRET_HEX_SIZE - 1] = '\0';
    buf_release(&lines);
    client_headers_release(&client);
}

static void idempotency_keys_of_two_users_differ(void **state)
{
    (void)state;
    char a[SECRET_HEX_SIZE], b[SECRET_HEX_SIZE], c[SECRET_HEX_SIZE];
    uint8_t hash[SECRET_HASH_SIZE];
    char expected[SECRET_HEX_SIZE];
    idempotency_of(7, "order-1", a);
    secret_hash(STR("7 order-1"), hash);
    secret_hex(hash, expected);
    assert_string_equal(a, expected);
    idempotency_of(8, "order-1", b);
    assert_string_not_equal(a, b);
    idempotency_of(7, "order-1", b);
    assert_string_equal(a, b);
    idempotency_of(1, "1 x", b); /* the two parts do not run into each other */
    idempotency_of(11, " x", c);
    assert_string_not_equal(b, c);
}

static void empty_idempotency_key_is_none(void **state)
{
    (void)state;
    struct client_headers client = {0};
    struct provider none = provider_of(AUTH_BEARER, (char[]){""});
    assert_true(client_headers_take(&client, &strict, STR("Idempotency-Key"), STR("  ")));
    assert_lines(&client, &none, "Content-Type: application/json\nAccept: */*\n");
    client_headers_release(&client);
}

static void answer_headers_pass_by_an_allow_list(void **state)
{
    (void)state;
    static const char *const dropped[] = {"set-cookie",
                                          "openai-organization",
                                          "openai-project",
                                          "x-request-id",
                                          "retry-after",
                                          "retry-after-ms",
                                          "x-should-retry",
                                          "x-ratelimit-limit-requests",
                                          "server",
                                          "via",
                                          "alt-svc",
                                          "cf-ray",
                                          "location",
                                          "content-length",
                                          "content-encoding",
                                          "connection",
                                          "transfer-encoding",
                                          "access-control-allow-origin",
                                          "strict-transport-security",
                                          "",
                                          "content-type2",
                                          "content-typ",
                                          "x-oneapi-request-id",
                                          "date",
                                          "nel"};
    assert_true(headers_pass_down(STR("Content-Type"), false));
    assert_true(headers_pass_down(STR("openai-PROCESSING-ms"), false));
    assert_true(headers_pass_down(STR("openai-version"), false));
    for (size_t i = 0; i < COUNT(dropped); i++)
        assert_false(headers_pass_down(str_of(dropped[i]), i % 2 == 0));
    assert_true(headers_pass_down(STR("Content-Disposition"), true));
    assert_false(headers_pass_down(STR("Content-Disposition"), false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_listed_headers_are_kept),
        cmocka_unit_test(kept_headers_cross_in_order),
        cmocka_unit_test(key_goes_by_the_scheme_of_its_provider),
        cmocka_unit_test(headers_of_the_provider_are_sent),
        cmocka_unit_test(allowed_headers_pass_to_their_provider_only),
        cmocka_unit_test(what_connection_names_ends_here),
        cmocka_unit_test(allowed_headers_have_a_ceiling),
        cmocka_unit_test(accept_is_forced_of_streams_only),
        cmocka_unit_test(value_that_would_break_a_header_is_left_out),
        cmocka_unit_test(idempotency_keys_of_two_users_differ),
        cmocka_unit_test(empty_idempotency_key_is_none),
        cmocka_unit_test(answer_headers_pass_by_an_allow_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
