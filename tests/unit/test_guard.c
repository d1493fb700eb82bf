#include "server/guard.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A head as the library gives it: "METHOD TARGET VERSION", then "Name|value" each. */
static void head_of(struct head *head, const char *line, const char *fields)
{
    memset(head, 0, sizeof *head);
    struct str rest = str_of(line), piece;
    assert_true(str_cut(&rest, ' ', &head->method));
    assert_true(str_cut(&rest, ' ', &head->target));
    head->version = rest;
    rest = str_of(fields);
    while (str_cut(&rest, ';', &piece)) {
        size_t bar = str_index(piece, '|');
        if (piece.n == 0)
            continue;
        head->fields[head->count++] =
            (struct head_field){str_slice(piece, 0, bar), str_from(piece, bar + 1)};
    }
}

static enum fault checked(const char *line, const char *fields)
{
    struct head head;
    struct failure failure = {0};
    head_of(&head, line, fields);
    enum fault fault = guard_check(&head, &failure);
    assert_int_equal(failure.fault, fault);
    failure_release(&failure);
    return fault;
}

struct row {
    const char *line, *fields;
    enum fault expected;
};

static void check_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        enum fault found = checked(rows[i].line, rows[i].fields);
        if (found != rows[i].expected)
            fail_msg("row %zu (%s, %s): %s", i, rows[i].line, rows[i].fields, fault_name(found));
    }
}

#define GET "GET /v1/models HTTP/1.1"
#define POST "POST /v1/chat/completions HTTP/1.1"
#define HOST "Host|a.example"

static void ordinary_requests_pass(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {GET, HOST, FAULT_NONE},
        {GET, "hOST| a.example ", FAULT_NONE},
        {"GET /v1/models HTTP/1.0", "", FAULT_NONE},
        {POST, HOST ";Content-Length|0", FAULT_NONE},
        {POST, HOST ";Content-Length|00012", FAULT_NONE},
        {POST, HOST ";Transfer-Encoding|chunked", FAULT_NONE},
        {POST, HOST ";transfer-encoding|CHUNKED", FAULT_NONE},
        {"GET /v1/models/a%2Fb?x=%20&y HTTP/1.1", HOST, FAULT_NONE},
        {GET, HOST ";X-A|tab\there;X-A|again;Accept|;X-Latin|caf\xe9", FAULT_NONE},
        {GET, HOST ";Content-Type|application/json", FAULT_NONE},
        {"DELETE /v1/x HTTP/1.1", HOST, FAULT_NONE},
        {"M-SEARCH / HTTP/1.1", HOST, FAULT_NONE},
        {GET, HOST ";Authorization|Bearer a;Authorization|Bearer b", FAULT_NONE}, /* a 401 */
        {GET, HOST ";Connection|close, Authorization", FAULT_NONE},
    };
    check_rows(rows, COUNT(rows));
}

static void ambiguous_lengths_are_refused(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {POST, HOST ";Content-Length|5;Content-Length|5", FAULT_BAD_FRAMING},
        {POST, HOST ";Content-Length|5;content-length|6", FAULT_BAD_FRAMING},
        {POST, HOST ";Content-Length|5, 5", FAULT_BAD_FRAMING},
        {POST, HOST ";Content-Length|", FAULT_BAD_FRAMING},
        {POST, HOST ";Content-Length|-1", FAULT_BAD_FRAMING},
        {POST, HOST ";Content-Length|+5", FAULT_BAD_FRAMING},
        {POST, HOST ";Content-Length|0x5", FAULT_BAD_FRAMING},
        {POST, HOST ";Content-Length|5 5", FAULT_BAD_FRAMING},
        {POST, HOST ";Content-Length|5.0", FAULT_BAD_FRAMING},
        {POST, HOST ";Content-Length|9223372036854775808", FAULT_BAD_FRAMING},
        {POST, HOST ";Content-Length|18446744073709551621", FAULT_BAD_FRAMING},
        {GET, HOST ";Content-Length|x", FAULT_BAD_FRAMING},
        {POST, HOST ";Content-Length|5;Transfer-Encoding|chunked", FAULT_BAD_FRAMING},
        {GET, HOST ";Transfer-Encoding|chunked;Content-Length|0", FAULT_BAD_FRAMING},
        {POST, HOST ";Transfer-Encoding|chunked;Transfer-Encoding|chunked", FAULT_BAD_FRAMING},
        {POST, HOST ";Transfer-Encoding|chunked;transfer-encoding|identity", FAULT_BAD_FRAMING},
        {"POST / HTTP/1.0", "Transfer-Encoding|chunked", FAULT_BAD_FRAMING},
    };
    check_rows(rows, COUNT(rows));
}

