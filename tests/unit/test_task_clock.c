#include "relay/task_clock.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/check.h"

#define MADE INT64_C(1795546800000)
#define HOUR INT64_C(3600000)

static const struct settings settings = {.video_poll_interval_ms = 15000,
                                         .video_poll_interval_max_ms = 60000};

static void interval_grows_with_age_between_its_limits(void **state)
{
    (void)state;
    static const struct {
        int64_t age_ms, interval_ms;
    } rows[] = {
        {-5, 15000},     {0, 15000},         {150000, 15000},   {300000, 30000},
        {600000, 60000}, {23 * HOUR, 60000}, {24 * HOUR, HOUR}, {240 * HOUR, 10 * HOUR},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t now = MADE + rows[i].age_ms;
        assert_int_equal(task_clock_next(&settings, MADE, now, 0) - now, rows[i].interval_ms);
        int64_t soonest = task_clock_next(&settings, MADE, now, UINT64_MAX) - now;
        assert_in_range(soonest, rows[i].interval_ms * 7 / 8, rows[i].interval_ms - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interval_grows_with_age_between_its_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
