/* The grammar and the life of a scanner; what it reports: test_jspan_wants.c. */
#include "tests/unit/jspan_record.h"

/* --- the grammar ------------------------------------------------------------------------------ */

static void grammar_legal_document_is_complete(void **state)
{
    (void)state;
    static const char *const docs[] = {
        "{}",
        "[]",
        "0",
        "-0",
        "12",
        "1.5",
        "1e5",
        "1E+5",
        "-1.25e-10",
        "0e0",
        "0.0",
        "true",
        "false",
        "null",
        "\"\"",
        "\"a\"",
        " {} ",
        "\t\n\r []\r\n",
        "[1,2]",
        "[1 , 2 ]",
        "[[],{},[[]]]",
        "{\"a\":1}",
        "{ \"a\" : 1 , \"b\" : [ ] }",
        "{\"a\":1,\"a\":2}",
        "{\"\":0}",
        "[123456789012345678901234567890,1e400,-1e-400]",
        "[0]",
        "[-1]",
        "[0.5,10,1e1]",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"\\uDC00\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud800\\ud800x\"",
        "{\"\\ud800\":\"\\udfff\"}",
        "\"\x7f\"",
        "\"\xc2\x80\"",
        "\"\xdf\xbf\"",
        "\"\xe0\xa0\x80\"",
        "\"\xed\x9f\xbf\"",
        "\"\xee\x80\x80\"",
        "\"\xef\xbf\xbf\"",
        "\"\xf0\x90\x80\x80\"",
        "\"\xf4\x8f\xbf\xbf\"",
        "[\"\xe4\xbd\xa0\xe5\xa5\xbd\",\"\xe4\xb8\x96\xe7\x95\x8c a\"]"};
    struct job job = {NULL, 0, 0};
    for (size_t i = 0; i < COUNT(docs); i++) {
        scan(&job, str_of(docs[i]), &result);
        if (!result.complete)
            fail_msg("refused: %s", docs[i]);
        assert_int_equal(result.offset, strlen(docs[i]));
    }
}

/* NOLINTNEXTLINE(readability-function-size): a table, and the loop that reads it. */
static void grammar_illegal_byte_is_bad_at_its_offset(void **state)
{
    (void)state;
    const struct {
        struct str doc;
        size_t offset;
    } cases[] = {{STR("\xef\xbb\xbf{}"), 0},
                 {STR("]"), 0},
                 {STR("}"), 0},
                 {STR("[}"), 1},
                 {STR("{]"), 1},
                 {STR("[1}"), 2},
                 {STR("{\"a\":1]"), 6},
                 {STR("[,1]"), 1},
                 {STR("[1,]"), 3},
                 {STR("{,}"), 1},
                 {STR("{\"a\":1,}"), 7},
                 {STR("{a:1}"), 1},
                 {STR("{\"a\" 1}"), 5},
                 {STR("{\"a\"}"), 4},
                 {STR("{\"a\":}"), 5},
                 {STR("{1:2}"), 1},
                 {STR("[1 2]"), 3},
                 {STR("{} {}"), 3},
                 {STR("[]]"), 2},
                 {STR("1 2"), 2},
                 {STR("01"), 1},
                 {STR("-01"), 2},
                 {STR("+1"), 0},
                 {STR(".5"), 0},
                 {STR("1.e5"), 2},
                 {STR("[1.]"), 3},
                 {STR("[1e]"), 3},
                 {STR("[1e+]"), 4},
                 {STR("[-]"), 2},
                 {STR("--1"), 1},
                 {STR("0x10"), 1},
                 {STR("1.5.5"), 3},
                 {STR("1e5e5"), 3},
                 {STR("[1e5.5]"), 4},
                 {STR("nul "), 3},
                 {STR("True"), 0},
                 {STR("truf"), 3},
                 {STR("truex"), 4},
                 {STR("nulll"), 4},
                 {STR("NaN"), 0},
                 {STR("nan"), 1},
                 {STR("Infinity"), 0},
                 {STR("'a'"), 0},
                 {STR("// c\n1"), 0},
                 {STR("[1/**/]"), 2},
                 {STR("\"\\x41\""), 2},
                 {STR("\"\\u12g4\""), 5},
                 {STR("\"\\U0041\""), 2},
                 {STR("\"a\nb\""), 2},
                 {STR("\"\x1f\""), 1},
                 {STR("\"a\0b\""), 2},
                 {STR("\"\\\0\""), 2},
                 {STR("\0"), 0},
                 {STR("{}\0"), 2},
                 {STR("\f{}"), 0},
                 {STR("\v1"), 0},
                 {STR("\xc2\xa0"
                      "1"),
                  0},
                 {STR("\"\x80\""), 1},
                 {STR("\"\xbf\""), 1},
                 {STR("\"\xc0\x80\""), 1},
                 {STR("\"\xc1\xbf\""), 1},
                 {STR("\"\xc2\""), 2},
                 {STR("\"\xc2\x41\""), 2},
                 {STR("\"\xe0\x9f\xbf\""), 2},
                 {STR("\"\xe0\xa0\""), 3},
                 {STR("\"\xe4\xbd\x41\""), 3},
                 {STR("\"\xed\xa0\x80\""), 2},
                 {STR("\"\xed\xbf\xbf\""), 2},
                 {STR("\"\xf0\x8f\xbf\xbf\""), 2},
                 {STR("\"\xf4\x90\x80\x80\""), 2},
                 {STR("\"\xf5\x80\x80\x80\""), 1},
                 {STR("\"\xff\""), 1},
                 {STR("\"\xc2\\n\""), 2},
                 {STR("\"12345678901234567\xff\""), 18},
                 {STR("\"1234567890\n\""), 11},
                 {STR("{\"\xff\":1}"), 2}};
    struct job job = {NULL, 0, 0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        scan(&job, cases[i].doc, &result);
        if (result.state != JSPAN_BAD || result.complete || result.offset != cases[i].offset)
            fail_msg("%.*s: state %d, offset %d", STR_ARG(cases[i].doc), (int)result.state,
                     (int)result.offset);
    }
}

