#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "config/price.h"

static const struct price_match any = {.input_tokens = 0};

static bool parse(const char *text, struct rate *rate, size_t *at, bool *rounded)
{
    struct buf why;
    int64_t quantity = 0;
    buf_init(&why, 1024);
    bool ok = rate_parse(str_of(text), rate, at, &quantity, &why);
    *rounded = quantity != 0;
    assert_true(ok || why.n > 0);
    buf_release(&why);
    return ok;
}

static struct rate rate_of(const char *text)
{
    struct rate rate = {.pusd = -1};
    size_t at = 0;
    bool rounded = true;
    assert_true(parse(text, &rate, &at, &rounded));
    assert_false(rounded);
    return rate;
}

static void rate_parse_documented_lines_give_exact_pico(void **state)
{
    (void)state;
    assert_int_equal(rate_of("in_text 0.15 per 1M tokens").pusd, 150000);
    assert_int_equal(rate_of("in_cached 0.075 per 1M tokens").pusd, 75000);
    assert_int_equal(rate_of("in_text 2.50 per 1K tokens").pusd, INT64_C(2500000000));
    assert_int_equal(rate_of("images 0.25 per image").pusd, INT64_C(250000000000));
    assert_int_equal(rate_of("audio_ms 0.006 per minute").pusd, 100000);
    assert_int_equal(rate_of("audio_ms 0.36 per hour").pusd, 100000);
    assert_int_equal(rate_of("video_ms 0.10 per second").pusd, 100000000);
    assert_int_equal(rate_of("characters 15 per 1M characters").pusd, 15000000);
    assert_int_equal(rate_of("requests 0.01 per request").pusd, INT64_C(10000000000));
    assert_int_equal(rate_of("search_units 0.002 per search").pusd, INT64_C(2000000000));
    assert_int_equal(rate_of("requests 1000 per request").pusd, INT64_C(1000000000000000));
    assert_int_equal(rate_of("in_text 0 per 1M tokens").pusd, 0);
    assert_int_equal(rate_of("in_text 0.546875 per 1M token").pusd, 546875);
}

static void rate_parse_options_are_kept(void **state)
{
    (void)state;
    struct rate rate = rate_of("in_text 0.30 per 1M tokens above=200000 tier=priority");
    assert_int_equal(rate.min_input, 200001);
    assert_string_equal(rate.tier, "priority");
    assert_int_equal(rate.quantum, 1);
    rate = rate_of("video_ms 0.10 per second size=1280x720 quantum=1s minimum=10s quality=high");
    assert_int_equal(rate.quantum, 1000);
    assert_int_equal(rate.minimum, 10000);
    assert_string_equal(rate.size, "1280x720");
    assert_string_equal(rate.quality, "high");
    rate = rate_of("search_units 1 per 1K searches quantum=5 minimum=10");
    assert_int_equal(rate.quantum, 5);
    assert_int_equal(rate.minimum, 10);
}

static void rate_parse_inexact_rounds_half_up_and_says_so(void **state)
{
    (void)state;
    struct rate rate;
    size_t at = 0;
    bool rounded = false;
    /* 1.85 USD an hour is 513,888.88 pUSD a millisecond. */
    assert_true(parse("audio_ms 1.85 per hour", &rate, &at, &rounded));
    assert_true(rounded);
    assert_int_equal(rate.pusd, 513889);
    assert_true(parse("in_text 0.0000005 per 1M tokens", &rate, &at, &rounded));
    assert_true(rounded);
    assert_int_equal(rate.pusd, 1);
    assert_true(parse("in_text 0.0000014 per 1M tokens", &rate, &at, &rounded));
    assert_int_equal(rate.pusd, 1);
}

