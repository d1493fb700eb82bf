#include "relay/vector_text.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pushes the text in pieces of at most `cut` bytes; false when one is refused.  *got is the
 * stream's bytes with a NUL; the caller frees. */
static bool told(const char *text, size_t cut, char **got)
{
    struct vector_text *vectors = vector_text_new();
    struct stream stream;
    size_t n = strlen(text);
    bool ok = true;
    stream_init(&stream, 4 * n + 8192);
    assert_non_null(vectors);
    for (size_t i = 0; ok && i < n; i += cut)
        ok = vector_text_push(vectors, &stream, text + i, n - i < cut ? n - i : cut);
    stream_release_all(&stream);
    struct str all = stream_peek(&stream);
    *got = str_dup(all);
    assert_non_null(*got);
    stream_release_memory(&stream);
    vector_text_free(&vectors);
    assert_null(vectors);
    return ok;
}

static void assert_told(const char *text, const char *expected)
{
    for (size_t cut = 1; cut <= strlen(text); cut++) {
        char *got;
        bool ok = told(text, cut, &got);
        if (!ok || strcmp(got, expected) != 0)
            fail_msg("%s in pieces of %zu: %d '%s'", text, cut, ok, got);
        free(got);
    }
}

static void lists_of_numbers_become_base64(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{\"data\":[{\"embedding\":[1]}]}", "{\"data\":[{\"embedding\":\"AACAPw==\"}]}"},
        {"{\"data\":[{\"embedding\":[1,-2.5]}]}", "{\"data\":[{\"embedding\":\"AACAPwAAIMA=\"}]}"},
        {"{\"data\":[{\"embedding\":[0,0,1e-3]}]}",
         "{\"data\":[{\"embedding\":\"AAAAAAAAAABvEoM6\"}]}"},
        {" { \"x\" : [1], \"data\" : [ { \"i\" : [2] , \"embedding\" : [ 1 ,\n\t0.1 ] , "
         "\"j\":3} , {\"embedding\":[\r1]}],\"usage\":{\"total_tokens\":7}} ",
         " { \"x\" : [1], \"data\" : [ { \"i\" : [2] , \"embedding\" : \"AACAP83MzD0=\" , "
         "\"j\":3} , {\"embedding\":\"AACAPw==\"}],\"usage\":{\"total_tokens\":7}} "},
        {"{\"d\\u0061ta\":[{\"\\u0065mbedding\":[1]}]}",
         "{\"d\\u0061ta\":[{\"\\u0065mbedding\":\"AACAPw==\"}]}"},
        /* The largest float as it is written shortest, which is more than it; too small for any. */
        {"{\"data\":[{\"embedding\":[3.4028235e38,1e-60]}]}",
         "{\"data\":[{\"embedding\":\"//9/fwAAAAA=\"}]}"},
        {"{\"data\":[{\"embedding\":[]}, {\"embedding\":[ ] }]}",
         "{\"data\":[{\"embedding\":\"\"}, {\"embedding\":\"\" }]}"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_told(rows[i][0], rows[i][1]);
}

static void all_else_stays_as_it_is(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{\"data\":[{\"embedding\":\"AACAPw==\"}]}",
        "{\"data\":[{\"embedding\":null},{\"embedding\":{\"a\":[1]}}]}",
        "{\"data\":[{\"embedding\":[[1,2],[3]]},{\"x\":1}]}",
        "{\"data\":[{\"embedding\":[{\"embedding\":[1],\"data\":[{\"embedding\":[1]}]}]}]}",
        "{\"data\":[{\"embedding\":[\"a\",1]}],\"y\":[1]}",
        "{\"data\":[{\"embeddings\":[1],\"embeddin\":[1],\"Embedding\":[1],\"\":[1]}]}",
        "{\"data\":[{\"embedding\":1,\"next\":[1]}]}",
        "{\"data\":[{\"name\":\"embedding\",\"next\":[1]}]}",
        "{\"data\":{\"embedding\":[1]},\"datas\":[{\"embedding\":[1]}]}",
        "{\"data\":[[{\"embedding\":[1]}]]}",
        "{\"x\":{\"data\":[{\"embedding\":[1]}]}}",
        "{\"error\":{\"message\":\"] } [ { , \\\" data\"}}",
        "[{\"data\":[{\"embedding\":[1]}]}]",
        "\"data\"",
        "17",
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_told(rows[i], rows[i]);
}

static void vector_of_more_than_finite_numbers_is_none(void **state)
{
    (void)state;
    static const char *const values[] = {"1,null", "1,\"a\"", "1,[2]",  "0,{}",
                                         "1e400",  "-1e39",   "1,true", "1.0.0"};
    char number[200];
    for (size_t i = 0; i <= COUNT(values); i++) {
        char text[300];
        char *got;
        snprintf(number, sizeof number, "%0100d", 1); /* longer than any number's spelling */
        snprintf(text, sizeof text, "{\"data\":[{\"embedding\":[%s]}]}",
                 i < COUNT(values) ? values[i] : number);
        if (told(text, 7, &got))
            fail_msg("%s: %s", text, got);
        free(got);
    }
}

/* More floats than are gathered at once, and what the header promises of growth. */
static void long_vector_is_one_text(void **state)
{
    (void)state;
    enum { NUMBERS = 3000 };
    struct buf numbers;
    size_t n = 0;
    buf_init(&numbers, 2 * NUMBERS + 64);
    assert_true(buf_add_str(&numbers, STR("{\"data\":[{\"embedding\":[1")));
    for (int i = 1; i < NUMBERS; i++)
        assert_true(buf_add_str(&numbers, STR(",1")));
    assert_true(buf_add_str(&numbers, STR("]}]}")));
    char *text = buf_take(&numbers, &n);
    assert_non_null(text);
    for (size_t cut = 1; cut < n; cut = cut * 3 + 1) {
        char *got;
        assert_true(told(text, cut, &got));
        size_t head = strlen("{\"data\":[{\"embedding\":\"");
        assert_int_equal(strlen(got), head + NUMBERS * 16 / 3 + strlen("\"}]}"));
        for (size_t i = 0; i < NUMBERS; i += 3)
            assert_memory_equal(got + head + i / 3 * 16, "AACAPwAAgD8AAIA/", 16);
        assert_string_equal(got + head + NUMBERS * 16 / 3, "\"}]}");
        free(got);
    }
    free(text);
}

static void stream_without_room_refuses(void **state)
{
    (void)state;
    struct vector_text *vectors = vector_text_new();
    struct stream stream;
    stream_init(&stream, 10);
    assert_non_null(vectors);
    assert_false(vector_text_push(vectors, &stream, "{\"data\":[1]}", 12));
    vector_text_free(&vectors);
    stream_release_memory(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_numbers_become_base64),
        cmocka_unit_test(all_else_stays_as_it_is),
        cmocka_unit_test(vector_of_more_than_finite_numbers_is_none),
        cmocka_unit_test(long_vector_is_one_text),
        cmocka_unit_test(stream_without_room_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
