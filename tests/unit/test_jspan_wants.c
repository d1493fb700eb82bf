#include "tests/unit/jspan_record.h"

/* --- matching --------------------------------------------------------------------------------- */

static void want_top_level_members_are_reported_with_spans(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{"model"}, 0}, {{"n"}, 0},    {{"stream"}, 0},
                                              {{"list"}, 0},  {{"none"}, 0}, {{"o"}, 0}};
    assert_string_equal(VALUES(wants,
                               "{\"model\":\"gpt\",\"x\":[{\"model\":1}],\"n\": 12 ,"
                               "\"stream\":true,\"list\":[1,[2,3]],\"o\":{\"a\":1,\"b\":2}}"),
                        "0 string 9-14 3 'gpt';1 number 38-40 0 '12';2 true 51-55 0;"
                        "3 array 63-72 2;5 object 77-90 2;");
    assert_string_equal(VALUES(wants, "{\"n\":null,\"stream\":false,\"list\":[],\"o\":{}}"),
                        "1 null 5-9 0;2 false 19-24 0;3 array 32-34 0;5 object 39-41 0;");
    assert_string_equal(VALUES(wants, "[{\"model\":1}]"), "");
    assert_string_equal(VALUES(wants, "{\"mode\":1,\"models\":2,\"Model\":3,\"\":4}"), "");
}

static void want_that_is_not_finished_is_not_reported(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{"a"}, 0}};
    static const char *const docs[] = {"{\"a\":1", "{\"a\":tru", "{\"a\":\"x", "{\"a\":[1",
                                       "{\"a\":-}"};
    struct job job = {wants, 1, 0};
    for (size_t i = 0; i < COUNT(docs); i++) {
        scan(&job, str_of(docs[i]), &result);
        assert_false(result.complete);
        assert_string_equal(result.values, "");
    }
}

static void want_of_root_is_the_whole_value(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{NULL}, 0}, {{"a"}, 0}};
    assert_string_equal(VALUES(wants, " {\"a\":[1],\"b\":2} "), "1 array 6-9 1;0 object 1-16 2;");
    assert_string_equal(VALUES(wants, "\"x\""), "0 string 0-3 1 'x';");
    assert_string_equal(VALUES(wants, " null"), "0 null 1-5 0;");
    assert_string_equal(VALUES(wants, "-1.5e3 "), "0 number 0-6 0 '-1.5e3';");
}

static void want_of_container_and_its_inside_are_both_reported(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{"stream_options"}, 0},
                                              {{"stream_options", "include_usage"}, 0},
                                              {{"a", "b", "c", "d"}, 0}};
    assert_string_equal(
        VALUES(wants, "{\"stream_options\":{\"include_usage\":true,\"z\":0},\"include_usage\":1}"),
        "1 true 35-39 0;0 object 18-46 2;");
    assert_string_equal(VALUES(wants, "{\"stream_options\":null}"), "0 null 18-22 0;");
    assert_string_equal(VALUES(wants, "{\"stream_options\":[\"include_usage\",true]}"),
                        "0 array 18-40 2;");
    assert_string_equal(VALUES(wants, "{\"a\":{\"b\":{\"c\":{\"d\":{\"d\":1},\"c\":2}},\"c\":0}}"),
                        "2 object 20-27 1;");
    /* The same names one level off are others. */
    assert_string_equal(VALUES(wants, "{\"x\":{\"a\":{\"b\":{\"c\":{\"d\":1}}}},\"b\":{\"c\":1}}"),
                        "");
}

static void want_at_the_deepest_level_counts_its_members(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{"a", "b", "c", "d"}, 0}};
    assert_string_equal(VALUES(wants, "{\"a\":{\"b\":{\"c\":{\"d\":[1,[2,2],{\"q\":3}]}}}}"),
                        "0 array 20-37 3;");
}