static void rate_parse_mistakes_point_at_the_word(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t at;
    } cases[] = {
        {"", 0},
        {"in_txt 1 per token", 0},
        {"in_text", 7},
        {"in_text x per token", 8},
        {"in_text -1 per token", 8},
        {"in_text 1. per token", 8},
        {"in_text .5 per token", 8},
        {"in_text 1e3 per token", 8},
        {"in_text 0.0000004 per 1M tokens", 8},
        {"requests 1000.1 per request", 9},
        {"in_text 1 for token", 10},
        {"in_text 1 per", 13},
        {"in_text 1 per 1M", 16},
        {"in_text 1 per 2M tokens", 14},
        {"in_text 1 per second", 14},
        {"audio_ms 1 per token", 15},
        {"images 1 per 1K tokens", 16},
        {"in_text 1 per token above", 20},
        {"in_text 1 per token above=x", 26},
        {"in_text 1 per token abve=1", 20},
        {"in_text 1 per token above=1 above=2", 28},
        {"in_text 1 per token tier=", 25},
        {"in_text 1 per token tier=sixteen-letters.", 25},
        {"audio_ms 1 per minute quantum=1", 30},
        {"in_text 1 per token quantum=0", 28},
        {"in_text 1 per token free", 20},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rate rate = {.pusd = -7};
        size_t at = 99;
        bool rounded;
        assert_false(parse(cases[i].text, &rate, &at, &rounded));
        if (at != cases[i].at)
            print_error("case %s: %zu\n", cases[i].text, at);
        assert_int_equal(at, cases[i].at);
        assert_int_equal(rate.pusd, -7);
    }
}

static void rate_show_reads_back_to_the_same_rate(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "in_text 0.15 per 1M tokens above=200000 tier=flex",
        "images 0.042 per image quality=medium size=1024x1024",
        "audio_ms 0.006 per minute quantum=1s minimum=10s",
        "requests 1000 per request",
        "out_text 0 per token",
        "search_units 0.000000000001 per search minimum=3",
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct rate rate = rate_of(lines[i]);
        struct buf out;
        size_t n = 0;
        buf_init(&out, 1024);
        assert_true(rate_show(&rate, &out));
        char *text = buf_take(&out, &n);
        assert_non_null(text);
        text[n - 1] = '\0';
        struct rate again = rate_of(text + strlen("price = "));
        assert_int_equal(rate.counter, again.counter);
        assert_int_equal(rate.pusd, again.pusd);
        assert_int_equal(rate.min_input, again.min_input);
        assert_int_equal(rate.quantum, again.quantum);
        assert_int_equal(rate.minimum, again.minimum);
        assert_string_equal(rate.tier, again.tier);
        assert_string_equal(rate.quality, again.quality);
        assert_string_equal(rate.size, again.size);
        free(text);
    }
}

static void counter_fallback_ends_and_stays_on_its_side(void **state)
{
    (void)state;
    enum counter to;
    assert_true(counter_fallback(COUNTER_in_cache_write_1h, &to));
    assert_int_equal(to, COUNTER_in_cache_write);
    assert_true(counter_fallback(COUNTER_in_image_cached, &to));
    assert_int_equal(to, COUNTER_in_image);
    assert_true(counter_fallback(COUNTER_out_reasoning, &to));
    assert_int_equal(to, COUNTER_out_text);
    assert_false(counter_fallback(COUNTER_in_text, &to));
    assert_false(counter_fallback(COUNTER_images, &to));
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        enum counter found;
        assert_true(counter_find(str_of(counter_name((enum counter)i)), &found));
        assert_int_equal(found, i);
    }
    assert_false(counter_find(STR("in_tex"), &to));
}

/* A price of the given lines; at most 8. */
struct table {
    struct rate rates[8];
    struct price price;
};

static const struct price *price_of(struct table *table, const char *const *lines)
{
    table->price = (struct price){.rates = table->rates};
    for (; *lines != NULL; lines++)
        table->rates[table->price.n++] = rate_of(*lines);
    return &table->price;
}

static int64_t pusd(const struct price *price, enum counter counter, struct price_match match)
{
    const struct rate *rate = price_find(price, counter, &match);
    return rate == NULL ? -1 : rate->pusd;
}

