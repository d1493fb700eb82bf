/* room: store */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/sums.h"

static void sums_are_of_each_id_and_come_back_in_order(void **state)
{
    (void)state;
    struct sums sums = {0};
    const struct sum *at = NULL;
    for (int64_t round = 0; round < 3; round++) {
        for (int64_t id = 5000; id > 0; id--)
            sums_add(&sums, id * INT64_C(1000000007), (const int64_t[SUMS_OF_EACH]){1, -id, round});
    }
    for (int64_t id = 5000; id > 0; id--) {
        assert_true(sums_next(&sums, &at));
        assert_int_equal(sum_id(at), id * INT64_C(1000000007));
        assert_int_equal(sum_values(at)[0], 3);
        assert_int_equal(sum_values(at)[1], -3 * id);
        assert_int_equal(sum_values(at)[2], 3);
        assert_ptr_equal(sums_of(&sums, sum_id(at)), sum_values(at));
    }
    assert_false(sums_next(&sums, &at));
    assert_false(sums.failed);
    sums_release(&sums);
    assert_null(sums.table);
}

static void sum_that_does_not_fit_wraps(void **state)
{
    (void)state;
    struct sums sums = {0};
    for (int i = 0; i < 2; i++)
        sums_add(&sums, 1, (const int64_t[SUMS_OF_EACH]){INT64_MAX, INT64_MIN, 0});
    assert_int_equal(sums_of(&sums, 1)[0], -2);
    assert_int_equal(sums_of(&sums, 1)[1], 0);
    sums_release(&sums);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_of_each_id_and_come_back_in_order),
        cmocka_unit_test(sum_that_does_not_fit_wraps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
