#include "relay/subtitle.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static int64_t ends(const char *text)
{
    int64_t ms = -1;
    for (size_t step = 1; step <= strlen(text) + 1; step++) {
        struct subtitle subtitle = {0};
        struct str rest = str_of(text);
        while (rest.n > 0) {
            subtitle_feed(&subtitle, str_slice(rest, 0, step));
            rest = str_from(rest, step);
        }
        assert_true(ms < 0 || ms == subtitle.end_ms);
        ms = subtitle.end_ms;
    }
    return ms;
}

static void last_time_is_found(void **state)
{
    (void)state;
    assert_int_equal(ends("1\n00:00:00,000 --> 00:00:02,500\nHi\n\n"
                          "2\n00:00:02,500 --> 01:02:03,004\nthere\n"),
                     3723004);
    assert_int_equal(ends("WEBVTT\n\n00:00.000 --> 00:02.500\nHi\n\n"
                          "01:02.500 --> 01:04.750 align:start\nthere --> now\n"),
                     64750);
    assert_int_equal(ends("1\r\n00:00:00,000 --> 00:00:02,500\r\nHi\r\n"), 2500);
    assert_int_equal(ends("00:00.000-->00:02.500\n"), 2500);
    assert_int_equal(ends("----->\t00:00:09,100\n"), 9100);
}

static void what_is_no_time_tells_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "Hi there",
        "a --> b\n",
        "--> :01,000\n",
        "--> 1:,000\n",
        "--> 00:00:01\n",
        "--> 00:00:01,50\n",
        "--> 00:00:01,5000\n",
        "--> 00:00:01,,500\n",
        "--> 0000000001,500\n",
        "--> 99999:99999:99999:99999:99999:99999:99999:01,500\n",
        "-- > 00:00:01,500\n",
        "-> 00:00:01,500\n",
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_int_equal(ends(texts[i]), 0);
    assert_int_equal(ends("--> 00:00:01,500\n--> 00:00:01:\n--> 00:00:00,100\n"), 1500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(last_time_is_found),
        cmocka_unit_test(what_is_no_time_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