static void price_find_above_moves_from_n_plus_one(void **state)
{
    (void)state;
    struct table table;
    const struct price *price = price_of(
        &table, (const char *const[]){"in_text 5 per 1M tokens above=400000",
                                      "in_text 1.25 per 1M tokens", "in_cached 0.1 per 1M tokens",
                                      "in_text 2.5 per 1M tokens above=200000",
                                      "out_text 10 per 1M tokens", NULL});
    assert_int_equal(pusd(price, COUNTER_in_text, any), 1250000);
    assert_int_equal(pusd(price, COUNTER_in_text, (struct price_match){.input_tokens = 200000}),
                     1250000);
    assert_int_equal(pusd(price, COUNTER_in_text, (struct price_match){.input_tokens = 200001}),
                     2500000);
    assert_int_equal(pusd(price, COUNTER_in_text, (struct price_match){.input_tokens = 400001}),
                     5000000);
    /* Not named there: the base rate stays. */
    assert_int_equal(pusd(price, COUNTER_in_cached, (struct price_match){.input_tokens = 400001}),
                     100000);
    assert_int_equal(pusd(price, COUNTER_out_text, (struct price_match){.input_tokens = 400001}),
                     10000000);
    /* No rate of its own: follows the counter that it falls back to. */
    assert_int_equal(
        pusd(price, COUNTER_in_audio_cached, (struct price_match){.input_tokens = 400001}),
        5000000);
}

static void price_find_tier_falls_back_to_base_per_counter(void **state)
{
    (void)state;
    struct table table;
    const struct price *price = price_of(
        &table,
        (const char *const[]){"in_text 1 per 1M tokens", "in_cached 0.5 per 1M tokens",
                              "out_text 4 per 1M tokens", "out_text 8 per 1M tokens tier=priority",
                              "in_text 3 per 1M tokens above=100", NULL});
    struct price_match priority = {.tier = STR("priority")};
    struct price_match flex = {.tier = STR("flex")};
    assert_int_equal(pusd(price, COUNTER_out_text, priority), 8000000);
    assert_int_equal(pusd(price, COUNTER_out_reasoning, priority), 8000000);
    assert_int_equal(pusd(price, COUNTER_in_text, priority), 1000000);
    assert_int_equal(pusd(price, COUNTER_in_cached, priority), 500000);
    assert_int_equal(pusd(price, COUNTER_out_text, flex), 4000000);
    assert_int_equal(pusd(price, COUNTER_out_text, any), 4000000);
    priority.input_tokens = 101;
    assert_int_equal(pusd(price, COUNTER_in_text, priority), 3000000);
}

static void price_find_most_specific_quality_and_size_wins(void **state)
{
    (void)state;
    struct table table;
    const struct price *price = price_of(
        &table, (const char *const[]){"images 1 per image", "images 2 per image quality=high",
                                      "images 3 per image quality=high size=1x1",
                                      "images 5 per image size=2x2 tier=batch", NULL});
    struct price_match match = {.quality = STR("high"), .size = STR("1x1")};
    assert_int_equal(pusd(price, COUNTER_images, match), INT64_C(3000000000000));
    match.size = STR("9x9");
    assert_int_equal(pusd(price, COUNTER_images, match), INT64_C(2000000000000));
    match.quality = STR("low");
    assert_int_equal(pusd(price, COUNTER_images, match), INT64_C(1000000000000));
    match = (struct price_match){.size = STR("2x2"), .tier = STR("batch"), .quality = STR("high")};
    assert_int_equal(pusd(price, COUNTER_images, match), INT64_C(5000000000000));
    /* A tier goes before quality and size together. */
    price = price_of(&table, (const char *const[]){"images 3 per image quality=high size=1x1",
                                                   "images 4 per image tier=batch", NULL});
    match.size = STR("1x1");
    assert_int_equal(pusd(price, COUNTER_images, match), INT64_C(4000000000000));
}

static void price_find_without_rate_is_null(void **state)
{
    (void)state;
    struct table table;
    const struct price *price =
        price_of(&table, (const char *const[]){"images 1 per image size=1x1", NULL});
    assert_null(price_find(price, COUNTER_audio_ms, &any));
    assert_null(price_find(price, COUNTER_images, &any));
    assert_null(price_find(price, COUNTER_in_cached, &any));
    assert_false(price_is_empty(price));
}

