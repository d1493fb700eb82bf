#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/unit/multipart_scan.h"

/* --- values -------------------------------------------------------------------------------------
 */

static void value_is_spanned(void **state)
{
    (void)state;
    scan(STR(PART("\"model\"", "gpt-4o") PART("\"n\"", "2") CLOSING));
    assert_complete(2);
    assert_part(0, "model", STR("gpt-4o"));
    assert_part(1, "n", STR("2"));
    assert_int_equal(result.parts[0].head_begin, LENGTH(DELIMITER));
    assert_int_equal(result.parts[0].begin, LENGTH(DELIMITER FIELD("\"model\"") "\r\n"));
    assert_int_equal(result.insert_at, 0);
    assert_false(result.parts[0].has_filename);
    assert_string_equal(result.parts[0].type, "");
}

static void value_may_be_empty(void **state)
{
    (void)state;
    scan(STR(PART("a", "") PART("b", "\r\n") CLOSING));
    assert_complete(2);
    assert_part(0, "a", STR(""));
    assert_part(1, "b", STR("\r\n"));
}

static void value_keeps_all_that_is_no_delimiter(void **state)
{
    (void)state;
    static const char *const values[] = {
        "\r",          "\n",          "\r\r",
        "\r\n\r\n",    "\n\r",        "-",
        "--",          "\r\n-",       "\r\n--",
        "\r\n---",     "\r\n\r",      "--ab",
        "a--abc",      "\r\n--ab",    "\r\n--ab\r\n--ab",
        "\r\r\n--ab",  "\r\n-\r\n--", "\r\n --abc",
        "\r\n--aabc",  "\r\n--a\r\n", "\r\n--ab\r\r\n--a\n",
        "\r--ab\r--",  "\n--ab\n--",  "-\r\n---abc",
        "a\r\n- -abc", "\r\n--Abc",   "--a\r\n--b\r--abab\r\r\r",
    };
    for (size_t i = 0; i < COUNT(values); i++) {
        char body[256];
        int n = snprintf(body, sizeof body, "--abc\r\n%s\r\n%s\r\n--abc--", FIELD("v"), values[i]);
        scan_by("abc", (struct str){body, (size_t)n});
        assert_complete(1);
        assert_part(0, "v", str_of(values[i]));
    }
}

/* Every byte at every place between two others, and long runs of those that stop the search. */
static void value_may_hold_any_byte(void **state)
{
    (void)state;
    static char body[BODY_MAX];
    size_t n = (size_t)snprintf(body, sizeof body, "--abc\r\n%s\r\n", FIELD("f; filename=g"));
    size_t begin = n;
    for (size_t i = 0; i < 4096; i++)
        body[n++] = (char)(i < 1024 ? i * 7 : i < 2048 ? i : i % 3 == 0 ? '\n' : '\r');
    n += (size_t)snprintf(body + n, sizeof body - n, "\r\n--abc--\r\n");
    scan_by("abc", (struct str){body, n});
    assert_complete(1);
    assert_true(result.parts[0].has_filename);
    assert_part(0, "f", (struct str){body + begin, 4096});
}

static void value_may_be_a_body_of_its_own(void **state)
{
    (void)state;
    scan_by("outer",
            STR("--outer\r\n" FIELD("a") "Content-Type: multipart/mixed; boundary=inner\r\n"
                                         "\r\n--inner\r\n" FIELD(
                                             "model") "\r\nb\r\n--inner--\r\n\r\n--outer--"));
    assert_complete(1);
    assert_part(0, "a", STR("--inner\r\n" FIELD("model") "\r\nb\r\n--inner--\r\n"));
    assert_string_equal(result.parts[0].type, "multipart/mixed; boundary=inner");
}

/* --- delimiters ---------------------------------------------------------------------------------
 */

static void parts_up_to_their_ceiling_are_taken(void **state)
{
    (void)state;
    static char body[BODY_MAX];
    size_t n = 0;
    for (size_t i = 0; i <= MULTIPART_PARTS_MAX; i++) {
        size_t closed = n + (size_t)snprintf(body + n, sizeof body - n, CLOSING);
        if (i == MULTIPART_PARTS_MAX) {
            scan((struct str){body, closed});
            assert_complete(MULTIPART_PARTS_MAX);
        }
        n += (size_t)snprintf(body + n, sizeof body - n, PART("a", "v"));
    }
    n += (size_t)snprintf(body + n, sizeof body - n, CLOSING);
    scan((struct str){body, n});
    assert_fault(LENGTH(PART("a", "v")) * MULTIPART_PARTS_MAX + LENGTH(DELIMITER) - 1);
}

static void body_without_parts_is_complete(void **state)
{
    (void)state;
    scan(STR("--x--\r\n"));
    assert_complete(0);
    assert_int_equal(result.insert_at, 0);
    scan(STR("--x--"));
    assert_complete(0);
    scan(STR("\r\n--x--"));
    assert_complete(0);
    assert_int_equal(result.insert_at, 2);
}

static void body_without_its_closing_delimiter_is_incomplete(void **state)
{
    (void)state;
    static const char whole[] = "pre\r\n" PART("a", "v") "--x--";
    for (size_t n = 0; n < LENGTH(whole); n++) {
        scan((struct str){whole, n});
        assert_int_equal(result.state, MULTIPART_MORE);
        assert_false(result.is_complete);
        assert_int_equal(result.offset, n);
    }
    scan(STR(PART("a", "v") "--x--\r"));
    assert_false(result.is_complete);
    assert_int_equal(result.state, MULTIPART_DONE);
    scan(STR(PART("a", "v") DELIMITER));
    assert_false(result.is_complete);
    assert_int_equal(result.end_count, 1);
}

