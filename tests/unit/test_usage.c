#include "relay/usage.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "usage_read.h"

static struct usage merged(const char *json)
{
    struct usage usage = {0};
    usage_read(&usage, str_of(json));
    return usage;
}

static bool counted(const char *json, enum usage_dialect dialect, struct counters *counters,
                    unsigned *flags)
{
    struct usage usage = merged(json);
    memset(counters, 0, sizeof *counters);
    *flags = 0;
    return usage_counters(&usage, dialect, COUNTER_out_text, counters, flags);
}

static void usage_never_given_is_no_report(void **state)
{
    (void)state;
    struct usage usage = {0};
    struct counters c = {{7}};
    unsigned flags = 0;
    assert_false(usage_counters(&usage, USAGE_OPENAI, COUNTER_out_text, &c, &flags));
    usage_read(&usage, STR("null"));
    assert_false(usage.seen);
    assert_false(usage_counters(&usage, USAGE_OPENAI, COUNTER_out_text, &c, &flags));
    usage_read(&usage, STR("{\"queue_time\":0.03,\"prompt_tokens\":null}"));
    assert_true(usage.seen);
    assert_false(usage_counters(&usage, USAGE_OPENAI, COUNTER_out_text, &c, &flags));
    assert_int_equal(c.n[0], 7);
    assert_int_equal(flags, 0);
}

static void usage_with_wrong_number_is_bad(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{\"prompt_tokens\":75.67,\"completion_tokens\":1}",
        "{\"prompt_tokens\":1,\"completion_tokens\":-1}",
        "{\"prompt_tokens\":\"12\",\"completion_tokens\":1}",
        "{\"prompt_tokens\":true,\"completion_tokens\":1}",
        "{\"prompt_tokens\":1099511627776}",
        "{\"prompt_tokens\":18446744073686646784}",
        "{\"prompt_tokens\":1e400}",
        "{\"prompt_tokens\":1,\"prompt_tokens_details\":{\"cached_tokens\":-3}}",
        "{\"prompt_tokens\":1,\"cached_tokens\":0.5}",
        "{\"input_tokens\":1,\"cache_creation\":{\"ephemeral_1h_input_tokens\":1.5}}",
        "{\"type\":\"duration\",\"seconds\":-1}",
        "{\"type\":\"duration\"}",
        "[]",
        "12",
        "{\"prompt_tokens\":{}}",
        "{\"prompt_tokens\":[5]}",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct counters c;
        unsigned flags;
        assert_true(merged(cases[i]).seen);
        assert_true(merged(cases[i]).bad);
        assert_false(counted(cases[i], USAGE_OPENAI, &c, &flags));
        assert_int_equal(flags, ENTRY_FLAG(bad_usage));
    }
}

static void usage_with_whole_real_is_taken(void **state)
{
    (void)state;
    struct counters c;
    unsigned flags;
    assert_true(counted("{\"prompt_tokens\":13.0,\"completion_tokens\":1e3,\"queue_time\":0.5}",
                        USAGE_OPENAI, &c, &flags));
    assert_int_equal(c.n[COUNTER_in_text], 13);
    assert_int_equal(c.n[COUNTER_out_text], 1000);
    assert_true(counted("{\"prompt_tokens\":1099511627775,\"note\":\"\\u0000\"}", USAGE_OPENAI, &c,
                        &flags));
    assert_true(c.n[COUNTER_in_text] == COUNTER_MAX - 1);
}

/* The first of the known places wins, wherever it stands in the object; of one place, the last. */
static void usage_takes_the_first_place_in_any_order(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{\"prompt_tokens\":7,\"input_tokens\":9}",
        "{\"input_tokens\":9,\"prompt_tokens\":7}",
        "{\"prompt_tokens\":1,\"prompt_tokens\":7}",
        "{\"prompt_tok\\u0065ns\":7,\"x\":{\"prompt_tokens\":9},\"prompt_tokens_details\":null}",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct counters c;
        unsigned flags;
        assert_true(counted(cases[i], USAGE_OPENAI, &c, &flags));
        assert_int_equal(c.n[COUNTER_in_text], 7);
    }
}

