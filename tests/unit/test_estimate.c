#include "relay/estimate.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct estimate fed(const char *p, size_t n)
{
    struct estimate e = {0};
    estimate_feed(&e, p, n);
    return e;
}

static uint64_t weight(const char *text)
{
    struct estimate e = fed(text, strlen(text));
    estimate_break(&e);
    return e.weight;
}

static void estimate_of_nothing_is_nothing(void **state)
{
    (void)state;
    struct estimate e = {0};
    assert_int_equal(estimate_tokens(&e), 0);
    assert_int_equal(estimate_hold_tokens(&e, 1), 7);
    assert_int_equal(estimate_hold_tokens(&e, 3), 15);
}

static void estimate_of_lone_blank_is_one_token(void **state)
{
    (void)state;
    struct estimate e = fed(" ", 1);
    assert_int_equal(e.weight, 0);
    assert_int_equal(estimate_tokens(&e), 1);
}

static void estimate_of_each_class_has_its_weight(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t weight;
    } cases[] = {
        {"a", 239 + 6},
        {"abcdefgh", 239 + 8 * 6 + 17},
        {"aB", 239 + 6 + 178 + 6},
        {"AB", 239 + 2 * 6},
        {"1", 256},
        {"1234", 2 * 256},
        {"1234567890123", 5 * 256},
        {"a1", 245 + 186 + 256},
        {".1", 183 + 186 + 256},
        {"  ", 203},
        {"     ", 203},
        {" \t \t \t \t \t", 203},
        {"\n\n", 201},
        {"..", 160 + 2 * 23},
        {"\x01", 160 + 23},
        {"\xe4\xbd\xa0", 185},
        {"\xe3\x90\x80", 185},
        {"\xe3\x81\x82", 171},
        {"\xec\x98\xa4", 141},
        {"\xe3\x80\x82", 325},
        {"\xef\xbc\x8c", 325},
        {"\xe2\x80\x94", 325},
        {"\xc3\xa9", 90},
        {"\xe0\xa4\x85", 128},
        {"\xf0\x9f\x98\x80", 512},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(weight(cases[i].text), cases[i].weight);
}

static void estimate_of_invalid_utf8_weighs_each_byte(void **state)
{
    (void)state;
    assert_int_equal(weight("\x80"), 512);
    assert_int_equal(weight("\xc0\xaf"), 2 * 512);         /* overlong */
    assert_int_equal(weight("\xe0\x80\xaf"), 3 * 512);     /* overlong */
    assert_int_equal(weight("\xed\xa0\x80"), 3 * 512);     /* surrogate */
    assert_int_equal(weight("\xf4\x90\x80\x80"), 4 * 512); /* above U+10FFFF */
    assert_int_equal(weight("\xff"), 512);
    assert_int_equal(weight("\xe4\xbd"), 2 * 512); /* cut short */
    assert_int_equal(weight("\xe4\xbd"
                            "a"),
                     2 * 512 + 245);
    assert_int_equal(weight("\xe4\xe4\xbd\xa0"), 512 + 185);
}

static void estimate_in_any_cuts_is_the_same(void **state)
{
    (void)state;
    static const char text[] = "getUserName 12345  \n\n\"\xe4\xbd\xa0\xe5\xa5\xbd\xef\xbc\x8c\" "
                               "\xf0\x9f\x98\x80\xf0\x9f\xe9 1.50 \xec\x98\xa4\xc3\xa9\x80 end";
    size_t n = sizeof text - 1;
    uint64_t whole = fed(text, n).weight;
    for (size_t first = 0; first <= n; first++) {
        for (size_t second = first; second <= n; second++) {
            struct estimate e = fed(text, first);
            estimate_feed(&e, text + first, second - first);
            estimate_feed(&e, text + second, n - second);
            assert_int_equal(e.weight, whole);
            assert_int_equal(e.bytes, n);
        }
    }
}

/* Any text of many classes, in runs; the same sequence each time. */
static size_t make_text(uint32_t *seed, char *text, size_t room)
{
    static const char *const letters[] = {"abcdefghijklmnopqrstuvwxyz",
                                          "ABCDEFGXYZ",
                                          "0123456789",
                                          " \t",
                                          "\n\r",
                                          "`@[{/:\x7f\x01!",
                                          "\xe4\xbd\xa0",
                                          "\xc3\xa9\x80"};
    size_t n = 0;
    for (;;) {
        *seed = *seed * 1664525 + 1013904223;
        const char *class = letters[*seed >> 16 & 1 ? 0 : *seed >> 20 & 7];
        size_t run = 1 + (*seed >> 24) % (*seed >> 17 & 1 ? 3 : 25);
        for (size_t i = 0; i < run; i++) {
            if (n == room)
                return n;
            text[n++] = class[(i + (*seed >> 8)) % strlen(class)];
        }
    }
}

static void estimate_at_once_is_that_of_single_bytes(void **state)
{
    (void)state;
    uint32_t seed = 1;
    char text[400];
    for (unsigned round = 0; round < 5000; round++) {
        size_t n = make_text(&seed, text, 1 + seed % sizeof text);
        struct estimate single = {0}, whole = fed(text, n), cut = {0};
        for (size_t i = 0; i < n; i++)
            estimate_feed(&single, text + i, 1);
        assert_int_equal(whole.weight, single.weight);
        for (size_t i = 0, step; i < n; i += step) {
            seed = seed * 1664525 + 1013904223;
            step = 1 + (seed >> 16) % 70 < n - i ? 1 + (seed >> 16) % 70 : n - i;
            estimate_feed(&cut, text + i, step);
        }
        assert_int_equal(cut.weight, single.weight);
    }
}

static void estimate_break_ends_runs_and_sequences(void **state)
{
    (void)state;
    struct estimate e = fed("ab", 2);
    estimate_break(&e);
    estimate_feed(&e, "cd", 2);
    assert_int_equal(e.weight, 2 * (239 + 2 * 6));
    e = fed("\xe4\xbd", 2);
    estimate_break(&e);
    estimate_feed(&e, "\xa0", 1);
    assert_int_equal(e.weight, 3 * 512);
}

static void estimate_of_unfinished_sequence_counts_it(void **state)
{
    (void)state;
    struct estimate e = fed("\xe4\xbd", 2);
    assert_int_equal(estimate_tokens(&e), 4);
    estimate_break(&e);
    assert_int_equal(estimate_tokens(&e), 4);
}

static void hold_of_blank_wall_is_a_quarter_of_its_bytes(void **state)
{
    (void)state;
    char blanks[4000];
    memset(blanks, ' ', sizeof blanks);
    struct estimate e = fed(blanks, sizeof blanks);
    assert_int_equal(estimate_tokens(&e), 1);
    assert_int_equal(estimate_hold_tokens(&e, 1), 1000 + 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(estimate_of_nothing_is_nothing),
        cmocka_unit_test(estimate_of_lone_blank_is_one_token),
        cmocka_unit_test(estimate_of_each_class_has_its_weight),
        cmocka_unit_test(estimate_of_invalid_utf8_weighs_each_byte),
        cmocka_unit_test(estimate_in_any_cuts_is_the_same),
        cmocka_unit_test(estimate_at_once_is_that_of_single_bytes),
        cmocka_unit_test(estimate_break_ends_runs_and_sequences),
        cmocka_unit_test(estimate_of_unfinished_sequence_counts_it),
        cmocka_unit_test(hold_of_blank_wall_is_a_quarter_of_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