static void want_elements_match_arrays_only(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {
        {{"choices"}, 0}, {{"choices", "[]", "finish_reason"}, 0}, {{"choices", "[]"}, 0}};
    assert_string_equal(VALUES(wants, "{\"choices\":[{\"finish_reason\":\"stop\"},7,"
                                      "[{\"finish_reason\":1}],{\"a\":{\"finish_reason\":2}}]}"),
                        "1 string 29-35 4 'stop';2 object 12-36 1;2 number 37-38 0 '7';"
                        "2 array 39-60 1;2 object 61-86 1;0 array 11-87 4;");
    assert_string_equal(VALUES(wants, "{\"choices\":{\"[]\":{\"finish_reason\":1}}}"),
                        "0 object 11-37 1;");
    static const struct jspan_want roots[] = {{{"[]"}, 0}, {{"[]", "[]"}, 0}};
    assert_string_equal(VALUES(roots, "[1,[2],\"x\"]"),
                        "0 number 1-2 0 '1';1 number 4-5 0 '2';0 array 3-6 1;0 string 7-10 1 'x';");
}

static void want_duplicate_members_are_each_reported(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{"model"}, 0}, {{"model"}, 0}};
    assert_string_equal(VALUES(wants, "{\"model\":1,\"model\":2}"),
                        "0 number 9-10 0 '1';1 number 9-10 0 '1';"
                        "0 number 19-20 0 '2';1 number 19-20 0 '2';");
}

static void key_spelled_with_escapes_matches(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {
        {{"model"}, 0}, {{"\xf0\x9f\x98\x80"}, 0}, {{"a\"/\n"}, 0}, {{"\xef\xbf\xbdx"}, 0}};
    assert_string_equal(VALUES(wants, "{\"\\u006dod\\u0065l\":1,\"\\ud83d\\ude00\":2}"),
                        "0 number 19-20 0 '1';1 number 36-37 0 '2';");
    assert_string_equal(VALUES(wants, "{\"a\\\"\\/\\n\":1}"), "2 number 11-12 0 '1';");
    assert_string_equal(VALUES(wants, "{\"\\ud83dx\":1,\"\\ude00x\":2}"),
                        "3 number 11-12 0 '1';3 number 23-24 0 '2';");
    assert_string_equal(VALUES(wants, "{\"model\\u0000\":1,\"\\u0000model\":2}"), "");
}

static void key_beyond_the_buffer_never_matches(void **state)
{
    (void)state;
    char name[65], doc[512];
    memset(name, 'k', 64);
    name[64] = '\0';
    const struct jspan_want wants[] = {{{name}, 0}};
    snprintf(doc, sizeof doc, "{\"%s\":1}", name);
    assert_string_equal(VALUES(wants, doc), "0 number 68-69 0 '1';");
    snprintf(doc, sizeof doc, "{\"%sk\":1}", name);
    assert_string_equal(VALUES(wants, doc), "");
    snprintf(doc, sizeof doc, "{\"%.64s%.64s%.64s%.64s%.64s\":1}", name, name, name, name, name);
    assert_string_equal(VALUES(wants, doc), "");
}

static void policy_key_of_other_case_is_reported_as_such(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{"model"}, JSPAN_POLICY},
                                              {{"stream_options", "include_usage"}, JSPAN_POLICY},
                                              {{"size"}, 0},
                                              {{"o"}, JSPAN_POLICY}};
    assert_string_equal(VALUES(wants, "{\"Model\":\"x\",\"model\":\"y\",\"MODE\\u004c\":[1]}"),
                        "0 string 9-12 1 'x' other-case;0 string 21-24 1 'y';"
                        "0 array 38-41 1 other-case;");
    assert_string_equal(VALUES(wants, "{\"Size\":1,\"Stream_options\":{\"include_usage\":true},"
                                      "\"stream_options\":{\"Include_usage\":true}}"),
                        "");
    /* An inner key does not disturb what is known of the top-level one. */
    assert_string_equal(VALUES(wants, "{\"O\":{\"o\":1,\"model\":2},\"o\":3}"),
                        "3 object 5-22 2 other-case;3 number 27-28 0 '3';");
    assert_string_equal(VALUES(wants, "[{\"Model\":1}]"), "");
    assert_string_equal(VALUES(wants, "{\"x\":{\"Model\":1}}"), "");
    /* Only ASCII letters have a case: '[' is no '{', K (Kelvin sign) no k. */
    static const struct jspan_want odd[] = {{{"k["}, JSPAN_POLICY}};
    assert_string_equal(VALUES(odd, "{\"k{\":1,\"\xe2\x84\xaa[\":2,\"K[\":3}"),
                        "0 number 22-23 0 '3' other-case;");
}

