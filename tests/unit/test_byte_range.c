#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/byte_range.h"

static void range_is_read_as_http_has_it(void **state)
{
    (void)state;
    const struct {
        const char *header;
        uint64_t size;
        struct byte_range range;
    } cases[] = {
        {"", 10, {BYTE_RANGE_WHOLE, 0, 10}},
        {"bytes=0-9", 10, {BYTE_RANGE_PART, 0, 10}},
        {"bytes=0-0", 10, {BYTE_RANGE_PART, 0, 1}},
        {" Bytes=2-4 ", 10, {BYTE_RANGE_PART, 2, 5}},
        {"bytes=2-", 10, {BYTE_RANGE_PART, 2, 10}},
        {"bytes=9-99999999999999999999999", 10, {BYTE_RANGE_PART, 9, 10}},
        {"bytes=-3", 10, {BYTE_RANGE_PART, 7, 10}},
        {"bytes=-30", 10, {BYTE_RANGE_PART, 0, 10}},
        {"bytes=-0", 10, {BYTE_RANGE_NONE, 0, 0}},
        {"bytes=10-", 10, {BYTE_RANGE_NONE, 0, 0}},
        {"bytes=99999999999999999999-", 10, {BYTE_RANGE_NONE, 0, 0}},
        {"bytes=0-", 0, {BYTE_RANGE_NONE, 0, 0}},
        {"bytes=-1", 0, {BYTE_RANGE_NONE, 0, 0}},
        {"bytes=0-1,4-5", 10, {BYTE_RANGE_NONE, 0, 0}},
        {"bytes=4-2", 10, {BYTE_RANGE_WHOLE, 0, 10}},
        {"bytes=-", 10, {BYTE_RANGE_WHOLE, 0, 10}},
        {"bytes=", 10, {BYTE_RANGE_WHOLE, 0, 10}},
        {"bytes=a-b", 10, {BYTE_RANGE_WHOLE, 0, 10}},
        {"bytes=1-b", 10, {BYTE_RANGE_WHOLE, 0, 10}},
        {"bytes=5", 10, {BYTE_RANGE_WHOLE, 0, 10}},
        {"items=0-1", 10, {BYTE_RANGE_WHOLE, 0, 10}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct byte_range range = byte_range_of(str_of(cases[i].header), cases[i].size);
        if (range.kind != cases[i].range.kind || range.from != cases[i].range.from ||
            range.to != cases[i].range.to)
            fail_msg("%s: %d [%d, %d)", cases[i].header, (int)range.kind, (int)range.from,
                     (int)range.to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(range_is_read_as_http_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
