/* The text of a bill in the books, and what is read of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/bill.h"

static void bill_comes_back_as_it_was(void **state)
{
    (void)state;
    char text[BILL_TEXT_SIZE];
    struct bill read;
    const struct bill bill = {
        .n = 2,
        .lines = {{COUNTER_in_text, 1000, 2500000}, {COUNTER_out_audio, INT64_C(1) << 40, 1}}};
    bill_format(&bill, text);
    assert_string_equal(text, "in_text=1000*2500000 out_audio=1099511627776*1");
    bill_parse(STR("in_text=1000*2500000 out_audio=1099511627776*1"), &read);
    assert_int_equal(read.n, 2);
    assert_int_equal(read.lines[1].counter, COUNTER_out_audio);
    assert_int_equal(read.lines[1].quantity, bill.lines[1].quantity);
}

static void bill_of_an_older_row_and_unknown_words_are_read(void **state)
{
    (void)state;
    struct bill read;
    bill_parse(STR("in_text=1000*2500000=2500000000 later=1*2 out_text=x*2 out_text=3*4=12"),
               &read);
    assert_int_equal(read.n, 2);
    assert_int_equal(read.lines[0].quantity, 1000);
    assert_int_equal(read.lines[0].rate_pusd, 2500000);
    assert_int_equal(read.lines[1].counter, COUNTER_out_text);
    assert_int_equal(read.lines[1].rate_pusd, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bill_comes_back_as_it_was),
        cmocka_unit_test(bill_of_an_older_row_and_unknown_words_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
