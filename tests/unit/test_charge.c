#include "relay/charge.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PPM 1000000u

static const struct price_match any;

static struct rate rate(enum counter counter, int64_t pusd)
{
    return (struct rate){.counter = counter, .pusd = pusd, .quantum = 1};
}

static enum charge_result computed(struct rate *rates, unsigned n, const struct counters *counters,
                                   uint32_t group_ppm, struct charge *out)
{
    struct price price = {rates, n};
    return charge_compute(&price, counters, &any, group_ppm, PPM, out);
}

static void charge_rounds_once_and_up(void **state)
{
    (void)state;
    struct rate rates[] = {rate(COUNTER_in_text, 1), rate(COUNTER_out_text, 1)};
    struct counters c = {0};
    c.n[COUNTER_in_text] = 1;
    c.n[COUNTER_out_text] = 999;
    struct charge charge;
    assert_int_equal(computed(rates, 2, &c, PPM, &charge), CHARGE_OK);
    assert_int_equal(charge.base_pusd, 1000);
    assert_int_equal(charge.nusd, 1);
    c.n[COUNTER_in_text] = 2;
    assert_int_equal(computed(rates, 2, &c, PPM, &charge), CHARGE_OK);
    assert_int_equal(charge.nusd, 2);
    c.n[COUNTER_in_text] = 0;
    c.n[COUNTER_out_text] = 1;
    assert_int_equal(computed(rates, 2, &c, 1, &charge), CHARGE_OK);
    assert_int_equal(charge.nusd, 1);
}

static void charge_per_request_is_due_once(void **state)
{
    (void)state;
    struct rate rates[] = {rate(COUNTER_requests, 30000)};
    struct counters c = {0};
    struct charge charge;
    for (int64_t counted = 0; counted < 3; counted++) {
        c.n[COUNTER_requests] = counted;
        assert_int_equal(computed(rates, 1, &c, PPM, &charge), CHARGE_OK);
        assert_int_equal(charge.nusd, 30);
    }
}

static void charge_of_counted_request_without_rate_is_nothing(void **state)
{
    (void)state;
    struct rate rates[] = {rate(COUNTER_in_text, 1000)};
    struct counters c = {0};
    c.n[COUNTER_requests] = 1;
    c.n[COUNTER_in_text] = 5;
    struct charge charge;
    assert_int_equal(computed(rates, 1, &c, PPM, &charge), CHARGE_OK);
    assert_int_equal(charge.nusd, 5);
}

static void charge_of_counter_without_rate_names_it(void **state)
{
    (void)state;
    struct rate rates[] = {rate(COUNTER_in_text, 1000)};
    struct counters c = {0};
    c.n[COUNTER_video_ms] = 1;
    struct charge charge = {0};
    assert_int_equal(computed(rates, 1, &c, PPM, &charge), CHARGE_UNPRICED);
    assert_int_equal(charge.unpriced, COUNTER_video_ms);
}

static void charge_that_does_not_fit_is_overflow(void **state)
{
    (void)state;
    struct rate rates[5];
    struct counters c = {0};
    struct charge charge;
    /* Four products of (2^63 - 1)^2 and one of 2^66 - 4 are 2^128 together: 0, were it to wrap. */
    for (unsigned i = 0; i < 5; i++) {
        rates[i] = rate((enum counter)i, i < 4 ? INT64_MAX : 1229782938247303441);
        rates[i].minimum = i < 4 ? INT64_MAX : 0;
        c.n[i] = 60;
    }
    assert_int_equal(computed(rates, 5, &c, PPM, &charge), CHARGE_OVERFLOW);
    /* The base fits, the result does not. */
    struct rate one = rate(COUNTER_in_text, INT64_MAX);
    struct counters single = {0};
    single.n[COUNTER_in_text] = 1;
    assert_int_equal(computed(&one, 1, &single, 1000 * PPM, &charge), CHARGE_OK);
    assert_true(charge.nusd == (int64_t)9223372036854775807);
    assert_int_equal(computed(&one, 1, &single, 1000 * PPM + 1, &charge), CHARGE_OVERFLOW);
}

static void charge_quantum_and_minimum_raise_the_quantity(void **state)
{
    (void)state;
    struct rate rates[] = {rate(COUNTER_audio_ms, 1000)};
    rates[0].quantum = 1000;
    rates[0].minimum = 3000;
    static const int64_t cases[][2] = {{1, 3000}, {3000, 3000}, {3001, 4000}, {4000, 4000}, {0, 0}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct counters c = {0};
        c.n[COUNTER_audio_ms] = cases[i][0];
        struct charge charge;
        assert_int_equal(computed(rates, 1, &c, PPM, &charge), CHARGE_OK);
        assert_int_equal(charge.nusd, cases[i][1]);
    }
}

static void lines_add_up_to_the_charge(void **state)
{
    (void)state;
    struct rate rates[] = {rate(COUNTER_in_text, 2500), rate(COUNTER_out_text, 10000),
                           rate(COUNTER_requests, 7)};
    struct counters c = {0};
    c.n[COUNTER_in_text] = 3;
    c.n[COUNTER_in_cached] = 2;
    c.n[COUNTER_out_reasoning] = 4;
    struct charge charge;
    assert_int_equal(computed(rates, 3, &c, PPM, &charge), CHARGE_OK);
    const struct bill_line *lines = charge.bill.lines;
    assert_int_equal(charge.bill.n, 4);
    int64_t total = 0;
    for (unsigned i = 0; i < charge.bill.n; i++)
        total += lines[i].quantity * lines[i].rate_pusd;
    assert_int_equal(total, charge.base_pusd);
    /* Cached input has no rate of its own here. */
    assert_int_equal(lines[1].counter, COUNTER_in_cached);
    assert_int_equal(lines[1].rate_pusd, 2500);
    assert_int_equal(lines[1].quantity, 2);
    assert_int_equal(lines[3].counter, COUNTER_requests);
    assert_int_equal(lines[3].quantity, 1);
}

/* "A model priced by requests only": its tokens are paid for with the call. */
static void compute_with_a_price_per_call_covers_other_counters(void **state)
{
    (void)state;
    struct rate rate = {.counter = COUNTER_requests, .pusd = 30000000000, .quantum = 1};
    struct price price = {.rates = &rate, .n = 1};
    struct counters counters = {{0}};
    struct price_match match = {.input_tokens = 7};
    struct charge charge;
    counters.n[COUNTER_in_text] = 7;
    counters.n[COUNTER_out_text] = 9;
    assert_int_equal(charge_compute(&price, &counters, &match, 1000000, 1000000, &charge),
                     CHARGE_OK);
    assert_int_equal(charge.nusd, 30000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compute_with_a_price_per_call_covers_other_counters),
        cmocka_unit_test(charge_rounds_once_and_up),
        cmocka_unit_test(charge_per_request_is_due_once),
        cmocka_unit_test(charge_of_counted_request_without_rate_is_nothing),
        cmocka_unit_test(charge_of_counter_without_rate_names_it),
        cmocka_unit_test(charge_that_does_not_fit_is_overflow),
        cmocka_unit_test(charge_quantum_and_minimum_raise_the_quantity),
        cmocka_unit_test(lines_add_up_to_the_charge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