/* --- values ----------------------------------------------------------------------------------- */

static void text_is_decoded(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{"a"}, 0}};
    assert_string_equal(
        VALUES(wants, "{\"a\":\"x\\\"\\\\\\/"
                      "\\n\\t\\b\\f\\r\\u0041\\u00e9\\u4f60\\ud83d\\ude00\xe5\xa5\xbd\"}"),
        "0 string 5-57 22 'x\"\\/\n\t\b\f\rA\xc3\xa9\xe4\xbd\xa0\xf0\x9f\x98\x80\xe5\xa5\xbd';");
}

static void text_lone_surrogate_is_replacement_character(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{"a"}, 0}};
    static const struct {
        const char *spelled, *decoded;
    } cases[] = {{"\\ud83d", "\xef\xbf\xbd"},
                 {"\\ude00", "\xef\xbf\xbd"},
                 {"\\ud83dx", "\xef\xbf\xbdx"},
                 {"\\ud83d\\n", "\xef\xbf\xbd\n"},
                 {"\\ud83d\\u0041", "\xef\xbf\xbd"
                                    "A"},
                 {"\\ude00\\ud83d", "\xef\xbf\xbd\xef\xbf\xbd"},
                 {"\\ud83d\\ud83d\\ude00", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
                 {"\\ud83d\xe4\xbd\xa0\\ude00", "\xef\xbf\xbd\xe4\xbd\xa0\xef\xbf\xbd"},
                 {"\\udbff\\udfff", "\xf4\x8f\xbf\xbf"},
                 {"\\ud800\\udc00", "\xf0\x90\x80\x80"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char doc[64], expected[64];
        int n = snprintf(doc, sizeof doc, "{\"a\":\"%s\"}", cases[i].spelled);
        snprintf(expected, sizeof expected, "0 string 5-%d %zu '%s';", n - 1,
                 strlen(cases[i].decoded), cases[i].decoded);
        assert_string_equal(VALUES(wants, doc), expected);
    }
}

static struct jspan_value seen;
static char seen_text[JSPAN_TEXT_MAX];

static void keep_value(void *context, const struct jspan_value *value)
{
    (void)context;
    seen = *value;
    memcpy(seen_text, value->text.p, value->text.n);
    seen.text.p = seen_text;
}

static void scan_one(const char *doc)
{
    static const struct jspan_want wants[] = {{{"a"}, 0}};
    struct jspan_sink sink = {.value = keep_value};
    struct jspan_plan plan;
    jspan_plan_init(&plan, wants, 1);
    struct jspan *js = jspan_new(&plan, &sink, 0);
    memset(&seen, 0, sizeof seen);
    assert_int_equal(feed(js, doc, strlen(doc)), JSPAN_DONE);
    jspan_free(&js);
}

static void text_nul_escape_is_one_byte(void **state)
{
    (void)state;
    scan_one("{\"a\":\"x\\u0000y\"}");
    assert_int_equal(seen.count, 3);
    assert_memory_equal(seen.text.p, "x\0y", 3);
}

static void text_longer_than_its_ceiling_is_cut(void **state)
{
    (void)state;
    char text[600], doc[640];
    memset(text, 'q', sizeof text);
    for (size_t n = 511; n <= 513; n++) {
        snprintf(doc, sizeof doc, "{\"a\":\"%.*s\"}", (int)n, text);
        scan_one(doc);
        assert_int_equal(seen.count, n);
        assert_int_equal(seen.text.n, n < 512 ? n : 512);
        assert_int_equal(seen.text_cut, n > 512);
        memset(text, '7', sizeof text);
        snprintf(doc, sizeof doc, "{\"a\":%.*s}", (int)n, text);
        scan_one(doc);
        assert_int_equal(seen.type, JSPAN_NUMBER);
        assert_int_equal(seen.text.n, n < 512 ? n : 512);
        assert_int_equal(seen.text_cut, n > 512);
    }
}

static void u64_takes_plain_whole_numbers_only(void **state)
{
    (void)state;
    static const struct {
        const char *spelled;
        bool ok;
        uint64_t n;
    } cases[] = {{"0", true, 0},
                 {"7", true, 7},
                 {"1000", true, 1000},
                 {"1001", false, 0},
                 {"-1", false, 0},
                 {"-0", false, 0},
                 {"1.0", false, 0},
                 {"1e2", false, 0},
                 {"\"3\"", false, 0},
                 {"true", false, 0},
                 {"null", false, 0},
                 {"[1]", false, 0},
                 {"18446744073709551616", false, 0}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char doc[64];
        uint64_t n = 99;
        snprintf(doc, sizeof doc, "{\"a\":%s}", cases[i].spelled);
        scan_one(doc);
        assert_int_equal(jspan_value_u64(&seen, 1000, &n), cases[i].ok);
        assert_int_equal(n, cases[i].ok ? cases[i].n : 99);
    }
}

/* --- copies ----------------------------------------------------------------------------------- */

static void copy_is_the_bytes_of_the_value(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{"usage"}, JSPAN_COPY}, {{"n"}, JSPAN_COPY}};
    assert_string_equal(
        VALUES(wants, "{\"x\":1,\"usage\": {\"a\" : [1,\"\\u0041\"]} ,\"n\":-1.5e3}"),
        "0 object 16-36 1 <{\"a\" : [1,\"\\u0041\"]}>;"
        "1 number 42-48 0 '-1.5e3' <-1.5e3>;");
    assert_string_equal(VALUES(wants, "{\"usage\":null,\"usage\":\"s\"}"),
                        "0 null 9-13 0 <null>;0 string 22-25 1 's' <\"s\">;");
}

