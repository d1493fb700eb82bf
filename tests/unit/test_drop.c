#include "relay/drop.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static char plain[] = "x", odd[] = "top p\xc3\xa9";
static char *names[] = {plain, odd};
static const struct word_list drop = {names, COUNT(names)};

static void fill(struct body *body, const char *text, size_t n)
{
    const char *dir = getenv("TMPDIR");
    body_init(body, (uint64_t)64 << 20, dir != NULL ? dir : "/tmp", NULL);
    assert_int_equal(body_add(body, text, n), BODY_OK);
}

/* The caller frees. */
static char *sent(const struct body *body)
{
    struct body_cursor cursor = {0};
    size_t size = (size_t)body_size(body), got = 0;
    char *text = malloc(size + 2);
    assert_non_null(text);
    for (size_t n = 0; n < size + 1; n += got) {
        assert_true(body_read(body, &cursor, text + n, size + 1 - n, &got));
        text[n + got] = '\0';
        if (got == 0)
            break;
    }
    assert_int_equal(strlen(text), size);
    return text;
}

static void becomes(const char *text, uint64_t dropped, const char *expected)
{
    struct body body;
    uint64_t told = 99;
    fill(&body, text, strlen(text));
    assert_int_equal(drop_members(&body, &drop, &told), DROP_DONE);
    char *out = sent(&body);
    assert_string_equal(out, expected);
    assert_int_equal(told, dropped);
    free(out);
    body_release(&body);
}

static void members_go_with_one_comma_wherever_they_stand(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t dropped;
        const char *expected;
    } rows[] = {
        {"{}", 0, "{}"},
        {"{\"x\":1}", 1, "{}"},
        {" { \"x\" : 1 } ", 1, " {  } "},
        {"{\"a\":1}", 0, "{\"a\":1}"},
        {"{\"x\":1,\"a\":2}", 1, "{\"a\":2}"},
        {"{\"a\":2,\"x\":1}", 1, "{\"a\":2}"},
        {"{\"a\":2,\"x\":1,\"b\":3}", 1, "{\"a\":2,\"b\":3}"},
        {"{ \"a\" : 2 ,\n \"x\" : 1 ,\n \"b\" : 3 }", 1, "{ \"a\" : 2 ,\n \"b\" : 3 }"},
        {"{ \"a\" : 2 ,\n \"x\" : 1 }", 1, "{ \"a\" : 2 }"},
        /* More than once, side by side and apart. */
        {"{\"x\":1,\"x\":2}", 2, "{}"},
        {"{\"x\":1,\"x\":2,\"a\":3,\"x\":4,\"x\":5}", 4, "{\"a\":3}"},
        {"{\"a\":1,\"x\":1,\"b\":2,\"x\":2,\"c\":3,\"x\":3}", 3, "{\"a\":1,\"b\":2,\"c\":3}"},
        /* Values of every kind. */
        {"{\"x\":{\"x\":[1,{\"a\":\"}],\\\"\"}]},\"a\":{\"x\":1,\"b\":[{\"x\":2}]}}", 1,
         "{\"a\":{\"x\":1,\"b\":[{\"x\":2}]}}"},
        {"{\"x\":\"a,b}\\\\\",\"b\":\"\\\\\"}", 1, "{\"b\":\"\\\\\"}"},
        {"{\"a\":[],\"x\":[]}", 1, "{\"a\":[]}"},
        {"{\"x\":null,\"a\":\"x\",\"b\":[\"x\"],\"x\":-1.5e3}", 2, "{\"a\":\"x\",\"b\":[\"x\"]}"},
        /* Names: escapes are read, case and likeness are not enough. */
        {"{\"\\u0078\":1,\"a\":1}", 1, "{\"a\":1}"},
        {"{\"top\\u0020p\\u00e9\":1,\"a\":1,\"top p\xc3\xa9\":1}", 2, "{\"a\":1}"},
        {"{\"X\":1,\"xx\":1,\"\":1,\"x\\u0000\":1}", 0, "{\"X\":1,\"xx\":1,\"\":1,\"x\\u0000\":1}"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        becomes(rows[i].text, rows[i].dropped, rows[i].expected);
}

/* The object of `n` members of which some are called x, and how the others follow each other. */
static void make_object(unsigned n, unsigned chosen, char text[256], char stays[256])
{
    text[0] = stays[0] = '\0';
    for (unsigned i = 0; i < n; i++) {
        bool is_chosen = (chosen >> i & 1) != 0;
        char one[32];
        snprintf(one, sizeof one, "\"%c\":[%u]", is_chosen ? 'x' : (char)('a' + i), i);
        size_t at = strlen(text), kept = strlen(stays);
        snprintf(text + at, 256 - at, "%s%s", i > 0 ? ", " : "{ ", one);
        if (!is_chosen)
            snprintf(stays + kept, 256 - kept, "%s%s", kept > 0 ? ", " : "", one);
    }
    size_t at = strlen(text);
    snprintf(text + at, 256 - at, n > 0 ? " }" : "{ }");
}

static unsigned members_of(const char *text)
{
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (json == NULL)
        fail_msg("no JSON object: %s", text);
    unsigned n = (unsigned)json_object_size(json);
    json_decref(json);
    return n;
}

/* Every object of up to six members, each to be dropped or not. */
static void every_choice_of_members_leaves_the_others(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 7u << 6; i++) {
        unsigned n = i >> 6, chosen = i & ((1u << n) - 1);
        char text[256], stays[256];
        struct body body;
        uint64_t dropped = 0;
        make_object(n, chosen, text, stays);
        fill(&body, text, strlen(text));
        assert_int_equal(drop_members(&body, &drop, &dropped), DROP_DONE);
        assert_int_equal(dropped, __builtin_popcount(chosen));
        char *out = sent(&body);
        assert_int_equal(members_of(out), n - dropped);
        if (strstr(out, stays) == NULL)
            fail_msg("%s became %s", text, out);
        free(out);
        body_release(&body);
    }
}