static void price_find_dearest_of_what_is_left_open(void **state)
{
    (void)state;
    struct table table;
    const struct price *price = price_of(
        &table, (const char *const[]){"images 2 per image size=1x1", "images 9 per image size=2x2",
                                      "images 4 per image size=1x1 quality=high", NULL});
    struct price_match match = {.dearest = true};
    assert_int_equal(pusd(price, COUNTER_images, match), INT64_C(9000000000000));
    match.size = STR("auto");
    assert_int_equal(pusd(price, COUNTER_images, match), INT64_C(9000000000000));
    match.size = STR("1x1");
    assert_int_equal(pusd(price, COUNTER_images, match), INT64_C(4000000000000));
    match.quality = STR("low");
    assert_int_equal(pusd(price, COUNTER_images, match), INT64_C(2000000000000));
    match.size = STR("3x3");
    assert_null(price_find(price, COUNTER_images, &match));
}

static void price_names_counters_with_any_rate_or_fallback(void **state)
{
    (void)state;
    struct table table;
    const struct price *price = price_of(
        &table, (const char *const[]){"images 2 per image size=1x1", "in_text 1 per token", NULL});
    assert_true(price_names(price, COUNTER_images));
    assert_true(price_names(price, COUNTER_in_cached)); /* charged as in_text */
    assert_false(price_names(price, COUNTER_out_image));
    assert_false(price_names(price, COUNTER_characters));
}

static void usd_round_trip_and_limits(void **state)
{
    (void)state;
    int64_t nusd = -1;
    char text[USD_TEXT_SIZE];
    assert_true(usd_parse(STR("12"), &nusd));
    assert_int_equal(nusd, INT64_C(12000000000));
    assert_true(usd_parse(STR("0.000001"), &nusd));
    assert_int_equal(nusd, 1000);
    assert_true(usd_parse(STR("9223372036"), &nusd));
    assert_false(usd_parse(STR("9223372037"), &nusd));
    assert_false(usd_parse(STR("0.0000000001"), &nusd));
    assert_false(usd_parse(STR("-1"), &nusd));
    assert_false(usd_parse(STR(""), &nusd));
    assert_false(usd_parse(STR("1."), &nusd));
    assert_false(usd_parse(STR("1 "), &nusd));
    usd_format(INT64_C(-12345678901), text);
    assert_string_equal(text, "-12.345678901");
    usd_format(1, text);
    assert_string_equal(text, "0.000000001");
    usd_format(INT64_MIN, text);
    assert_string_equal(text, "-9223372036.854775808");
}

static void ratio_parse_limits(void **state)
{
    (void)state;
    uint32_t ppm = 7;
    assert_true(ratio_parse(STR("0.8"), &ppm));
    assert_int_equal(ppm, 800000);
    assert_true(ratio_parse(STR("0.1714"), &ppm));
    assert_int_equal(ppm, 171400);
    assert_true(ratio_parse(STR("1000"), &ppm));
    assert_int_equal(ppm, 1000000000);
    assert_true(ratio_parse(STR("0"), &ppm));
    assert_int_equal(ppm, 0);
    assert_false(ratio_parse(STR("1000.000001"), &ppm));
    assert_false(ratio_parse(STR("0.0000001"), &ppm));
    assert_false(ratio_parse(STR("1e3"), &ppm));
    assert_int_equal(ppm, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rate_parse_documented_lines_give_exact_pico),
        cmocka_unit_test(rate_parse_options_are_kept),
        cmocka_unit_test(rate_parse_inexact_rounds_half_up_and_says_so),
        cmocka_unit_test(rate_parse_mistakes_point_at_the_word),
        cmocka_unit_test(rate_show_reads_back_to_the_same_rate),
        cmocka_unit_test(counter_fallback_ends_and_stays_on_its_side),
        cmocka_unit_test(price_find_above_moves_from_n_plus_one),
        cmocka_unit_test(price_find_tier_falls_back_to_base_per_counter),
        cmocka_unit_test(price_find_most_specific_quality_and_size_wins),
        cmocka_unit_test(price_find_without_rate_is_null),
        cmocka_unit_test(price_find_dearest_of_what_is_left_open),
        cmocka_unit_test(price_names_counters_with_any_rate_or_fallback),
        cmocka_unit_test(usd_round_trip_and_limits),
        cmocka_unit_test(ratio_parse_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
