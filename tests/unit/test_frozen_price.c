#include "config/frozen_price.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROOM 65536

static const char *const lines[] = {
    "video_ms 0.10 per second quantum=1s",
    "video_ms 0.30 per second size=1280x720 quantum=1s minimum=4s",
    "out_text 6.30 per 1M tokens above=200000",
    "requests 0.002 per request",
};

static void read_lines(struct price *price, struct rate rates[COUNT(lines)])
{
    struct buf why;
    size_t at;
    int64_t rounded;
    buf_init(&why, 256);
    for (size_t i = 0; i < COUNT(lines); i++) {
        memset(&rates[i], 0, sizeof rates[i]);
        assert_true(rate_parse(str_of(lines[i]), &rates[i], &at, &rounded, &why));
    }
    buf_release(&why);
    *price = (struct price){.rates = rates, .n = COUNT(lines)};
}

static void price_is_the_same_after_thawing(void **state)
{
    (void)state;
    struct rate rates[COUNT(lines)];
    struct price price, again;
    struct buf text;
    read_lines(&price, rates);
    buf_init(&text, ROOM);
    assert_true(price_freeze(&price, &text));
    assert_true(price_thaw(buf_str(&text), &again));
    assert_int_equal(again.n, price.n);
    for (unsigned i = 0; i < price.n; i++) {
        const struct rate *a = &price.rates[i], *b = &again.rates[i];
        assert_int_equal(a->counter, b->counter);
        assert_int_equal(a->pusd, b->pusd);
        assert_int_equal(a->min_input, b->min_input);
        assert_int_equal(a->quantum, b->quantum);
        assert_int_equal(a->minimum, b->minimum);
        assert_string_equal(a->tier, b->tier);
        assert_string_equal(a->quality, b->quality);
        assert_string_equal(a->size, b->size);
    }
    frozen_price_release(&again);
    assert_null(again.rates);
    buf_release(&text);
}

static void text_that_is_no_price_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"video_ms 0.10 per second\n", "price = video_ms\n",
                                        "price = video_ms 0.10 per second\n\n"};
    struct price price;
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(price_thaw(str_of(wrong[i]), &price));
}

static void longest_price_fits_and_one_rate_more_does_not(void **state)
{
    (void)state;
    struct rate rates[PRICE_RATES_MAX + 1];
    struct price price = {.rates = rates, .n = PRICE_RATES_MAX + 1}, again;
    struct buf text;
    for (size_t i = 0; i < COUNT(rates); i++)
        rates[i] = (struct rate){.counter = COUNTER_in_cache_write_1h,
                                 .pusd = INT64_MAX / 1000000,
                                 .min_input = COUNTER_MAX - 1,
                                 .quantum = 1,
                                 .tier = "aaaaaaaaaaaaaaa",
                                 .quality = "bbbbbbbbbbbbbbb",
                                 .size = "ccccccccccccccc"};
    buf_init(&text, ROOM);
    assert_true(price_freeze(&price, &text));
    assert_false(price_thaw(buf_str(&text), &again));
    buf_clear(&text);
    price.n = PRICE_RATES_MAX;
    assert_true(price_freeze(&price, &text));
    assert_true(price_thaw(buf_str(&text), &again));
    assert_int_equal(again.n, PRICE_RATES_MAX);
    assert_int_equal(again.rates[0].pusd, rates[0].pusd);
    frozen_price_release(&again);
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(price_is_the_same_after_thawing),
        cmocka_unit_test(text_that_is_no_price_is_refused),
        cmocka_unit_test(longest_price_fits_and_one_rate_more_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
