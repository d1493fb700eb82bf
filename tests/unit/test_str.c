#include "base/str.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static void compare_bytes_follows_them_exactly(void **state)
{
    (void)state;
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_false(str_eq(STR("ab"), STR("abc")));
    assert_true(str_eq((struct str){NULL, 0}, STR_EMPTY));
    assert_true(str_eq_nocase(STR("Content-Type"), STR("content-tYPE")));
    assert_false(str_eq_nocase(STR("a"), STR("ab")));
    /* '@' and '`' differ by the bit that tells the case of letters. */
    assert_false(str_eq_nocase(STR("@"), STR("`")));
    assert_false(str_eq_nocase(STR("\xc4"), STR("\xe4")));
    assert_true(str_cmp(STR("ab"), STR("b")) < 0);
    assert_true(str_cmp(STR("abc"), STR("ab")) > 0);
    assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
    assert_int_equal(str_cmp(STR("x"), STR("x")), 0);
    assert_int_equal(str_of(NULL).n, 0);
    assert_int_equal(str_of("abc").n, 3);
}

static void search_finds_only_what_is_there(void **state)
{
    (void)state;
    assert_true(str_starts(STR("bearer x"), STR("bearer ")));
    assert_false(str_starts(STR("be"), STR("bearer")));
    assert_true(str_starts_nocase(STR("BEARER x"), STR("bearer ")));
    assert_false(str_starts_nocase(STR("BE"), STR("bearer")));
    assert_true(str_ends(STR("/v1/models"), STR("models")));
    assert_false(str_ends(STR("ls"), STR("models")));
    assert_false(str_ends(STR("/v1/model"), STR("models")));
    assert_true(str_contains_nocase(STR("text/EVENT-stream"), STR("event")));
    assert_true(str_contains_nocase(STR("text/event"), STR("EVENT")));
    assert_true(str_contains_nocase(STR("x"), STR_EMPTY));
    assert_true(str_contains_nocase(STR_EMPTY, STR_EMPTY));
    assert_false(str_contains_nocase(STR("even"), STR("event")));
    assert_false(str_contains_nocase(STR("text/evens"), STR("event")));
    assert_int_equal(str_index(STR("a=b=c"), '='), 1);
    assert_int_equal(str_index(STR("abc"), '='), 3);
    assert_int_equal(str_index((struct str){NULL, 0}, '='), 0);
}

static void slice_past_the_end_is_clamped(void **state)
{
    (void)state;
    assert_true(str_eq(str_slice(STR("abcdef"), 1, 3), STR("bc")));
    assert_true(str_eq(str_slice(STR("abc"), 2, 9), STR("c")));
    assert_true(str_eq(str_slice(STR("abc"), 7, 9), STR_EMPTY));
    assert_true(str_eq(str_slice(STR("abc"), 2, 1), STR_EMPTY));
    assert_true(str_eq(str_from(STR("abc"), 1), STR("bc")));
    assert_true(str_eq(str_from(STR("abc"), 4), STR_EMPTY));
    assert_int_equal(str_from((struct str){NULL, 0}, 4).n, 0);
    assert_true(str_eq(str_trim(STR(" \t a b\t ")), STR("a b")));
    assert_true(str_eq(str_trim(STR("\n a")), STR("\n a")));
    assert_int_equal(str_trim(STR(" \t ")).n, 0);
}

static void cut_gives_every_piece_once(void **state)
{
    (void)state;
    struct str rest = STR("a,,b");
    struct str piece = STR_EMPTY;
    assert_true(str_cut(&rest, ',', &piece));
    assert_true(str_eq(piece, STR("a")));
    assert_true(str_cut(&rest, ',', &piece));
    assert_int_equal(piece.n, 0);
    assert_true(str_cut(&rest, ',', &piece));
    assert_true(str_eq(piece, STR("b")));
    assert_false(str_cut(&rest, ',', &piece));
    assert_true(str_eq(piece, STR("b")));

    rest = STR("a,");
    assert_true(str_cut(&rest, ',', &piece));
    assert_false(str_cut(&rest, ',', &piece));
}

static void u64_out_of_bounds_leaves_out_untouched(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "0x1", "1.0", "101", "999999999"};
    uint64_t out = 7;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(str_u64(str_of(bad[i]), 100, &out));
    assert_int_equal(out, 7);
    assert_true(str_u64(STR("100"), 100, &out));
    assert_int_equal(out, 100);
    assert_true(str_u64(STR("0007"), 7, &out));
    assert_int_equal(out, 7);
    assert_false(str_u64(STR("8"), 7, &out));
    assert_true(str_u64(STR("18446744073709551615"), UINT64_MAX, &out));
    assert_true(out == UINT64_MAX);
    assert_false(str_u64(STR("18446744073709551616"), UINT64_MAX, &out));
    assert_false(str_u64(STR("99999999999999999999"), UINT64_MAX, &out));
}

static void i64_is_put_as_it_is_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0", "7", "-7", "10", "-9223372036854775808", "9223372036854775807"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        char text[20];
        int64_t n;
        assert_true(str_i64(str_of(texts[i]), INT64_MIN, INT64_MAX, &n));
        struct str put = {text, str_put_i64(text, n)};
        assert_true(str_eq(put, str_of(texts[i])));
    }
}