static void usage_duration_is_read_in_any_order(void **state)
{
    (void)state;
    struct counters c;
    unsigned flags;
    assert_true(counted("{\"seconds\":12.3454,\"type\":\"duration\"}", USAGE_OPENAI, &c, &flags));
    assert_int_equal(c.n[COUNTER_audio_ms], 12345);
    assert_false(counted("{\"seconds\":12,\"type\":\"tokens\"}", USAGE_OPENAI, &c, &flags));
}

static void usage_bad_object_stays_bad_after_a_good_one(void **state)
{
    (void)state;
    struct usage usage = merged("{\"prompt_tokens\":5,\"completion_tokens\":-1}");
    usage_read(&usage, STR("{\"prompt_tokens\":5,\"completion_tokens\":6}"));
    struct counters c;
    unsigned flags = 0;
    assert_false(usage_counters(&usage, USAGE_OPENAI, COUNTER_out_text, &c, &flags));
    assert_int_equal(flags, ENTRY_FLAG(bad_usage));
}

static void usage_chat_is_split_exactly(void **state)
{
    (void)state;
    struct counters c;
    unsigned flags;
    assert_true(counted("{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5,"
                        "\"prompt_tokens_details\":{\"cached_tokens\":2},"
                        "\"completion_tokens_details\":{\"reasoning_tokens\":1}}",
                        USAGE_OPENAI, &c, &flags));
    assert_int_equal(c.n[COUNTER_in_text], 1);
    assert_int_equal(c.n[COUNTER_in_cached], 2);
    assert_int_equal(c.n[COUNTER_out_text], 1);
    assert_int_equal(c.n[COUNTER_out_reasoning], 1);
    assert_int_equal(counters_input(&c), 3);
    assert_int_equal(counters_output(&c), 2);
    assert_int_equal(flags, 0);
}

static void usage_reasoning_on_top_is_added(void **state)
{
    (void)state;
    static const char xai[] = "{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":9,"
                              "\"completion_tokens_details\":{\"reasoning_tokens\":4}}";
    struct counters c;
    unsigned flags;
    assert_true(counted(xai, USAGE_OPENAI, &c, &flags));
    assert_int_equal(counters_output(&c), 6);
    assert_int_equal(flags, 0);
    assert_true(counted("{\"prompt_tokens\":3,\"completion_tokens\":2,\"reasoning_tokens\":4}",
                        USAGE_OPENAI, &c, &flags));
    assert_int_equal(counters_output(&c), 6);
    assert_int_equal(flags, ENTRY_FLAG(reasoning_gt_output));
}

static void usage_without_total_follows_the_dialect(void **state)
{
    (void)state;
    static const char json[] = "{\"prompt_tokens\":10,\"completion_tokens\":5,"
                               "\"completion_tokens_details\":{\"reasoning_tokens\":3}}";
    struct counters c;
    unsigned flags;
    assert_true(counted(json, USAGE_XAI, &c, &flags));
    assert_int_equal(counters_output(&c), 8);
    assert_true(counted(json, USAGE_OPENAI, &c, &flags));
    assert_int_equal(counters_output(&c), 5);
    assert_int_equal(flags, 0);
}

static void usage_by_duration_is_rounded_to_the_millisecond(void **state)
{
    (void)state;
    struct counters c;
    unsigned flags;
    assert_true(counted("{\"type\":\"duration\",\"seconds\":12.3456}", USAGE_OPENAI, &c, &flags));
    assert_int_equal(c.n[COUNTER_audio_ms], 12346);
    assert_int_equal(counters_input(&c), 0);
}

