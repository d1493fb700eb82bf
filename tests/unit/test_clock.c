#include "base/clock.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

static void set_clock_stands_still_until_thawed(void **state)
{
    (void)state;
    clock_set(5000999, 42);
    clock_tick();
    assert_int_equal(clock_us(), 5000999);
    assert_int_equal(clock_ms(), 5000);
    assert_int_equal(clock_wall_ms(), 42);
    assert_int_equal(clock_precise_us(), 5000999);
    clock_thaw();
    assert_true(clock_wall_ms() > INT64_C(1600000000000));
}

static void cached_time_moves_only_at_a_tick(void **state)
{
    (void)state;
    clock_tick();
    int64_t before = clock_us();
    while (clock_precise_us() == before)
        ;
    assert_int_equal(clock_us(), before);
    clock_tick();
    assert_true(clock_us() > before);
}

static void boot_time_is_that_of_the_system(void **state)
{
    (void)state;
    struct timespec at;
    assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &at), 0);
    clock_tick();
    int64_t late_us = clock_us() - ((int64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000);
    assert_in_range(late_us, 0, 10000000);
}

static void expect_text(int64_t wall_ms, const char *expected)
{
    char text[CLOCK_TEXT_SIZE];
    clock_format_utc(wall_ms, text);
    assert_string_equal(text, expected);
}

static void utc_text_cuts_ms_and_clamps_years(void **state)
{
    (void)state;
    expect_text(0, "1970-01-01T00:00:00Z");
    expect_text(INT64_C(1709164799999), "2024-02-28T23:59:59Z");
    expect_text(INT64_C(1709164800000), "2024-02-29T00:00:00Z");
    expect_text(INT64_C(253402300799999), "9999-12-31T23:59:59Z");
    expect_text(INT64_C(253402300800000), "9999-12-31T23:59:59Z");
    expect_text(INT64_MAX, "9999-12-31T23:59:59Z");
    expect_text(INT64_MIN, "1970-01-01T00:00:00Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_clock_stands_still_until_thawed),
        cmocka_unit_test(cached_time_moves_only_at_a_tick),
        cmocka_unit_test(boot_time_is_that_of_the_system),
        cmocka_unit_test(utc_text_cuts_ms_and_clamps_years),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
