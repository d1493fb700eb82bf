#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "tests/unit/http_read.h"

#define OK11 "HTTP/1.1 200 OK\r\n"

/* Whole and at every cut: the same. */
static void read_all_ways(struct str text, struct http_read *r)
{
    static struct http_read cut;
    http_read(r, text, 0, 0, 2);
    for (size_t at = 0; at <= text.n; at++) {
        http_read(&cut, text, at, at == text.n ? 1 : 0, (uint32_t)at);
        assert_int_equal(cut.end, r->end);
        assert_int_equal(cut.status, r->status);
        assert_int_equal(cut.head, r->head);
        assert_int_equal(cut.may_go_on, r->may_go_on);
        assert_int_equal(cut.body_n, r->body_n);
        assert_memory_equal(cut.body, r->body, r->body_n);
        assert_int_equal(cut.fields_n, r->fields_n);
        assert_memory_equal(cut.fields, r->fields, r->fields_n);
        if (r->end == HTTP_END)
            assert_int_equal(cut.taken, r->taken);
    }
}

static void gives(const char *text, const char *fields, const char *body, bool may_go_on)
{
    static struct http_read r;
    read_all_ways(str_of(text), &r);
    assert_int_equal(r.end, HTTP_END);
    assert_true(r.head);
    assert_int_equal(r.fields_n, strlen(fields));
    assert_memory_equal(r.fields, fields, r.fields_n);
    assert_int_equal(r.body_n, strlen(body));
    assert_memory_equal(r.body, body, r.body_n);
    assert_int_equal(r.may_go_on, may_go_on);
}

static void ends_by(enum http_step end, const char *text)
{
    static struct http_read r;
    read_all_ways(str_of(text), &r);
    assert_int_equal(r.end, end);
}

static void answer_by_length(void **state)
{
    (void)state;
    gives(OK11 "Content-Length: 5\r\nX-A:  b c \t\r\n\r\nhello", "Content-Length=5\nX-A=b c\n",
          "hello", true);
    gives("HTTP/1.1 200\nA:\nContent-Length: 0\n\n", "A=\nContent-Length=0\n", "", true);
    gives(OK11 "Content-Length: 2\r\ncontent-length: 02\r\n\r\nhi",
          "Content-Length=2\ncontent-length=02\n", "hi", true);
    ends_by(HTTP_CUT, OK11 "Content-Length: 5\r\n\r\nhell");
}

static void answer_leaves_what_is_behind_it(void **state)
{
    (void)state;
    static struct http_read r;
    read_all_ways(STR(OK11 "Content-Length: 2\r\n\r\nhiHTTP/1.1 500"), &r);
    assert_int_equal(r.end, HTTP_END);
    assert_int_equal(r.taken, sizeof(OK11 "Content-Length: 2\r\n\r\nhi") - 1);
}

static void answer_by_chunks(void **state)
{
    (void)state;
    static const char fields[] = "Transfer-Encoding=chunked\n";
#define CHUNKED OK11 "Transfer-Encoding: chunked\r\n\r\n"
    gives(CHUNKED "3\r\nabc\r\n0002 ; x=\"y\"\r\nde\r\n0\r\n\r\n", fields, "abcde", true);
    gives(CHUNKED "a\n0123456789\n0;last\nA: b\nC: d\n\n", fields, "0123456789", true);
    gives(CHUNKED "0\r\n\r\n", fields, "", true);
    gives(OK11 "Content-Length: 1\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
          "Content-Length=1\nTransfer-Encoding=Chunked\n", "hi", false);
    static const char *const cut[] = {
        "", "3", "3\r\n", "3\r\nab", "3\r\nabc\r\n0\r\n", "3\r\nabc\r\n0\r\nA: b\r\n"};
    char text[256];
    for (size_t i = 0; i < COUNT(cut); i++) {
        snprintf(text, sizeof text, CHUNKED "%s", cut[i]);
        ends_by(HTTP_CUT, text);
    }
    static const char *const bad[] = {"zz\r\n",
                                      "\r\n",
                                      "-1\r\n",
                                      "+1\r\n",
                                      "0x1\r\nx\r\n",
                                      "3 x\r\nabc",
                                      " 3\r\n",
                                      "3\rabc",
                                      "3\r\nabcd\r\n",
                                      "3\r\nabc\rx",
                                      "8000000000000000\r\n",
                                      ";x\r\n",
                                      "3\t3\r",
                                      "3;x\ry\r\nabc\r",
                                      "00000000000000001\r\n"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(text, sizeof text, CHUNKED "%s", bad[i]);
        ends_by(HTTP_INVALID, text);
    }
}