/* libmicrohttpd compares the value as it stands, white space behind it included: anything but the
 * bare word would leave it waiting for a body without end. */
static void coding_that_is_not_exactly_chunked_is_refused(void **state)
{
    (void)state;
    static const char *const codings[] = {
        "gzip",       "gzip, chunked", "chunked, chunked", "chunked;q=1",
        "xchunked",   "chunked,",      ",chunked",         "",
        "identity",   "chunked ",      "chunked\t",        "\"chunked\"",
        "chunked\x0b"};
    for (size_t i = 0; i < COUNT(codings); i++) {
        struct head head;
        struct failure failure = {0};
        bool control = strchr(codings[i], 0x0b) != NULL;
        head_of(&head, POST, HOST ";Transfer-Encoding|");
        head.fields[1].value = str_of(codings[i]);
        enum fault found = guard_check(&head, &failure);
        failure_release(&failure);
        if (found != (control ? FAULT_BAD_FRAMING : FAULT_TRANSFER_ENCODING))
            fail_msg("'%s': %s", codings[i], fault_name(found));
    }
}

static void body_without_length_is_refused(void **state)
{
    (void)state;
    assert_int_equal(checked(POST, HOST), FAULT_LENGTH_REQUIRED);
    assert_int_equal(checked("PUT / HTTP/1.1", HOST), FAULT_LENGTH_REQUIRED);
    assert_int_equal(checked("PATCH / HTTP/1.1", HOST), FAULT_LENGTH_REQUIRED);
    assert_int_equal(checked("POST / HTTP/1.0", ""), FAULT_LENGTH_REQUIRED);
    assert_int_equal(checked("DELETE / HTTP/1.1", HOST), FAULT_NONE);
}

static void bad_names_and_values_are_refused(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {GET, HOST ";Content-Length |5", FAULT_BAD_FRAMING},
        {GET, HOST ";X A|b", FAULT_BAD_FRAMING},
        {GET, HOST ";|b", FAULT_BAD_FRAMING},
        {GET, HOST ";X\tA|b", FAULT_BAD_FRAMING},
        {GET, HOST ";X\xc3\xa9|b", FAULT_BAD_FRAMING},
        {GET, HOST ";(X)|b", FAULT_BAD_FRAMING},
        {GET, HOST ";X:Y|b", FAULT_BAD_FRAMING},
        {GET, HOST ";X|a\rb", FAULT_BAD_FRAMING},
        {GET, HOST ";X|a\nb", FAULT_BAD_FRAMING},
        {GET, HOST ";X|a\x01", FAULT_BAD_FRAMING},
        {GET, HOST ";X|a\x7f", FAULT_BAD_FRAMING},
        {GET, HOST ";!#$%&'*+-.^_`~09|ok", FAULT_NONE},
    };
    check_rows(rows, COUNT(rows));
    struct head head;
    struct failure failure = {0};
    head_of(&head, GET, HOST);
    head.fields[head.count++] = (struct head_field){STR("X"), STR("a\0b")};
    assert_int_equal(guard_check(&head, &failure), FAULT_BAD_FRAMING);
    head.fields[1] = (struct head_field){STR("X\0"), STR("a")};
    assert_int_equal(guard_check(&head, &failure), FAULT_BAD_FRAMING);
    failure_release(&failure);
}

/* libmicrohttpd glues a folded line to the name of the field before it, so that
 * "Content-Length: 5\r\n x" arrives as "Content-Lengthx: 5", and the body as the next request. */
