#include "server/cors.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static struct head preflight_of(const char *asked)
{
    struct head head = {.method = STR("OPTIONS"), .target = STR("/v1/chat/completions")};
    head.fields[0] = (struct head_field){STR("Origin"), STR("https://page.example")};
    head.fields[1] = (struct head_field){STR("Access-Control-Request-Headers"), str_of(asked)};
    head.count = asked != NULL ? 2 : 1;
    return head;
}

static void assert_allowed(const char *asked, const char *expected)
{
    struct head head = preflight_of(asked);
    struct buf lines;
    buf_init(&lines, 2048);
    assert_true(cors_preflight(&head, &lines));
    struct str text = buf_str(&lines), line, found = STR_EMPTY;
    while (str_cut(&text, '\n', &line)) {
        assert_true(line.n < 1024);
        if (str_starts(line, STR("Access-Control-Allow-Headers: ")))
            found = str_from(line, strlen("Access-Control-Allow-Headers: "));
    }
    if (!str_eq(found, str_of(expected)))
        fail_msg("%.*s", STR_ARG(found));
    buf_release(&lines);
}

#define ALWAYS "authorization, content-type, idempotency-key"

static void preflight_gives_back_the_names_it_may(void **state)
{
    (void)state;
    assert_allowed(NULL, ALWAYS);
    assert_allowed("", ALWAYS);
    assert_allowed("authorization,content-type", ALWAYS);
    assert_allowed("x-stainless-lang, X-Stainless-OS,openai-beta,user-agent",
                   ALWAYS ", x-stainless-lang, X-Stainless-OS, openai-beta, user-agent");
    assert_allowed("x-api-key, cookie, x-stainless, openai, *", ALWAYS);
    assert_allowed("openai-\x7f, openai-a b, x-stainless-<script>, openai-ok",
                   ALWAYS ", openai-ok");
}

static void endless_list_stays_within_a_line(void **state)
{
    (void)state;
    struct buf asked, lines;
    buf_init(&asked, 65536);
    buf_init(&lines, 2048);
    for (unsigned i = 0; i < 1000; i++)
        assert_true(buf_addf(&asked, "x-stainless-%04u,", i));
    assert_true(buf_add_char(&asked, '\0'));
    struct head head = preflight_of(asked.p);
    assert_true(cors_preflight(&head, &lines));
    assert_true(lines.n < 1024);
    buf_release(&lines);
    buf_release(&asked);
}

static void only_options_is_a_preflight(void **state)
{
    (void)state;
    struct head head = preflight_of("authorization");
    assert_true(cors_is_preflight(&head));
    head.method = STR("POST");
    assert_false(cors_is_preflight(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preflight_gives_back_the_names_it_may),
        cmocka_unit_test(endless_list_stays_within_a_line),
        cmocka_unit_test(only_options_is_a_preflight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
