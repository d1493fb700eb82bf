#include "store/ident.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define EPOCH INT64_C(1577836800000) /* 2020-01-01T00:00:00Z */
#define NOW (EPOCH + INT64_C(200000000000))
#define MS_STEP ((int64_t)1 << 21)

static void ident_next_layout_is_ms_node_worker_counter_slot(void **state)
{
    (void)state;
    struct ident_source source;
    ident_init(&source, 5, 0);
    int64_t ms = NOW - EPOCH;
    assert_int_equal(ident_next(&source, NOW), ms << 21 | 5 << 11);
    assert_int_equal(ident_next(&source, NOW), ms << 21 | 5 << 11 | 1 << 1);
}

static void ident_next_more_than_1024_in_a_ms_borrows_and_stays_unique(void **state)
{
    (void)state;
    struct ident_source source;
    ident_init(&source, 63, 0);
    int64_t last = 0;
    for (int i = 0; i < 5000; i++) {
        int64_t id = ident_next(&source, NOW);
        assert_true(id > last);
        assert_int_equal(id & 1, 0);
        assert_int_equal(id >> 11 & 63, 63);
        last = id;
    }
    assert_int_equal(ident_wall_ms(last), NOW + 4);
    /* A clock that catches up goes on without a gap in order. */
    assert_true(ident_next(&source, NOW + 3) > last);
    assert_int_equal(ident_wall_ms(ident_next(&source, NOW + 9)), NOW + 9);
}

static void ident_next_when_the_clock_goes_back_does_not(void **state)
{
    (void)state;
    struct ident_source source;
    ident_init(&source, 0, 0);
    int64_t before = ident_next(&source, NOW);
    assert_true(ident_next(&source, NOW - 3600000) > before);
}

static void ident_init_above_the_newest_of_any_worker(void **state)
{
    (void)state;
    struct ident_source high, low;
    ident_init(&high, 63, 0);
    int64_t newest = ident_give_back(ident_next(&high, NOW));
    ident_init(&low, 0, newest);
    int64_t id = ident_next(&low, NOW - 1000);
    assert_true(id > newest);
    assert_int_equal(id, (newest / MS_STEP + 1) * MS_STEP);
}

static void ident_next_with_a_clock_out_of_range_is_positive(void **state)
{
    (void)state;
    struct ident_source source;
    ident_init(&source, 0, 0);
    assert_true(ident_next(&source, 0) > 0);
    assert_true(ident_next(&source, EPOCH) > 0);
    assert_true(ident_next(&source, INT64_MAX) > 0);
}

static void ident_first_is_below_all_of_its_time_and_above_all_before(void **state)
{
    (void)state;
    struct ident_source low, high;
    ident_init(&low, 0, 0);
    ident_init(&high, IDENT_WORKER_MAX, 0);
    assert_true(ident_first(NOW) > ident_next(&high, NOW - 1));
    assert_true(ident_first(NOW) <= ident_next(&low, NOW));
    assert_int_equal(ident_first(0), 0);
    assert_int_equal(ident_first(-1), 0);
}

static void ident_give_back_is_slot_one(void **state)
{
    (void)state;
    struct ident_source source;
    ident_init(&source, 1, 0);
    int64_t id = ident_next(&source, NOW);
    assert_int_equal(ident_give_back(id), id + 1);
    assert_int_equal(ident_give_back(id + 1), id + 1);
    assert_true(ident_next(&source, NOW) > id + 1);
}

static void ident_format_is_13_sortable_digits(void **state)
{
    (void)state;
    char text[IDENT_TEXT_SIZE], next[IDENT_TEXT_SIZE];
    ident_format(0, text);
    assert_string_equal(text, "req_0000000000000");
    ident_format(31, text);
    assert_string_equal(text, "req_000000000000z");
    ident_format(32 * 10 + 18, text);
    assert_string_equal(text, "req_00000000000aj");
    ident_format(INT64_MAX, text);
    assert_string_equal(text, "req_7zzzzzzzzzzzz");
    struct ident_source source;
    ident_init(&source, 2, 0);
    ident_format(ident_next(&source, NOW), text);
    for (int i = 0; i < 2000; i++) {
        ident_format(ident_next(&source, NOW), next);
        assert_true(strcmp(text, next) < 0);
        memcpy(text, next, sizeof text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ident_next_layout_is_ms_node_worker_counter_slot),
        cmocka_unit_test(ident_next_more_than_1024_in_a_ms_borrows_and_stays_unique),
        cmocka_unit_test(ident_next_when_the_clock_goes_back_does_not),
        cmocka_unit_test(ident_init_above_the_newest_of_any_worker),
        cmocka_unit_test(ident_next_with_a_clock_out_of_range_is_positive),
        cmocka_unit_test(ident_first_is_below_all_of_its_time_and_above_all_before),
        cmocka_unit_test(ident_give_back_is_slot_one),
        cmocka_unit_test(ident_format_is_13_sortable_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
