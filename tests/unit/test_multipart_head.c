#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/unit/multipart_scan.h"

static void name_may_be_bare_or_quoted_in_any_place(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "Content-Disposition: form-data; name=model",
        "Content-Disposition: form-data; name=\"model\"",
        "content-disposition:form-data;name=model",
        "CONTENT-DISPOSITION: Form-Data; NAME=\"model\"",
        "Content-Disposition: \t form-data \t ;\tname=\"model\" ; ; \t",
        "Content-Disposition: form-data; a=b; name=\"model\"; c=\"d; e\"",
        "Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=model",
        "Content-Disposition: form-data; name=model\r\nContent-Type: text/plain; charset=utf-8",
        "X-Name: name=n\r\nContent-Disposition: form-data; name=model\r\nContent-Length: 1",
        "Content-Transfer-Encoding: BINARY\r\nContent-Disposition: form-data; name=model",
        "Content-Disposition: form-data; name=model\r\nContent-Transfer-Encoding: 8bit",
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        char body[256];
        int n = snprintf(body, sizeof body, DELIMITER "%s\r\n\r\nm\r\n" CLOSING, lines[i]);
        scan((struct str){body, (size_t)n});
        assert_complete(1);
        assert_part(0, "model", STR("m"));
        assert_false(result.parts[0].has_filename || result.parts[0].name_cut);
    }
}

static void name_is_decoded(void **state)
{
    (void)state;
    scan(STR(PART("\"a\\\"b\\\\c\"", "1") PART("\"\"", "2") PART("image[]", "3")
                 PART("\"%22;\xC3\xA9\"", "4") CLOSING));
    assert_complete(4);
    assert_part(0, "a\"b\\c", STR("1"));
    assert_part(1, "", STR("2"));
    assert_part(2, "image[]", STR("3"));
    assert_part(3, "%22;\xC3\xA9", STR("4"));
}

static void name_longer_than_its_ceiling_is_cut(void **state)
{
    (void)state;
    char body[512], name[MULTIPART_NAME_MAX + 2] = "";
    memset(name, 'n', MULTIPART_NAME_MAX + 1);
    for (size_t length = MULTIPART_NAME_MAX; length <= MULTIPART_NAME_MAX + 1; length++) {
        int n = snprintf(body, sizeof body, "--x\r\n%s%.*s\"\r\n\r\nv\r\n--x--",
                         "Content-Disposition: form-data; name=\"", (int)length, name);
        scan((struct str){body, (size_t)n});
        assert_complete(1);
        assert_int_equal(strlen(result.parts[0].name), MULTIPART_NAME_MAX);
        assert_int_equal(result.parts[0].name_cut, length > MULTIPART_NAME_MAX);
    }
}

static void name_given_to_two_parts_is_reported_twice(void **state)
{
    (void)state;
    scan(STR(PART("model", "a") PART("file", "b") PART("\"model\"", "c") CLOSING));
    assert_complete(3);
    assert_part(0, "model", STR("a"));
    assert_part(2, "model", STR("c"));
}

static void filename_is_noticed_in_every_form(void **state)
{
    (void)state;
    static const char *const lines[] = {
        FIELD("f; filename=a.png"),
        FIELD("f; filename=\"a \\\"b\\\" \\c; d=e.png\""),
        FIELD("f; filename=\"\""),
        FIELD("f; FileName*=utf-8''%e2%82%ac.png"),
        FIELD("f; filename=a.png; filename*=utf-8''a.png"),
        "Content-Disposition: form-data; filename=\"C:\\x\\y.png\"; name=\"f\"\r\n",
        "Content-Disposition: form-data; filename*0=\"a\"; name=\"f\"\r\n",
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        char body[256];
        int n = snprintf(body, sizeof body, DELIMITER "%s%s\r\nm\r\n" CLOSING, lines[i],
                         "Content-Type: image/png\r\n");
        scan((struct str){body, (size_t)n});
        assert_complete(1);
        assert_part(0, "f", STR("m"));
        assert_true(result.parts[0].has_filename);
        assert_string_equal(result.parts[0].type, "image/png");
    }
}