static void answer_by_the_end_of_its_connection(void **state)
{
    (void)state;
    gives(OK11 "\r\nall that comes", "", "all that comes", false);
    gives(OK11 "\r\n", "", "", false);
}

static void answer_without_a_body(void **state)
{
    (void)state;
    gives("HTTP/1.1 204 No Content\r\n\r\n", "", "", true);
    gives("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "Content-Length=0\n", "", true);
    gives("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "Content-Length=5\n", "", false);
    gives("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", "Content-Length=7\n", "", true);
}

static void answer_says_whether_another_may_follow(void **state)
{
    (void)state;
#define EMPTY "Content-Length: 0\r\n"
    gives(OK11 EMPTY "Connection: Close\r\n\r\n", "Content-Length=0\nConnection=Close\n", "",
          false);
    gives(OK11 EMPTY "Connection: x, close\r\n\r\n", "Content-Length=0\nConnection=x, close\n", "",
          false);
    gives("HTTP/1.0 200 OK\r\n" EMPTY "\r\n", "Content-Length=0\n", "", false);
    gives("HTTP/1.0 200 OK\r\n" EMPTY "Connection: Keep-Alive\r\n\r\n",
          "Content-Length=0\nConnection=Keep-Alive\n", "", true);
}

static void interim_heads_are_left_out(void **state)
{
    (void)state;
    gives("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n"
          "Connection: close\r\n\r\n" OK11 "Content-Length: 2\r\n\r\nhi",
          "Content-Length=2\n", "hi", true);
    ends_by(HTTP_INVALID, "HTTP/1.1 100 Continue\r\n\r\n");
    ends_by(HTTP_INVALID, "HTTP/1.1 101 Switching Protocols\r\n\r\n" OK11 EMPTY "\r\n");
}

static void malformed_heads_are_invalid(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "SSH-2.0-OpenSSH_9.2\r\n",
        "SSH",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.2 200 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000\r\n\r\n",
        "HTTP/1.1 099 x\r\n\r\n",
        "\r\n" OK11 "\r\n",
        OK11 "Content-Ty",
        OK11 "no colon\r\n\r\n",
        OK11 ": no name\r\n\r\n",
        OK11 "Name : x\r\n\r\n",
        OK11 "A: b\r\n folded\r\n\r\n",
        OK11 " A: b\r\n\r\n",
        OK11 "A: b\rc\r\n\r\n",
        OK11 "A: b\r\n\r\r\n",
        OK11 "N\xC3\xA4me: x\r\n\r\n",
        OK11 "Content-Length: \r\n\r\n",
        OK11 "Content-Length: +1\r\n\r\nx",
        OK11 "Content-Length: 1, 1\r\n\r\nx",
        OK11 "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        OK11 "Content-Length: 9223372036854775808\r\n\r\n",
        OK11 "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        OK11 "Transfer-Encoding: identity\r\n\r\n",
        OK11 "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        ends_by(HTTP_INVALID, bad[i]);
    static struct http_read r;
    read_all_ways(STR(OK11 "A: b\0c\r\n\r\n"), &r);
    assert_int_equal(r.end, HTTP_INVALID);
}

static void a_peer_without_a_word_has_cut(void **state)
{
    (void)state;
    struct http_answer answer;
    http_answer_init(&answer);
    assert_int_equal(http_answer_eof(&answer), HTTP_CUT);
    assert_int_equal(answer.head_bytes, 0);
    http_answer_release(&answer);
}

/* Repeats `line` between the two until there are `bytes` of it. */
static enum http_step flood(const char *before, const char *line, size_t bytes, const char *behind)
{
    struct http_answer answer;
    http_answer_init(&answer);
    struct str rest = str_of(before);
    enum http_step step = HTTP_MORE;
    while (rest.n > 0 && step != HTTP_INVALID)
        step = http_answer_next(&answer, &rest);
    for (size_t n = 0; n < bytes && step != HTTP_INVALID; n += strlen(line)) {
        rest = str_of(line);
        while (rest.n > 0 && step != HTTP_INVALID)
            step = http_answer_next(&answer, &rest);
    }
    rest = str_of(behind);
    while (rest.n > 0 && step != HTTP_INVALID && step != HTTP_END)
        step = http_answer_next(&answer, &rest);
    http_answer_release(&answer);
    return step;
}

static void add_line(char *text, const char *line)
{
    memcpy(text + strlen(text), line, strlen(line) + 1);
}

static void floods_are_invalid(void **state)
{
    (void)state;
    char line[1001];
    memset(line, 'x', sizeof line);
    memcpy(line, "A: ", 3);
    memcpy(line + sizeof line - 3, "\r\n", 3);
    assert_int_equal(flood(OK11, line, 31000, EMPTY "\r\n"), HTTP_HEAD);
    assert_int_equal(flood(OK11, line, 33000, "\r\n"), HTTP_INVALID);
    assert_int_equal(flood(OK11, "A:b\n", 4 * 190, EMPTY "\r\n"), HTTP_HEAD);
    assert_int_equal(flood(OK11, "A:b\n", 4 * 201, "\r\n"), HTTP_INVALID);
    assert_int_equal(flood(OK11, "x", 33000, "\r\n"), HTTP_INVALID);
    assert_int_equal(flood("", "HTTP/1.1 100\n\n", 14 * 99, OK11 EMPTY "\n"), HTTP_HEAD);
    assert_int_equal(flood("", "HTTP/1.1 100\n\n", 14 * 101, OK11 EMPTY "\n"), HTTP_INVALID);
    /* The trailers have a limit of their own. */
    char many[1200] = OK11;
    for (unsigned i = 0; i < 150; i++)
        add_line(many, "A:b\n");
    add_line(many, "Transfer-Encoding: chunked\n\n0\n");
    assert_int_equal(flood(many, "A:b\n", 4 * 150, "\n"), HTTP_END);
    assert_int_equal(flood(CHUNKED "0\n", line, 31000, "\r\n"), HTTP_END);
    assert_int_equal(flood(CHUNKED "0\n", line, 33000, "\r\n"), HTTP_INVALID);
    assert_int_equal(flood(CHUNKED "0\n", "A:b\n", 4 * 202, "\r\n"), HTTP_INVALID);
    assert_int_equal(flood(CHUNKED "0", ";x", 4000, "\n\n"), HTTP_END);
    assert_int_equal(flood(CHUNKED "0", ";x", 4200, "\n\n"), HTTP_INVALID);
    assert_int_equal(flood(CHUNKED "0", " ", 4200, "\n\n"), HTTP_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer_by_length),
        cmocka_unit_test(answer_leaves_what_is_behind_it),
        cmocka_unit_test(answer_by_chunks),
        cmocka_unit_test(answer_by_the_end_of_its_connection),
        cmocka_unit_test(answer_without_a_body),
        cmocka_unit_test(answer_says_whether_another_may_follow),
        cmocka_unit_test(interim_heads_are_left_out),
        cmocka_unit_test(malformed_heads_are_invalid),
        cmocka_unit_test(a_peer_without_a_word_has_cut),
        cmocka_unit_test(floods_are_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