static void folded_line_hidden_in_a_name_is_refused(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {GET, HOST ";Content-Lengthx|5", FAULT_BAD_FRAMING},
        {GET, HOST ";CONTENT-LENGTH0|5", FAULT_BAD_FRAMING},
        {GET, HOST ";Transfer-Encodingx|chunked", FAULT_BAD_FRAMING},
        {GET, HOST ";Authorizationx|Bearer a", FAULT_BAD_FRAMING},
        {GET, HOST ";Hostx|b", FAULT_BAD_FRAMING},
        {GET, HOST ";Content-Lengthx: y|5", FAULT_BAD_FRAMING},
        {GET, HOST ";Content-Language|de", FAULT_NONE},
        {GET, HOST ";X-Host|b", FAULT_NONE},
        {GET, HOST ";Proxy-Authorization|b", FAULT_NONE},
    };
    check_rows(rows, COUNT(rows));
}

static void unique_fields_given_twice_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"Host", "Content-Type", "Idempotency-Key", "Expect"};
    for (size_t i = 0; i < COUNT(names); i++) {
        char fields[200];
        snprintf(fields, sizeof fields, "%s%s|x;%s|x", i > 0 ? HOST ";" : "", names[i], names[i]);
        assert_int_equal(checked(GET, fields), FAULT_BAD_FRAMING);
    }
    struct head head;
    struct failure failure = {0};
    head_of(&head, GET, HOST);
    head.too_many = true;
    assert_int_equal(guard_check(&head, &failure), FAULT_BAD_FRAMING);
    failure_release(&failure);
}

static void bad_request_lines_are_refused(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {GET, "", FAULT_BAD_FRAMING},
        {GET, "Host|", FAULT_BAD_FRAMING},
        {GET, "Host|  ", FAULT_BAD_FRAMING},
        {"GET / HTTP/1.2", HOST, FAULT_BAD_FRAMING},
        {"GET / HTTP/1.9", HOST, FAULT_BAD_FRAMING},
        {"GET / HTTP/2.0", HOST, FAULT_BAD_FRAMING},
        {"GET / HTTP/0.9", HOST, FAULT_BAD_FRAMING},
        {"GET / http/1.1", HOST, FAULT_BAD_FRAMING},
        {"GET / HTTP/1.1 ", HOST, FAULT_BAD_FRAMING},
        {"GET / HTTP/1.10", HOST, FAULT_BAD_FRAMING},
        {"GET / ", HOST, FAULT_BAD_FRAMING},
        {"PRI * HTTP/2.0", "", FAULT_BAD_FRAMING},
        {"CONNECT a.example:443 HTTP/1.1", HOST, FAULT_BAD_FRAMING},
        {"OPTIONS * HTTP/1.1", HOST, FAULT_BAD_FRAMING},
        {"G(T / HTTP/1.1", HOST, FAULT_BAD_FRAMING},
        {" / HTTP/1.1", HOST, FAULT_BAD_FRAMING},
        {"GET  HTTP/1.1", HOST, FAULT_BAD_FRAMING},
        {"GET v1/models HTTP/1.1", HOST, FAULT_BAD_FRAMING},
        {"GET /a\x01 HTTP/1.1", HOST, FAULT_BAD_FRAMING},
        {"GET /a\tb HTTP/1.1", HOST, FAULT_BAD_FRAMING},
        {"GET /caf\xc3\xa9 HTTP/1.1", HOST, FAULT_BAD_FRAMING},
        {"GET /\x7f HTTP/1.1", HOST, FAULT_BAD_FRAMING},
    };
    check_rows(rows, COUNT(rows));
    char line[9000];
    memset(line, 'a', sizeof line);
    memcpy(line, "GET /", 5);
    snprintf(line + 8196, sizeof line - 8196, " HTTP/1.1");
    assert_int_equal(checked(line, HOST), FAULT_NONE); /* 8192 bytes */
    memset(line + 8196, 'a', 10);
    snprintf(line + 8197, sizeof line - 8197, " HTTP/1.1");
    assert_int_equal(checked(line, HOST), FAULT_BAD_FRAMING);
}