/* Each line is refused where it begins, or, with an offset, that many bytes behind. */
static void header_line_out_of_order_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        size_t offset;
    } bad[] = {
        {"no colon", 0},
        {": x", 0},
        {"Content-Disposition : form-data; name=a", 0},
        {" folded: x", 0},
        {"--x: y", 0},
        {"--xy: z", 0},
        {"Content-Disposition: form-data; name=a", 0}, /* the second one */
        {"Content-Disposition: form-data; filename=b", 0},
        {"A: b\nC: d", 4},
        {"A: b\rC: d", 5},
        {"A: b\r\r", 5},
        {"A: \x01", 3},
        {"A: \x7f", 3},
        {"\n", 0},
        {"Content-Transfer-Encoding: base64", 0},
        {"Content-Transfer-Encoding: quoted-printable", 0},
        {"Content-Transfer-Encoding:", 0},
    };
    char body[256];
    for (size_t i = 0; i < COUNT(bad); i++) {
        int n = snprintf(body, sizeof body, DELIMITER FIELD("a") "%s\r\n\r\nv\r\n" CLOSING,
                         bad[i].line);
        scan((struct str){body, (size_t)n});
        assert_fault(LENGTH(DELIMITER FIELD("a")) + bad[i].offset);
        assert_int_equal(result.part_count, 0);
    }
    scan(STR(DELIMITER "Content-Type: a/b\r\nContent-Type: a/b\r\n" FIELD("a") "\r\n\r\n" CLOSING));
    assert_fault(LENGTH(DELIMITER "Content-Type: a/b\r\n"));
    scan(STR(DELIMITER FIELD("a") "B: \0\r\n\r\n\r\n" CLOSING));
    assert_fault(LENGTH(DELIMITER FIELD("a") "B: "));
}

static void disposition_that_can_be_read_in_two_ways_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "form-data name=a",
        "attachment; name=a",
        "form-data; name=a; name=b",
        "form-data; name=a; NAME=a",
        "form-data; name",
        "form-data; name=",
        "form-data; =a",
        "form-data; name =a",
        "form-data; name= a",
        "form-data; name=a b",
        "form-data; name=\"a",
        "form-data; name=\"a\\\"",
        "form-data; name=\"a\"b",
        "form-data; name=\"a\"filename=b",
        "form-data; name=a\"b\"",
        "form-data; name=a\\b",
        "form-data; name=\"mod\\el\"",
        "form-data; name*=utf-8''a",
        "form-data; name=a; name*=utf-8''b",
        "form-data; name*0=a",
        "form-data; name=a; filename=\"b\\\"; name=model; c=\\\"\"",
        "form-data; name=a; filename=\"b; Name=model\"",
        "form-data; name=\"a; filename=b\"",
        "form-data, name=a",
        "form-data; name=a, b",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        char body[256];
        int n = snprintf(body, sizeof body,
                         DELIMITER "Content-Disposition: %s\r\n\r\nv\r\n" CLOSING, bad[i]);
        scan((struct str){body, (size_t)n});
        assert_fault(LENGTH(DELIMITER));
    }
}

static void part_without_a_name_is_refused(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "",
        "Content-Type: text/plain\r\n",
        "Content-Disposition: form-data\r\n",
        "Content-Disposition: form-data; filename=a\r\n",
    };
    for (size_t i = 0; i < COUNT(heads); i++) {
        char body[256];
        int n = snprintf(body, sizeof body, DELIMITER "%s\r\nv\r\n" CLOSING, heads[i]);
        scan((struct str){body, (size_t)n});
        assert_fault(LENGTH(DELIMITER));
    }
}

/* The lines of a part, with the empty one, are `head_bytes` long. */
static void scan_long_head(size_t head_bytes)
{
    static char body[2 * MULTIPART_HEAD_MAX];
    size_t n = (size_t)snprintf(body, sizeof body, DELIMITER FIELD("a") "B: ");
    size_t fill = LENGTH(DELIMITER) + head_bytes - n - LENGTH("\r\n\r\n");
    memset(body + n, 'b', fill);
    n += fill;
    n += (size_t)snprintf(body + n, sizeof body - n, "\r\n\r\nv\r\n" CLOSING);
    scan((struct str){body, n});
}

static void head_longer_than_its_ceiling_is_refused(void **state)
{
    (void)state;
    scan_long_head(MULTIPART_HEAD_MAX);
    assert_complete(1);
    assert_part(0, "a", STR("v"));
    scan_long_head(MULTIPART_HEAD_MAX + 1);
    assert_fault(LENGTH(DELIMITER) + MULTIPART_HEAD_MAX);
    scan_long_head(MULTIPART_HEAD_MAX + 1000);
    assert_fault(LENGTH(DELIMITER) + MULTIPART_HEAD_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_may_be_bare_or_quoted_in_any_place),
        cmocka_unit_test(name_is_decoded),
        cmocka_unit_test(name_longer_than_its_ceiling_is_cut),
        cmocka_unit_test(name_given_to_two_parts_is_reported_twice),
        cmocka_unit_test(filename_is_noticed_in_every_form),
        cmocka_unit_test(header_line_out_of_order_is_refused),
        cmocka_unit_test(disposition_that_can_be_read_in_two_ways_is_refused),
        cmocka_unit_test(part_without_a_name_is_refused),
        cmocka_unit_test(head_longer_than_its_ceiling_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