static void copy_inside_a_copy_shares_its_bytes(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {
        {{"r"}, JSPAN_COPY}, {{"r", "usage"}, JSPAN_COPY}, {{"r", "id"}, 0}};
    assert_string_equal(
        VALUES(wants, "{\"r\":{\"usage\":{\"n\":1},\"id\":\"x\",\"usage\":2}}"),
        "1 object 14-21 1 <{\"n\":1}>;2 string 27-30 1 'x';1 number 39-40 0 '2' <2>;"
        "0 object 5-41 3 <{\"usage\":{\"n\":1},\"id\":\"x\",\"usage\":2}>;");
}

static void copy_beyond_the_ceiling_is_cut(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{"a"}, JSPAN_COPY}, {{"a", "b"}, JSPAN_COPY}};
    struct job job = {wants, 2, 9};
    scan(&job, STR("{\"a\":\"1234567\",\"a\":\"12345678\",\"a\":1}"), &result);
    assert_string_equal(result.values, "0 string 5-14 7 '1234567' <\"1234567\">;"
                                       "0 string 19-29 8 '12345678' raw-cut;"
                                       "0 number 34-35 0 '1' <1>;");
    /* Once the outer copy is lost, so is what follows inside it. */
    job.copy_max = 8;
    scan(&job, STR("{\"a\":{\"b\":1,\"b\":2}}"), &result);
    assert_string_equal(result.values, "1 number 10-11 0 '1' <1>;1 number 16-17 0 '2' raw-cut;"
                                       "0 object 5-18 2 raw-cut;");
}

static void copy_with_a_ceiling_of_zero_is_always_cut(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{"a"}, JSPAN_COPY}};
    struct job job = {wants, 1, 0};
    scan(&job, STR("{\"a\":1}"), &result);
    assert_string_equal(result.values, "0 number 5-6 0 '1' raw-cut;");
}

/* --- texts ------------------------------------------------------------------------------------ */

static const char *texts_of(const struct jspan_want *wants, size_t n, const char *doc)
{
    values_of(wants, n, doc);
    return result.texts[0];
}