static void absolute_target_passes_only_for_its_own_host(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"GET http://a.example/v1/models HTTP/1.1", HOST, FAULT_NONE},
        {"GET HTTPS://A.EXAMPLE/v1/models HTTP/1.1", HOST, FAULT_NONE},
        {"GET http://a.example HTTP/1.1", HOST, FAULT_NONE},
        {"GET http://b.example/ HTTP/1.1", HOST, FAULT_BAD_FRAMING},
        {"GET http://a.example:80/ HTTP/1.1", HOST, FAULT_BAD_FRAMING},
        {"GET http://u@a.example/ HTTP/1.1", HOST, FAULT_BAD_FRAMING},
        {"GET http:///v1 HTTP/1.1", HOST, FAULT_BAD_FRAMING},
        {"GET ftp://a.example/ HTTP/1.1", HOST, FAULT_BAD_FRAMING},
        {"GET http:/a.example/ HTTP/1.1", HOST, FAULT_BAD_FRAMING},
        {"GET http://a.example/ HTTP/1.0", "", FAULT_BAD_FRAMING},
    };
    check_rows(rows, COUNT(rows));
}

static void assert_path(const char *line, const char *expected)
{
    struct head head;
    head_of(&head, line, HOST);
    struct str path = head_path(&head);
    assert_int_equal(path.n, strlen(expected));
    assert_memory_equal(path.p, expected, path.n);
}

static void path_is_cut_off_from_authority_and_query(void **state)
{
    (void)state;
    assert_path("GET /v1/models?x=1?y HTTP/1.1", "/v1/models");
    assert_path("GET /? HTTP/1.1", "/");
    assert_path("GET http://a.example/v1?u=http://b/ HTTP/1.1", "/v1");
    assert_path("GET http://a.example HTTP/1.1", "/");
    assert_path("GET //a.example/v1 HTTP/1.1", "//a.example/v1");
    assert_path("GET * HTTP/1.1", "/");
}

static void body_bytes_are_those_announced(void **state)
{
    (void)state;
    struct head head;
    head_of(&head, POST, HOST ";Content-Length| 42");
    assert_int_equal(head_body_bytes(&head), 42);
    head_of(&head, POST, HOST ";Transfer-Encoding|chunked");
    assert_true(head_body_bytes(&head) == UINT64_MAX);
    head_of(&head, GET, HOST);
    assert_int_equal(head_body_bytes(&head), 0);
}

static void fields_are_found_without_regard_to_case(void **state)
{
    (void)state;
    struct head head;
    struct str value = STR("untouched");
    head_of(&head, GET, HOST ";X-A|1;x-a|2");
    assert_int_equal(head_count(&head, STR("X-a")), 2);
    assert_false(head_find(&head, STR("X-"), &value));
    assert_true(str_eq(value, STR("untouched")));
    assert_true(head_find(&head, STR("x-A"), &value));
    assert_true(str_eq(value, STR("1")));
}

/* The next piece of `image`, of which the library says "it is `text`"; goes on behind it. */
static struct str found(struct str *image, const char *text)
{
    const char *at = memmem(image->p, image->n, text, strlen(text));
    assert_non_null(at);
    size_t end = (size_t)(at - image->p) + strlen(text);
    *image = str_from(*image, end);
    return (struct str){at, strlen(text)};
}

/* A head that stands in memory as `bytes`, of which the library gives POST, /x, HTTP/1.1 and the
 * fields, a name and a value in turn. */
static enum fault checked_in_place(struct str bytes, const char *const fields[])
{
    struct head head;
    struct failure failure = {0};
    memset(&head, 0, sizeof head);
    head.bytes = bytes.n;
    head.method = found(&bytes, "POST");
    head.target_place = found(&bytes, "/x").p;
    head.target = STR("/x");
    head.version = found(&bytes, "HTTP/1.1");
    for (; *fields != NULL; fields += 2) {
        struct head_field *field = &head.fields[head.count++];
        field->name = found(&bytes, fields[0]);
        field->value = found(&bytes, fields[1]);
    }
    enum fault fault = guard_check(&head, &failure);
    failure_release(&failure);
    return fault;
}