static void usage_cached_is_found_in_every_dialect(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{\"prompt_tokens\":10,\"prompt_tokens_details\":{\"cached_tokens\":4}}",
        "{\"input_tokens\":10,\"input_tokens_details\":{\"cached_tokens\":4}}",
        "{\"input_tokens\":10,\"input_token_details\":{\"cached_tokens\":4}}",
        "{\"prompt_tokens\":10,\"prompt_token_details\":{\"cached_tokens\":4}}",
        "{\"prompt_tokens\":10,\"cached_tokens\":4}",
        "{\"prompt_tokens\":10,\"prompt_cache_hit_tokens\":4,\"prompt_cache_miss_tokens\":6}",
        "{\"prompt_cache_hit_tokens\":4,\"prompt_cache_miss_tokens\":6}",
        "{\"prompt_tokens\":10,\"num_cached_tokens\":4}",
        "{\"prompt_tokens\":10,\"cache_read_input_tokens\":4}",
        "{\"prompt_tokens\":10,\"cache_n\":4,\"predicted_ms\":12.5}",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct counters c;
        unsigned flags;
        assert_true(counted(cases[i], USAGE_OPENAI, &c, &flags));
        assert_int_equal(c.n[COUNTER_in_cached], 4);
        assert_int_equal(c.n[COUNTER_in_text], 6);
    }
}

static void usage_cached_without_split_is_text_then_image_then_audio(void **state)
{
    (void)state;
    struct counters c;
    unsigned flags;
    assert_true(counted("{\"input_tokens\":30,\"input_token_details\":{\"audio_tokens\":10,"
                        "\"image_tokens\":10,\"cached_tokens\":25}}",
                        USAGE_OPENAI, &c, &flags));
    assert_int_equal(c.n[COUNTER_in_cached], 10);
    assert_int_equal(c.n[COUNTER_in_image_cached], 10);
    assert_int_equal(c.n[COUNTER_in_audio_cached], 5);
    assert_int_equal(c.n[COUNTER_in_audio], 5);
    assert_int_equal(counters_input(&c), 30);
    assert_true(counted("{\"input_tokens\":30,\"input_token_details\":{\"audio_tokens\":10,"
                        "\"image_tokens\":10,\"cached_tokens\":12,\"cached_tokens_details\":"
                        "{\"audio_tokens\":8,\"text_tokens\":4}}}",
                        USAGE_OPENAI, &c, &flags));
    assert_int_equal(c.n[COUNTER_in_audio_cached], 8);
    assert_int_equal(c.n[COUNTER_in_cached], 4);
    assert_int_equal(c.n[COUNTER_in_image_cached], 0);
    assert_int_equal(counters_input(&c), 30);
}

static void usage_prompt_missing_comes_from_the_total(void **state)
{
    (void)state;
    struct counters c;
    unsigned flags;
    assert_true(counted("{\"completion_tokens\":4,\"total_tokens\":10}", USAGE_OPENAI, &c, &flags));
    assert_int_equal(c.n[COUNTER_in_text], 6);
    assert_false(
        counted("{\"completion_tokens\":11,\"total_tokens\":10}", USAGE_OPENAI, &c, &flags));
    assert_int_equal(flags, ENTRY_FLAG(bad_usage));
}

static void usage_total_that_is_no_sum_is_flagged(void **state)
{
    (void)state;
    struct counters c;
    unsigned flags;
    assert_true(counted("{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":9}",
                        USAGE_OPENAI, &c, &flags));
    assert_int_equal(flags, ENTRY_FLAG(total_mismatch));
    assert_int_equal(counters_output(&c), 4);
}

static void usage_of_cohere_takes_what_is_billed(void **state)
{
    (void)state;
    struct counters c;
    unsigned flags;
    assert_true(counted("{\"tokens\":{\"input_tokens\":500,\"output_tokens\":9},"
                        "\"billed_units\":{\"input_tokens\":7,\"output_tokens\":8}}",
                        USAGE_OPENAI, &c, &flags));
    assert_int_equal(c.n[COUNTER_in_text], 7);
    assert_int_equal(c.n[COUNTER_out_text], 8);
}