static void grammar_unfinished_document_is_not_complete(void **state)
{
    (void)state;
    static const char *const docs[] = {
        "",           " ",   "{",   "[",  "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,",
        "[1",         "[1,", "[[]", "\"", "\"a",    "\"\\",    "\"\\u",    "\"\\u004",
        "\"\xe4\xbd", "t",   "tru", "-",  "1.",     "1e",      "1e+",      "1.5e-"};
    struct job job = {NULL, 0, 0};
    for (size_t i = 0; i < COUNT(docs); i++) {
        scan(&job, str_of(docs[i]), &result);
        if (result.complete || result.state == JSPAN_BAD)
            fail_msg("not seen as unfinished: %s", docs[i]);
        assert_int_equal(result.offset, strlen(docs[i]));
    }
}

static void grammar_every_byte_outside_ascii_plain_stops_at_any_alignment(void **state)
{
    (void)state;
    struct job job = {NULL, 0, 0};
    static struct record r;
    for (int byte = 0; byte < 256; byte++) {
        for (size_t at = 0; at < 18; at++) {
            char doc[32] = "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"";
            doc[1 + at] = (char)byte;
            scan_cut(&job, (struct str){doc, 31}, (size_t[2]){0, 0}, &r);
            bool plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
            assert_int_equal(r.complete, plain);
            /* A lead byte or a backslash is legal itself: what follows is not. */
            bool begins = byte == '"' || byte == '\\' || (byte >= 0xC2 && byte <= 0xF4);
            if (!plain)
                assert_int_equal(r.offset, 1 + at + (begins ? 1 : 0));
        }
    }
}

static void depth_of_512_is_complete_and_513_is_bad(void **state)
{
    (void)state;
    struct job job = {NULL, 0, 0};
    char doc[2 * 513];
    for (size_t depth = 512; depth <= 513; depth++) {
        memset(doc, '[', depth);
        memset(doc + depth, ']', depth);
        scan(&job, (struct str){doc, 2 * depth}, &result);
        assert_int_equal(result.complete, depth == 512);
        assert_int_equal(result.offset, depth == 512 ? 1024 : 512);
    }
}

static void depth_keeps_the_kind_of_each_container(void **state)
{
    (void)state;
    struct job job = {NULL, 0, 0};
    char doc[2048];
    size_t n = 0, closers = 0;
    char close[512];
    for (size_t i = 0; i < 200; i++) {
        bool object = i % 3 == 0;
        n += (size_t)snprintf(doc + n, sizeof doc - n, "%s", object ? "{\"\":" : "[");
        close[closers++] = object ? '}' : ']';
    }
    doc[n++] = '0';
    while (closers > 0)
        doc[n++] = close[--closers];
    scan(&job, (struct str){doc, n}, &result);
    assert_true(result.complete);
    doc[n - 50] = doc[n - 50] == '}' ? ']' : '}';
    scan(&job, (struct str){doc, n}, &result);
    assert_false(result.complete);
    assert_int_equal(result.offset, n - 50);
}

