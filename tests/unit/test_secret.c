#include "base/secret.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static bool is_base62(const char *text, size_t n)
{
    return strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == n &&
           strlen(text) == n;
}

static void key_is_sk_and_48_base62_and_new_each_time(void **state)
{
    (void)state;
    char a[SECRET_KEY_SIZE], b[SECRET_KEY_SIZE];
    secret_make_key(a);
    secret_make_key(b);
    assert_memory_equal(a, "sk-", 3);
    assert_true(is_base62(a + 3, 48));
    assert_string_not_equal(a, b);
}

static void text_uses_every_digit_and_ends_with_a_nul(void **state)
{
    (void)state;
    static char text[8001];
    bool seen[128] = {false};
    size_t kinds = 0;
    memset(text, 'x', sizeof text);
    secret_make_text(text, 8000);
    assert_true(is_base62(text, 8000));
    for (size_t i = 0; i < 8000; i++) {
        kinds += !seen[(unsigned char)text[i]];
        seen[(unsigned char)text[i]] = true;
    }
    assert_int_equal(kinds, 62); /* one is missed with a chance below 1e-54 */
    secret_make_text(text, 0);
    assert_string_equal(text, "");
}

static void expect_hash(struct str token, const char *expected)
{
    uint8_t hash[SECRET_HASH_SIZE];
    char text[SECRET_HEX_SIZE];
    secret_hash(token, hash);
    secret_hex(hash, text);
    assert_string_equal(text, expected);
}

static void hash_is_that_of_the_standard(void **state)
{
    (void)state;
    /* FIPS 180-4, the examples of SHA-256. */
    expect_hash(STR("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect_hash((struct str){NULL, 0},
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void compare_sees_every_byte(void **state)
{
    (void)state;
    uint8_t a[SECRET_HASH_SIZE] = {0}, b[SECRET_HASH_SIZE] = {0};
    assert_true(secret_equal(a, b, sizeof a));
    for (size_t i = 0; i < sizeof a; i++) {
        b[i] = 1;
        assert_false(secret_equal(a, b, sizeof a));
        b[i] = 0;
    }
    b[5] = 1;
    assert_true(secret_equal(a, b, 5));
}

static void wipe_leaves_zeros_and_no_more(void **state)
{
    (void)state;
    char text[9] = "abcdefgh";
    secret_wipe(text, 4);
    assert_memory_equal(text, "\0\0\0\0efgh", 8);
}

static void random_bytes_fill_all_of_it(void **state)
{
    (void)state;
    uint8_t bytes[64], or_ed[64] = {0};
    for (int i = 0; i < 32; i++) {
        secret_random(bytes, sizeof bytes);
        for (size_t at = 0; at < sizeof bytes; at++)
            or_ed[at] |= bytes[at];
    }
    for (size_t at = 0; at < sizeof bytes; at++)
        assert_int_not_equal(or_ed[at], 0);
}

static void key_is_told_from_its_hint(void **state)
{
    (void)state;
    char key[SECRET_KEY_SIZE];
    secret_make_key(key);
    assert_true(secret_looks_like_key(str_of(key)));
    assert_true(secret_looks_like_key(STR("sk-")));
    assert_false(secret_looks_like_key(STR("sk-abc\xe2\x80\xa6wxyz")));
    assert_false(secret_looks_like_key(STR("7")));
    assert_false(secret_looks_like_key(STR_EMPTY));
}

static int set_up(void **state)
{
    (void)state;
    return secret_open() ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_is_sk_and_48_base62_and_new_each_time),
        cmocka_unit_test(text_uses_every_digit_and_ends_with_a_nul),
        cmocka_unit_test(hash_is_that_of_the_standard),
        cmocka_unit_test(compare_sees_every_byte),
        cmocka_unit_test(wipe_leaves_zeros_and_no_more),
        cmocka_unit_test(random_bytes_fill_all_of_it),
        cmocka_unit_test(key_is_told_from_its_hint),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