static void i64_reaches_both_ends(void **state)
{
    (void)state;
    int64_t out = 7;
    assert_false(str_i64(STR("-9223372036854775809"), INT64_MIN, INT64_MAX, &out));
    assert_false(str_i64(STR("9223372036854775808"), INT64_MIN, INT64_MAX, &out));
    assert_false(str_i64(STR("-"), INT64_MIN, INT64_MAX, &out));
    assert_false(str_i64(STR("--1"), INT64_MIN, INT64_MAX, &out));
    assert_false(str_i64(STR("-3"), -2, 2, &out));
    assert_false(str_i64(STR("3"), -2, 2, &out));
    assert_int_equal(out, 7);
    assert_true(str_i64(STR("-9223372036854775808"), INT64_MIN, INT64_MAX, &out));
    assert_true(out == INT64_MIN);
    assert_true(str_i64(STR("9223372036854775807"), INT64_MIN, INT64_MAX, &out));
    assert_true(out == INT64_MAX);
    assert_true(str_i64(STR("-0"), INT64_MIN, INT64_MAX, &out));
    assert_int_equal(out, 0);
    assert_true(str_i64(STR("-2"), -2, 2, &out));
    assert_int_equal(out, -2);
}

static void pattern_star_stands_for_any_run(void **state)
{
    (void)state;
    assert_true(str_matches(STR("gpt-4o-mini"), STR("gpt-*")));
    assert_true(str_matches(STR("gpt-4o-mini"), STR("*-mini")));
    assert_true(str_matches(STR("gpt-4o-mini"), STR("g*o*i")));
    assert_true(str_matches(STR("aXbXc"), STR("a*Xc")));
    assert_true(str_matches(STR("x"), STR("x**")));
    assert_true(str_matches(STR_EMPTY, STR("*")));
    assert_true(str_matches(STR_EMPTY, STR_EMPTY));
    assert_false(str_matches(STR("gpt-4o"), STR("GPT-*")));
    assert_false(str_matches(STR("gpt-4o"), STR("gpt")));
    assert_false(str_matches(STR("gpt"), STR("gpt-*")));
    assert_false(str_matches(STR("a"), STR_EMPTY));
}

static void pattern_of_many_stars_stays_quick(void **state)
{
    (void)state;
    /* Exponential backtracking would not come back before the runner's time limit. */
    char text[4096];
    memset(text, 'a', sizeof text);
    struct str s = {text, sizeof text};
    assert_false(str_matches(s, STR("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b")));
}

static void distance_counts_single_edits(void **state)
{
    (void)state;
    assert_int_equal(str_distance(STR("timeout"), STR("timeout")), 0);
    assert_int_equal(str_distance(STR("timeot"), STR("timeout")), 1);
    assert_int_equal(str_distance(STR("timeouts"), STR("timeout")), 1);
    assert_int_equal(str_distance(STR("tomeout"), STR("timeout")), 1);
    assert_int_equal(str_distance(STR("itmeout"), STR("timeout")), 1);
    assert_int_equal(str_distance(STR("ab"), STR("cd")), 2);
    assert_int_equal(str_distance(STR_EMPTY, STR("abc")), 3);
    assert_int_equal(str_distance(STR("abcdefgh"), STR("stuvwxyz")), 4);
    assert_int_equal(str_distance(STR("a"), STR("abcdefghij")), 4);
}

static void dup_ends_with_a_nul(void **state)
{
    (void)state;
    char *copy = str_dup((struct str){"abcdef", 3});
    assert_string_equal(copy, "abc");
    free(copy);
    copy = str_dup((struct str){NULL, 0});
    assert_string_equal(copy, "");
    free(copy);
}

static void number_is_read_as_json_spells_it(void **state)
{
    (void)state;
    double number = 7;
    assert_true(str_number(STR("12.5e1"), &number));
    assert_true(number > 124.99 && number < 125.01);
    assert_true(str_number(STR("-0.25"), &number));
    assert_true(number < -0.24 && number > -0.26);
    assert_true(str_number(STR("1e999"), &number));
    assert_true(number > 1e300);
    number = 7;
    static const char *const none[] = {
        "",
        "-",
        "1x",
        "0x10",
        " 1",
        "inf",
        "nan",
        "-inf",
        "1e",
        "+1",
        "1111111111222222222233333333334444444444555555555566666666667777"};
    for (size_t i = 0; i < COUNT(none); i++)
        assert_false(str_number(str_of(none[i]), &number));
    assert_true(number > 6.99 && number < 7.01);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(number_is_read_as_json_spells_it),
        cmocka_unit_test(compare_bytes_follows_them_exactly),
        cmocka_unit_test(search_finds_only_what_is_there),
        cmocka_unit_test(slice_past_the_end_is_clamped),
        cmocka_unit_test(cut_gives_every_piece_once),
        cmocka_unit_test(u64_out_of_bounds_leaves_out_untouched),
        cmocka_unit_test(i64_is_put_as_it_is_read),
        cmocka_unit_test(i64_reaches_both_ends),
        cmocka_unit_test(pattern_star_stands_for_any_run),
        cmocka_unit_test(pattern_of_many_stars_stays_quick),
        cmocka_unit_test(distance_counts_single_edits),
        cmocka_unit_test(dup_ends_with_a_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