#define LINE "POST\0/x\0HTTP/1.1\0\0"
#define HOST_LINE "Host\0 a\0\0"
#define IN_PLACE(text, ...)                                                                        \
    checked_in_place(STR(text), (const char *const[]){"Host", "a", __VA_ARGS__, NULL})

static void head_in_place_has_no_gaps(void **state)
{
    (void)state;
    assert_int_equal(
        IN_PLACE(LINE HOST_LINE "Content-Length\0 \t1000\0\0\0", "Content-Length", "1000"),
        FAULT_BAD_FRAMING); /* one NUL of the blank line is missing */
    assert_int_equal(
        IN_PLACE(LINE HOST_LINE "Content-Length\0 \t1000\0\0\0\0", "Content-Length", "1000"),
        FAULT_NONE);
    assert_int_equal(IN_PLACE(LINE HOST_LINE "Content-Length\0"
                                             "0\0\0X-A\0b\0\0\0\0",
                              "Content-Length", "0", "X-A", "b"),
                     FAULT_NONE);
}

static void what_the_library_passed_over_is_refused(void **state)
{
    (void)state;
    static const char length[] = "Content-Length";
    /* A value and a name cut at a NUL, the line behind a NUL taken for the blank one. */
    assert_int_equal(IN_PLACE(LINE HOST_LINE "Content-Length\0 1\0"
                                             "000\0\0\0\0",
                              length, "1"),
                     FAULT_BAD_FRAMING);
    assert_int_equal(IN_PLACE(LINE HOST_LINE "Content-Length\0x\0 1\0\0\0\0", length, "1"),
                     FAULT_BAD_FRAMING);
    assert_int_equal(IN_PLACE(LINE HOST_LINE "Content-Length\0 1\0\0\0\0X: y\0\0", length, "1"),
                     FAULT_BAD_FRAMING);
    /* Lines that end with LF alone: within the head, and the blank one. */
    assert_int_equal(IN_PLACE(LINE "Host\0 a\0Content-Length\0 1\0\0\0\0", length, "1"),
                     FAULT_BAD_FRAMING);
    assert_int_equal(IN_PLACE(LINE HOST_LINE "Content-Length\0 1\0\0\0", length, "1"),
                     FAULT_BAD_FRAMING);
    /* In the request line: a method and a target cut at a NUL, two spaces. */
    assert_int_equal(
        IN_PLACE("POST\0x\0/x\0HTTP/1.1\0\0" HOST_LINE "Content-Length\0 1\0\0\0\0", length, "1"),
        FAULT_BAD_FRAMING);
    assert_int_equal(
        IN_PLACE("POST\0/x\0y\0HTTP/1.1\0\0" HOST_LINE "Content-Length\0 1\0\0\0\0", length, "1"),
        FAULT_BAD_FRAMING);
    assert_int_equal(
        IN_PLACE("POST\0 /x\0HTTP/1.1\0\0" HOST_LINE "Content-Length\0 1\0\0\0\0", length, "1"),
        FAULT_BAD_FRAMING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_requests_pass),
        cmocka_unit_test(ambiguous_lengths_are_refused),
        cmocka_unit_test(coding_that_is_not_exactly_chunked_is_refused),
        cmocka_unit_test(body_without_length_is_refused),
        cmocka_unit_test(bad_names_and_values_are_refused),
        cmocka_unit_test(folded_line_hidden_in_a_name_is_refused),
        cmocka_unit_test(unique_fields_given_twice_are_refused),
        cmocka_unit_test(bad_request_lines_are_refused),
        cmocka_unit_test(absolute_target_passes_only_for_its_own_host),
        cmocka_unit_test(path_is_cut_off_from_authority_and_query),
        cmocka_unit_test(body_bytes_are_those_announced),
        cmocka_unit_test(fields_are_found_without_regard_to_case),
        cmocka_unit_test(head_in_place_has_no_gaps),
        cmocka_unit_test(what_the_library_passed_over_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