static void preamble_and_epilogue_are_passed_over(void **state)
{
    (void)state;
    scan(STR("not --x\r\n-\r\n--\r\n\r\n" PART("a", "v") CLOSING "\r\n--\r\n-- x\r\n-"));
    assert_complete(1);
    assert_part(0, "a", STR("v"));
    assert_int_equal(result.insert_at, LENGTH("not --x\r\n-\r\n--\r\n\r\n"));
    scan(STR("\r\n\r\n" PART("a", "v") CLOSING "\r\n"));
    assert_complete(1);
    assert_int_equal(result.insert_at, 4);
}

static void white_space_behind_a_delimiter_is_passed_over(void **state)
{
    (void)state;
    scan(STR("--x \t \r\n" FIELD("a") "\r\nv\r\n--x\t\r\n" FIELD("b") "\r\nw\r\n--x-- \t\r\n"));
    assert_complete(2);
    assert_part(0, "a", STR("v"));
    assert_part(1, "b", STR("w"));
    scan(STR(PART("a", "v") "--x-- "));
    assert_complete(1);
}

/* Each text takes the place of a value; `offset` counts from its beginning. */
static void delimiter_that_can_be_read_in_two_ways_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
    } bad[] = {
        {"v\n--x\n", 2},
        {"v\n--x\r\n", 2},
        {"v\r--x\r\n", 2},
        {"v\r\r--x\r\n", 3},
        {"v\r\n\n--x\r\n", 4},
        {"v\r\n--x\n", 6},
        {"v\r\n--x\rA", 7},
        {"v\r\n--x \n", 7},
        {"v\r\n--xy\r\n", 6},
        {"v\r\n--x y\r\n", 7},
        {"v\r\n--x--y", 8},
        {"v\r\n--x -", 7},
        {"v\r\n--x-\r\n", 7},
        {"v\r\n--x--\n", 8},
        {"v\r\n--x--\rA", 9},
        {"v\r\n--x--\r\n--x--\r\n", 10}, /* in the epilogue */
        {"v\r\n--x--\r\na\n--x--\r\n", 12},
        {"--x\r\n", 0}, /* its CRLF is that of the empty header line */
        {"--x--\r\n", 0},
        {"--xy", 0},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        char body[256];
        int n =
            snprintf(body, sizeof body, DELIMITER FIELD("a") "\r\n%s\r\n--x--\r\n", bad[i].text);
        scan((struct str){body, (size_t)n});
        assert_fault(LENGTH(DELIMITER FIELD("a") "\r\n") + bad[i].offset);
    }
    scan(STR("pre\n" PART("a", "v") CLOSING));
    assert_fault(4);
    scan(STR("\n" PART("a", "v") CLOSING));
    assert_fault(1);
    scan(STR("--xy\r\n" PART("a", "v") CLOSING));
    assert_fault(3);
    scan(STR("--x\n" FIELD("a") "\nv\n--x--\n"));
    assert_fault(3);
}

/* --- the scanner itself -------------------------------------------------------------------------
 */

static void boundary_of_any_legal_kind_is_found(void **state)
{
    (void)state;
    static const char *const boundaries[] = {
        "-",
        "--",
        "-----------------------------9051914041544843365972754266",
        "----WebKitFormBoundary7MA4YWxkTrZu0gW",
        "a:b",
        "a b",
        "=_'()+_,-./:=?0123456789012345678901234567890123456789012345678901234z"};
    for (size_t i = 0; i < COUNT(boundaries); i++) {
        char body[512];
        const char *b = boundaries[i];
        int n = snprintf(body, sizeof body, "--%s\r\n%s\r\n\r\n--%.*s\r\n--%s--\r\n", b, FIELD("a"),
                         (int)strlen(b) - 1, b, b);
        scan_by(b, (struct str){body, (size_t)n});
        assert_complete(1);
        assert_int_equal(value(0).n, strlen(b) + 3);
    }
}

static void on_part(void *context, const struct multipart_part *part)
{
    (void)part;
    ++*(int *)context;
}

static void sink_without_data_gets_parts_still(void **state)
{
    (void)state;
    int parts = 0;
    struct multipart_sink sink = {.part = on_part, .context = &parts};
    struct str body = STR(PART("a", "v") PART("b", "w") CLOSING);
    struct multipart *mp = multipart_new("x", &sink);
    assert_non_null(mp);
    assert_int_equal(multipart_feed(mp, NULL, 0), MULTIPART_MORE);
    assert_int_equal(multipart_feed(mp, body.p, body.n), MULTIPART_DONE);
    assert_true(multipart_end(mp));
    assert_int_equal(parts, 2);
    multipart_free(&mp);
    multipart_free(&mp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_is_spanned),
        cmocka_unit_test(value_may_be_empty),
        cmocka_unit_test(value_keeps_all_that_is_no_delimiter),
        cmocka_unit_test(value_may_hold_any_byte),
        cmocka_unit_test(value_may_be_a_body_of_its_own),
        cmocka_unit_test(parts_up_to_their_ceiling_are_taken),
        cmocka_unit_test(body_without_parts_is_complete),
        cmocka_unit_test(body_without_its_closing_delimiter_is_incomplete),
        cmocka_unit_test(preamble_and_epilogue_are_passed_over),
        cmocka_unit_test(white_space_behind_a_delimiter_is_passed_over),
        cmocka_unit_test(delimiter_that_can_be_read_in_two_ways_is_refused),
        cmocka_unit_test(boundary_of_any_legal_kind_is_found),
        cmocka_unit_test(sink_without_data_gets_parts_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