static void strings_are_given_with_the_name_above(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{"messages"}, JSPAN_STRINGS}};
    assert_string_equal(
        texts_of(wants, 1,
                 "{\"x\":\"no\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
                 "\"text\":\"a\\nb\\ud83d\\ude00\"},\"s\"],\"n\":12},\"t\"],\"y\":\"no\"}"),
        "|messages:role|role=user|messages:content|content:type|type=text|content:text|"
        "text=a\nb\xf0\x9f\x98\x80|content=s|messages:n|messages=t");
}

static void strings_that_are_empty_are_given_once(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{"m"}, JSPAN_STRINGS}};
    assert_string_equal(texts_of(wants, 1, "{\"m\":\"\"}"), "|m=");
    assert_string_equal(texts_of(wants, 1, "{\"m\":{\"\":\"\",\"a\":[\"\",\"\"]}}"),
                        "|m:|=|m:a|a=|a=");
}

static void strings_of_root_and_inner_wants_are_both_given(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {
        {{NULL}, JSPAN_STRINGS}, {{"b"}, JSPAN_STRINGS}, {{"c", "[]"}, JSPAN_STRINGS}};
    assert_string_equal(
        texts_of(
            wants, 3,
            "{\"a\":\"1\",\"b\":{\"d\":\"2\"},\"c\":[\"3\",{\"e\":[\"4\"]},\"5\"],\"b\":\"6\"}"),
        "|:a|a=1|:b|b:d|d=2|:c|c=3|c:e|e=4|c=5|:b|b=6");
    assert_string_equal(result.texts[1], "|b:d|d=2|b=6");
    assert_string_equal(result.texts[2], "|c=3|c:e|e=4|c=5");
    assert_string_equal(texts_of(wants, 1, "\"x\""), "|=x");
    assert_string_equal(texts_of(wants, 1, "[\"x\",[\"y\",{\"k\":\"v\"},\"z\"],\"w\"]"),
                        "|=x|=y|:k|k=v|=z|=w");
}

static void strings_end_with_their_want(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{"a", "b"}, JSPAN_STRINGS}, {{"a"}, 0}};
    assert_string_equal(
        texts_of(wants, 2, "{\"a\":{\"b\":[\"1\"],\"c\":[\"2\"],\"b\":\"3\"},\"b\":\"4\"}"),
        "|b=1|b=3");
}

static void strings_name_is_cut_at_32_bytes(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{"m"}, JSPAN_STRINGS}};
    assert_string_equal(
        texts_of(wants, 1, "{\"m\":{\"0123456789012345678901234567890123456789\":\"v\"}}"),
        "|m:0123456789012345678901234567890123456789|01234567890123456789012345678901=v");
}

static void strings_at_any_depth_have_their_own_name(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{NULL}, JSPAN_STRINGS}};
    for (int depth = 1; depth <= 40; depth++) {
        char doc[512], expected[32];
        size_t n = 0, closers = (size_t)depth;
        for (int i = 0; i < depth; i++)
            doc[n++] = '[';
        n += (size_t)snprintf(doc + n, sizeof doc - n,
                              "{\"k\":[{\"i\":\"1\"},\"2\"],\"l\":\"3\"},\"4\"");
        while (closers-- > 0)
            doc[n++] = ']';
        doc[n] = '\0';
        /* Members' own names are exact everywhere; only an array far down forgets the name of
         * its holder once an object inside it has ended. */
        const char *after = depth + 2 >= 16 ? "" : "k";
        snprintf(expected, sizeof expected, "|:k|%s:i|i=1|%s=2|:l|l=3|=4",
                 depth + 3 > 16 ? "" : "k", after);
        assert_string_equal(texts_of(wants, 1, doc), expected);
    }
}

static void strings_without_a_text_sink_are_skipped(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{"m"}, JSPAN_STRINGS}};
    memset(&result, 0, sizeof result);
    struct jspan_sink sink = {.value = record_value, .context = &result};
    struct jspan_plan plan;
    jspan_plan_init(&plan, wants, 1);
    struct jspan *js = jspan_new(&plan, &sink, 0);
    assert_int_equal(feed(js, "{\"m\":[\"a\",{\"b\":\"\"}]}", 20), JSPAN_DONE);
    assert_string_equal(result.values, "0 array 5-19 2;");
    jspan_free(&js);
}

