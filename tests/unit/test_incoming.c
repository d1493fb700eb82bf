#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "relay/incoming.h"

#define BODY_MAX 300000

/* A user that has room for every `period`th piece that it is offered. */
struct user {
    char body[BODY_MAX];
    size_t n;
    int status;
    unsigned period, offers;
    bool no_memory;
};

static bool on_field(void *context, struct str name, struct str value)
{
    (void)name;
    (void)value;
    return !((struct user *)context)->no_memory;
}

static void on_head(void *context, int status)
{
    ((struct user *)context)->status = status;
}

static bool on_body(void *context, struct str piece)
{
    struct user *user = context;
    if (++user->offers % user->period != 0)
        return false;
    assert_true(user->n + piece.n <= BODY_MAX);
    memcpy(user->body + user->n, piece.p, piece.n);
    user->n += piece.n;
    return true;
}

static enum incoming_result read_all(struct user *user, struct str text, size_t step)
{
    struct incoming incoming;
    const struct incoming_user calls = {on_field, on_head, on_body, user};
    enum incoming_result result = INCOMING_MORE;
    incoming_init(&incoming, &calls);
    for (size_t at = 0; at < text.n && result == INCOMING_MORE; at += step) {
        result = incoming_feed(&incoming, str_slice(text, at, at + step));
        while (result == INCOMING_FULL || result == INCOMING_LATER)
            result = incoming_resume(&incoming);
    }
    if (result == INCOMING_MORE)
        result = incoming_eof(&incoming);
    incoming_release(&incoming);
    return result;
}

static size_t gzip(const char *text, size_t n, unsigned char *into, size_t room)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)text;
    z.avail_in = (uInt)n;
    z.next_out = into;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

/* An encoded answer in chunks; gives its length. */
static size_t make_answer(const char *body, size_t n, char *into, size_t room)
{
    static unsigned char packed[BODY_MAX];
    size_t packed_n = gzip(body, n, packed, sizeof packed);
    struct buf text;
    buf_init(&text, room);
    assert_true(buf_addf(&text, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                                "Transfer-Encoding: chunked\r\n\r\n"));
    for (size_t at = 0; at < packed_n; at += 100) {
        size_t piece = packed_n - at < 100 ? packed_n - at : 100;
        assert_true(buf_addf(&text, "%zx\r\n", piece) && buf_add(&text, packed + at, piece) &&
                    buf_add(&text, "\r\n", 2));
    }
    assert_true(buf_addf(&text, "0\r\n\r\n"));
    size_t text_n = text.n;
    memcpy(into, text.p, text.n);
    buf_release(&text);
    return text_n;
}

static void refused_pieces_come_again_and_nothing_twice(void **state)
{
    (void)state;
    static char body[BODY_MAX], answer[BODY_MAX];
    static struct user user;
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = "some words "[i * i / 7 % 11];
    size_t n = make_answer(body, sizeof body, answer, sizeof answer);
    static const size_t steps[] = {1, 33, 1000, BODY_MAX};
    for (size_t i = 0; i < COUNT(steps); i++) {
        for (unsigned period = 1; period <= 3; period++) {
            user = (struct user){.period = period};
            assert_int_equal(read_all(&user, (struct str){answer, n}, steps[i]), INCOMING_END);
            assert_int_equal(user.status, 200);
            assert_int_equal(user.n, sizeof body);
            assert_memory_equal(user.body, body, sizeof body);
        }
    }
}

static bool count_bytes(void *context, struct str piece)
{
    ((struct user *)context)->n += piece.n;
    return true;
}

/* 64 MiB in 64 KiB: what one read decodes in a turn has an end, and nothing is lost. */
static void few_bytes_that_decode_to_many_take_several_turns(void **state)
{
    (void)state;
    enum { MANY = 64 << 20, TURN = 272 << 10 };
    static struct user user;
    static char answer[BODY_MAX];
    char *zeros = calloc(1, MANY);
    assert_non_null(zeros);
    size_t n = make_answer(zeros, MANY, answer, sizeof answer);
    free(zeros);
    user = (struct user){.n = 0};
    struct incoming incoming;
    const struct incoming_user calls = {on_field, on_head, count_bytes, &user};
    incoming_init(&incoming, &calls);
    unsigned turns = 1;
    enum incoming_result result = incoming_feed(&incoming, (struct str){answer, n});
    for (size_t before = 0; result == INCOMING_LATER; turns++) {
        assert_true(user.n - before <= TURN);
        before = user.n;
        result = incoming_resume(&incoming);
    }
    assert_int_equal(result, INCOMING_END);
    assert_int_equal(user.n, MANY);
    assert_true(turns >= MANY / TURN);
    incoming_release(&incoming);
}

static void plain_pieces_come_again(void **state)
{
    (void)state;
    static struct user user;
    struct str text =
        STR("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Encoding: identity\r\n\r\n"
            "0123456789");
    for (size_t step = 1; step <= text.n; step++) {
        user = (struct user){.period = 2};
        assert_int_equal(read_all(&user, text, step), INCOMING_END);
        assert_int_equal(user.n, 10);
        assert_memory_equal(user.body, "0123456789", 10);
    }
}

static enum incoming_result result_of(const char *text)
{
    static struct user user;
    user = (struct user){.period = 1};
    return read_all(&user, str_of(text), 7);
}

static void ends_are_told_apart(void **state)
{
    (void)state;
#define OK "HTTP/1.1 200 OK\r\n"
    assert_int_equal(result_of(OK "\r\nbody"), INCOMING_END);
    assert_int_equal(result_of(OK "Content-Length: 5\r\n\r\nbody"), INCOMING_CUT);
    assert_int_equal(result_of(OK "Content-"), INCOMING_INVALID);
    assert_int_equal(result_of(OK "Content-Encoding: br\r\n\r\nbody"), INCOMING_INVALID);
    assert_int_equal(result_of(OK "Content-Encoding: br\r\nContent-Length: 0\r\n\r\n"),
                     INCOMING_END);
    assert_int_equal(
        result_of(OK "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b"),
        INCOMING_INVALID);
    assert_int_equal(result_of(OK "Content-Encoding: gzip\r\n\r\n\x1f\x8b"), INCOMING_INVALID);
    static struct user user;
    user = (struct user){.period = 1, .no_memory = true};
    assert_int_equal(read_all(&user, STR(OK "A: b\r\n\r\n"), 7), INCOMING_NO_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_pieces_come_again_and_nothing_twice),
        cmocka_unit_test(few_bytes_that_decode_to_many_take_several_turns),
        cmocka_unit_test(plain_pieces_come_again),
        cmocka_unit_test(ends_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