static void usage_of_image_output_without_details_is_image(void **state)
{
    (void)state;
    struct usage usage = merged("{\"input_tokens\":5,\"output_tokens\":100}");
    struct counters c;
    unsigned flags = 0;
    assert_true(usage_counters(&usage, USAGE_OPENAI, COUNTER_out_image, &c, &flags));
    assert_int_equal(c.n[COUNTER_out_image], 100);
    usage_read(&usage, STR("{\"output_tokens_details\":{\"image_tokens\":90}}"));
    assert_true(usage_counters(&usage, USAGE_OPENAI, COUNTER_out_image, &c, &flags));
    assert_int_equal(c.n[COUNTER_out_image], 90);
    assert_int_equal(c.n[COUNTER_out_text], 10);
}

static int64_t beside(enum jspan_type type, const char *seconds)
{
    struct usage usage = {0};
    struct jspan_value value = {.type = type, .text = str_of(seconds)};
    usage_note_seconds(&usage, &value);
    return usage.beside_ms;
}

static void usage_takes_seconds_beside_it_where_it_has_none(void **state)
{
    (void)state;
    struct usage usage = merged("{\"input_tokens\":5,\"output_tokens\":7}");
    struct counters c;
    unsigned flags = 0;
    usage.beside_ms = beside(JSPAN_NUMBER, "8.470000267028809");
    assert_true(usage_counters(&usage, USAGE_OPENAI, COUNTER_out_text, &c, &flags));
    assert_int_equal(c.n[COUNTER_audio_ms], 8470);
    assert_int_equal(c.n[COUNTER_in_text], 5);
    usage_read(&usage, STR("{\"type\":\"duration\",\"seconds\":9}"));
    assert_true(usage_counters(&usage, USAGE_OPENAI, COUNTER_out_text, &c, &flags));
    assert_int_equal(c.n[COUNTER_audio_ms], 9000);
    usage = (struct usage){.beside_ms = 1};
    assert_true(usage_counters(&usage, USAGE_OPENAI, COUNTER_out_text, &c, &flags));
    assert_int_equal(c.n[COUNTER_audio_ms], 1);
    assert_int_equal(flags, 0);
}

static void usage_takes_seconds_also_in_quotes(void **state)
{
    (void)state;
    assert_int_equal(beside(JSPAN_NUMBER, "3"), 3000);
    assert_int_equal(beside(JSPAN_NUMBER, "0.0005"), 1);
    assert_int_equal(beside(JSPAN_NUMBER, "1.5e1"), 15000);
    assert_int_equal(beside(JSPAN_STRING, "8.47"), 8470);
    assert_int_equal(beside(JSPAN_NUMBER, "-1"), 0);
    assert_int_equal(beside(JSPAN_NUMBER, "1e300"), 0);
    static const char *const wrong[] = {"", "-1", "x", " 3", "00:00:03", "0x10", "inf", "nan"};
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_int_equal(beside(JSPAN_STRING, wrong[i]), 0);
    assert_int_equal(beside(JSPAN_NULL, "3"), 0);
    assert_int_equal(beside(JSPAN_TRUE, "3"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage_never_given_is_no_report),
        cmocka_unit_test(usage_with_wrong_number_is_bad),
        cmocka_unit_test(usage_with_whole_real_is_taken),
        cmocka_unit_test(usage_takes_the_first_place_in_any_order),
        cmocka_unit_test(usage_duration_is_read_in_any_order),
        cmocka_unit_test(usage_bad_object_stays_bad_after_a_good_one),
        cmocka_unit_test(usage_chat_is_split_exactly),
        cmocka_unit_test(usage_reasoning_on_top_is_added),
        cmocka_unit_test(usage_without_total_follows_the_dialect),
        cmocka_unit_test(usage_by_duration_is_rounded_to_the_millisecond),
        cmocka_unit_test(usage_cached_is_found_in_every_dialect),
        cmocka_unit_test(usage_cached_without_split_is_text_then_image_then_audio),
        cmocka_unit_test(usage_prompt_missing_comes_from_the_total),
        cmocka_unit_test(usage_total_that_is_no_sum_is_flagged),
        cmocka_unit_test(usage_of_cohere_takes_what_is_billed),
        cmocka_unit_test(usage_of_image_output_without_details_is_image),
        cmocka_unit_test(usage_takes_seconds_beside_it_where_it_has_none),
        cmocka_unit_test(usage_takes_seconds_also_in_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