/* In memory and spooled, with the dropped member across every place where a piece may end. */
static void members_are_found_across_pieces(void **state)
{
    (void)state;
    static const char front[] = "{\"a\":\"",
                      middle[] = "\",\"top\\u0020p\xc3\xa9\" : {\"x\":\"y\"}", back[] = ",\"b\":1}";
    for (size_t pad = 16384 - 60; pad < 16384 + 10; pad++) {
        struct body body;
        uint64_t dropped = 0;
        struct buf text;
        buf_init(&text, 1 << 20);
        bool ok = buf_add(&text, front, strlen(front));
        for (size_t i = 0; i < pad; i++)
            ok = ok && buf_add_char(&text, 'p');
        assert_true(ok && buf_add(&text, middle, strlen(middle)) &&
                    buf_add(&text, back, strlen(back)));
        fill(&body, text.p, text.n);
        assert_int_equal(drop_members(&body, &drop, &dropped), DROP_DONE);
        assert_int_equal(dropped, 1);
        char *out = sent(&body);
        assert_int_equal(strlen(out), strlen(front) + pad + 1 + strlen(back));
        assert_string_equal(out + strlen(front) + pad, "\",\"b\":1}");
        free(out);
        body_release(&body);
        buf_release(&text);
    }
}

static void spooled_body_is_walked_too(void **state)
{
    (void)state;
    struct body body;
    struct buf text;
    uint64_t dropped = 0;
    buf_init(&text, (size_t)8 << 20);
    bool ok = buf_add_str(&text, STR("{\"x\":1,\"a\":\""));
    for (size_t i = 0; i < BODY_MEMORY_MAX * 2; i++)
        ok = ok && buf_add_char(&text, 'p');
    assert_true(ok && buf_add_str(&text, STR("\",\"x\":2}")));
    fill(&body, text.p, text.n);
    assert_true(body.spool != NULL);
    assert_int_equal(drop_members(&body, &drop, &dropped), DROP_DONE);
    assert_int_equal(dropped, 2);
    assert_int_equal(body_size(&body), text.n - strlen("\"x\":1,") - strlen(",\"x\":2"));
    body_release(&body);
    buf_release(&text);
}

static void other_edits_fit_beside_what_goes(void **state)
{
    (void)state;
    static const char text[] = "{\"x\":1,\"m\":2,\"x\":3}";
    struct body body;
    uint64_t dropped = 0;
    fill(&body, text, strlen(text));
    assert_int_equal(drop_members(&body, &drop, &dropped), DROP_DONE);
    assert_true(body_edit(&body, 11, 12, STR("22")));
    assert_true(body_edit(&body, 1, 1, STR("\"first\":0,")));
    char *out = sent(&body);
    assert_string_equal(out, "{\"first\":0,\"m\":22}");
    free(out);
    body_release(&body);
}

static void too_many_are_refused(void **state)
{
    (void)state;
    struct body body;
    struct buf text;
    uint64_t dropped = 0;
    buf_init(&text, 1 << 20);
    bool ok = buf_add_char(&text, '{');
    for (unsigned i = 0; i < BODY_EDITS_MAX; i++)
        ok = ok && buf_addf(&text, "\"x\":1,\"a\":2,");
    assert_true(ok && buf_add_str(&text, STR("\"b\":3}")));
    fill(&body, text.p, text.n);
    assert_int_equal(drop_members(&body, &drop, &dropped), DROP_TOO_MANY);
    body_release(&body);
    /* Side by side they are one edit. */
    buf_clear(&text);
    ok = buf_add_char(&text, '{');
    for (unsigned i = 0; i < BODY_EDITS_MAX; i++)
        ok = ok && buf_addf(&text, "\"x\":1,");
    assert_true(ok && buf_add_str(&text, STR("\"b\":3}")));
    fill(&body, text.p, text.n);
    assert_int_equal(drop_members(&body, &drop, &dropped), DROP_DONE);
    assert_int_equal(dropped, BODY_EDITS_MAX);
    assert_int_equal(body_size(&body), strlen("{\"b\":3}"));
    body_release(&body);
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_go_with_one_comma_wherever_they_stand),
        cmocka_unit_test(every_choice_of_members_leaves_the_others),
        cmocka_unit_test(members_are_found_across_pieces),
        cmocka_unit_test(spooled_body_is_walked_too),
        cmocka_unit_test(other_edits_fit_beside_what_goes),
        cmocka_unit_test(too_many_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