static void state_of_feed_tells_done_more_and_bad(void **state)
{
    (void)state;
    struct jspan_sink sink = {0};
    struct jspan_plan plan;
    jspan_plan_init(&plan, NULL, 0);
    struct jspan *js = jspan_new(&plan, &sink, 0);
    assert_int_equal(jspan_feed(js, NULL, 0), JSPAN_MORE);
    assert_int_equal(jspan_feed(js, "{\"a\":", 5), JSPAN_MORE);
    assert_int_equal(jspan_feed(js, "1}", 2), JSPAN_DONE);
    assert_int_equal(jspan_feed(js, " \n", 2), JSPAN_DONE);
    assert_true(jspan_end(js));
    assert_int_equal(jspan_feed(js, "x", 1), JSPAN_BAD);
    assert_int_equal(jspan_feed(js, "{}", 2), JSPAN_BAD);
    assert_int_equal(jspan_feed(js, NULL, 0), JSPAN_BAD);
    assert_false(jspan_end(js));
    assert_int_equal(jspan_offset(js), 9);
    jspan_free(&js);
}

static void number_at_top_is_complete_only_at_the_end(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{NULL}, JSPAN_COPY}};
    struct record *r = &result;
    memset(r, 0, sizeof *r);
    struct jspan_sink sink = {.value = record_value, .context = r};
    struct jspan_plan plan;
    jspan_plan_init(&plan, wants, 1);
    struct jspan *js = jspan_new(&plan, &sink, 10);
    assert_int_equal(jspan_feed(js, "12", 2), JSPAN_MORE);
    assert_int_equal(jspan_feed(js, "34", 2), JSPAN_MORE);
    assert_string_equal(r->values, "");
    assert_true(jspan_end(js));
    assert_string_equal(r->values, "0 number 0-4 0 '1234' <1234>;");
    assert_true(jspan_end(js));
    assert_string_equal(r->values, "0 number 0-4 0 '1234' <1234>;");
    jspan_free(&js);
}

static void reset_in_the_middle_begins_a_new_document(void **state)
{
    (void)state;
    static const struct jspan_want wants[] = {{{"a", "[]"}, JSPAN_COPY | JSPAN_STRINGS},
                                              {{"a"}, JSPAN_COPY | JSPAN_STRINGS}};
    static const char *const firsts[] = {
        "{\"a\":[\"long text \\ud8", "{\"a\":[1", "{\"a\":[tr", "x",
        "{\"A\":{\"b\":\"\xe4",      "[[[",       "12",         "{} "};
    for (size_t i = 0; i < COUNT(firsts); i++) {
        struct record *r = &result;
        struct jspan_sink sink = {.value = record_value, .text = record_text, .context = r};
        struct jspan_plan plan;
        jspan_plan_init(&plan, wants, 2);
        struct jspan *js = jspan_new(&plan, &sink, 100);
        memset(r, 0, sizeof *r);
        feed(js, firsts[i], strlen(firsts[i]));
        jspan_reset(js);
        memset(r, 0, sizeof *r);
        assert_int_equal(feed(js, "{\"a\":[\"b\"]}", 11), JSPAN_DONE);
        assert_string_equal(r->values, "0 string 6-9 1 'b' <\"b\">;1 array 5-10 1 <[\"b\"]>;");
        assert_string_equal(r->texts[1], "|a=b");
        assert_int_equal(jspan_offset(js), 11);
        jspan_free(&js);
    }
}

static void free_of_null_is_harmless(void **state)
{
    (void)state;
    struct jspan *js = NULL;
    jspan_free(&js);
    assert_null(js);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grammar_legal_document_is_complete),
        cmocka_unit_test(grammar_illegal_byte_is_bad_at_its_offset),
        cmocka_unit_test(grammar_unfinished_document_is_not_complete),
        cmocka_unit_test(grammar_every_byte_outside_ascii_plain_stops_at_any_alignment),
        cmocka_unit_test(depth_of_512_is_complete_and_513_is_bad),
        cmocka_unit_test(depth_keeps_the_kind_of_each_container),
        cmocka_unit_test(state_of_feed_tells_done_more_and_bad),
        cmocka_unit_test(number_at_top_is_complete_only_at_the_end),
        cmocka_unit_test(reset_in_the_middle_begins_a_new_document),
        cmocka_unit_test(free_of_null_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