static void inside_gives_every_value_with_its_path(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{"u"}, JSPAN_INSIDE}};
    assert_string_equal(
        VALUES(wants, "{\"n\":1,\"u\":{\"a\":1,\"b\":{\"c\":\"x\",\"d\":null}},\"m\":2}"),
        "a=0 number 16-17 0 '1';"
        "b=0 object 22-0 0;"
        "b/c=0 string 27-30 1 'x';"
        "b/d=0 null 35-39 0;"
        "0 object 11-41 2;");
    assert_string_equal(VALUES(wants, "{\"u\":{\"a\":[1,{\"b\":true}]}}"),
                        "a=0 array 10-0 0;a/a=0 number 11-12 0 '1';a/a=0 object 13-0 0;"
                        "a/a/b=0 true 18-22 0;0 object 5-25 1;");
    assert_string_equal(VALUES(wants, "{\"u\":5}"), "0 number 5-6 0 '5';");
}

static void inside_ends_at_its_depth(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{"r", "u"}, JSPAN_INSIDE}, {{"r"}, JSPAN_STRINGS}};
    assert_string_equal(
        VALUES(wants, "{\"r\":{\"u\":{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":1}}}}},\"v\":{\"w\":1}}}"),
        "a=0 object 15-0 0;a/b=0 object 20-0 0;a/b/c=0 object 25-0 0;"
        "a/b/c/d=0 object 30-0 0;0 object 10-41 1;1 object 5-54 2;");
}

static void wants_of_a_full_table_are_told_apart(void **state)
{
    (void)state;
    struct jspan_want wants[JSPAN_WANTS_MAX];
    char names[JSPAN_WANTS_MAX][8];
    for (size_t i = 0; i < JSPAN_WANTS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "k%zu", i);
        wants[i] = (struct jspan_want){{names[i]}, 0};
    }
    assert_string_equal(VALUES(wants, "{\"k63\":1,\"k0\":2,\"k64\":3,\"k31\":4}"),
                        "63 number 7-8 0 '1';0 number 14-15 0 '2';31 number 30-31 0 '4';");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(want_top_level_members_are_reported_with_spans),
        cmocka_unit_test(want_that_is_not_finished_is_not_reported),
        cmocka_unit_test(want_of_root_is_the_whole_value),
        cmocka_unit_test(want_of_container_and_its_inside_are_both_reported),
        cmocka_unit_test(want_at_the_deepest_level_counts_its_members),
        cmocka_unit_test(want_elements_match_arrays_only),
        cmocka_unit_test(want_duplicate_members_are_each_reported),
        cmocka_unit_test(key_spelled_with_escapes_matches),
        cmocka_unit_test(key_beyond_the_buffer_never_matches),
        cmocka_unit_test(policy_key_of_other_case_is_reported_as_such),
        cmocka_unit_test(text_is_decoded),
        cmocka_unit_test(text_lone_surrogate_is_replacement_character),
        cmocka_unit_test(text_nul_escape_is_one_byte),
        cmocka_unit_test(text_longer_than_its_ceiling_is_cut),
        cmocka_unit_test(u64_takes_plain_whole_numbers_only),
        cmocka_unit_test(copy_is_the_bytes_of_the_value),
        cmocka_unit_test(copy_inside_a_copy_shares_its_bytes),
        cmocka_unit_test(copy_beyond_the_ceiling_is_cut),
        cmocka_unit_test(copy_with_a_ceiling_of_zero_is_always_cut),
        cmocka_unit_test(strings_are_given_with_the_name_above),
        cmocka_unit_test(strings_that_are_empty_are_given_once),
        cmocka_unit_test(strings_of_root_and_inner_wants_are_both_given),
        cmocka_unit_test(strings_end_with_their_want),
        cmocka_unit_test(strings_name_is_cut_at_32_bytes),
        cmocka_unit_test(strings_at_any_depth_have_their_own_name),
        cmocka_unit_test(strings_without_a_text_sink_are_skipped),
        cmocka_unit_test(inside_gives_every_value_with_its_path),
        cmocka_unit_test(inside_ends_at_its_depth),
        cmocka_unit_test(wants_of_a_full_table_are_told_apart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
