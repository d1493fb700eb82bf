#include "base/buf.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static void add_to_the_ceiling_fits_exactly(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    for (int i = 0; i < 10; i++)
        assert_true(buf_add(&b, "0123456789", 10));
    assert_int_equal(buf_str(&b).n, 100);
    assert_memory_equal(buf_str(&b).p + 90, "0123456789", 10);
    assert_true(buf_add(&b, NULL, 0));
    buf_release(&b);
}

static void add_past_the_ceiling_empties_and_fails(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 8);
    assert_true(buf_add_str(&b, STR("12345678")));
    assert_false(buf_add_char(&b, '9'));
    assert_true(b.failed);
    assert_int_equal(buf_str(&b).n, 0);
    assert_false(buf_add_char(&b, '1'));
    size_t n = 7;
    assert_null(buf_take(&b, &n));
    assert_int_equal(n, 7);
    buf_clear(&b);
    assert_true(buf_add_str(&b, STR("again")));
    assert_true(str_eq(buf_str(&b), STR("again")));
    buf_release(&b);
    assert_int_equal(b.max, 8);
}

static void reserve_past_the_ceiling_fails_the_buffer(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 8);
    assert_true(buf_add_str(&b, STR("1234")));
    assert_true(buf_reserve(&b, 4));
    assert_int_equal(b.n, 4);
    assert_false(buf_reserve(&b, 5));
    assert_true(b.failed);
    buf_release(&b);
}

static void length_that_overflows_fails(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, SIZE_MAX);
    assert_true(buf_add_char(&b, 'x'));
    assert_false(buf_add(&b, "x", SIZE_MAX));
    buf_clear(&b);
    assert_false(buf_reserve(&b, SIZE_MAX));
    buf_release(&b);
}

static void format_longer_than_the_room_grows(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 300);
    assert_true(buf_addf(&b, "%s-%d", "a", 5));
    assert_true(buf_addf(&b, "%0200d", 7));
    assert_int_equal(b.n, 203);
    assert_int_equal(b.p[202], '7');
    assert_false(buf_addf(&b, "%0200d", 7));
    assert_true(b.failed);
    buf_clear(&b);
    assert_true(buf_addf(&b, "%0300d", 7)); /* the NUL of printf does not count */
    buf_release(&b);
}

static void expect_json(struct str raw, const char *escaped)
{
    struct buf b;
    buf_init(&b, 1000);
    assert_true(buf_add_json(&b, raw));
    assert_true(buf_add_char(&b, '\0'));
    assert_string_equal(b.p, escaped);
    buf_release(&b);
}

static void json_control_bytes_are_escaped(void **state)
{
    (void)state;
    expect_json(STR("plain"), "plain");
    expect_json(STR_EMPTY, "");
    expect_json(STR("a\"b\\c"), "a\\\"b\\\\c");
    expect_json(STR("\b\f\n\r\t"), "\\b\\f\\n\\r\\t");
    expect_json(STR("\0x\x1f"), "\\u0000x\\u001f");
    expect_json(STR("\x7f"), "\\u007f");
    expect_json(STR("é€😀"), "é€😀");
}

static void json_invalid_utf8_is_replaced(void **state)
{
    (void)state;
    expect_json(STR("a\xff"
                    "b"),
                "a\uFFFD"
                "b");
    expect_json(STR("\xc0\x80"), "\uFFFD\uFFFD");                     /* overlong */
    expect_json(STR("\xe0\x80\x80"), "\uFFFD\uFFFD\uFFFD");           /* overlong */
    expect_json(STR("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD");           /* a surrogate */
    expect_json(STR("\xf4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD"); /* past U+10FFFF */
    expect_json((struct str){"é", 1}, "\uFFFD");                      /* cut */
    expect_json((struct str){"x€y", 3}, "x\uFFFD\uFFFD");
}

static void remove_closes_the_gap(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    assert_true(buf_add_str(&b, STR("abcdef")));
    buf_remove(&b, 1, 2);
    assert_true(str_eq(buf_str(&b), STR("adef")));
    buf_consume(&b, 1);
    assert_true(str_eq(buf_str(&b), STR("def")));
    buf_consume(&b, 3);
    assert_int_equal(buf_str(&b).n, 0);
    buf_consume(&b, 0);
    buf_release(&b);
}

static void take_gives_the_bytes_with_a_nul(void **state)
{
    (void)state;
    struct buf b;
    size_t n = 9;
    buf_init(&b, 64);
    for (int i = 0; i < 64; i++)
        assert_true(buf_add_char(&b, 'x'));
    char *bytes = buf_take(&b, &n);
    assert_non_null(bytes);
    assert_int_equal(n, 64);
    assert_int_equal(strlen(bytes), 64);
    free(bytes);
    assert_int_equal(b.n, 0);
    bytes = buf_take(&b, &n); /* of nothing */
    assert_string_equal(bytes, "");
    assert_int_equal(n, 0);
    free(bytes);
}

static void size_arithmetic_tells_overflow(void **state)
{
    (void)state;
    size_t out = 7;
    assert_false(size_add(SIZE_MAX, 1, &out));
    assert_false(size_mul(SIZE_MAX / 2, 3, &out));
    assert_int_equal(out, 7);
    assert_true(size_add(SIZE_MAX - 1, 1, &out));
    assert_true(out == SIZE_MAX);
    assert_true(size_mul(SIZE_MAX, 1, &out));
    assert_true(out == SIZE_MAX);
    assert_true(size_mul(5, 0, &out));
    assert_int_equal(out, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add_to_the_ceiling_fits_exactly),
        cmocka_unit_test(add_past_the_ceiling_empties_and_fails),
        cmocka_unit_test(reserve_past_the_ceiling_fails_the_buffer),
        cmocka_unit_test(length_that_overflows_fails),
        cmocka_unit_test(format_longer_than_the_room_grows),
        cmocka_unit_test(json_control_bytes_are_escaped),
        cmocka_unit_test(json_invalid_utf8_is_replaced),
        cmocka_unit_test(remove_closes_the_gap),
        cmocka_unit_test(take_gives_the_bytes_with_a_nul),
        cmocka_unit_test(size_arithmetic_tells_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
