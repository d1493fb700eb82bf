#include "server/direct.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"

/* A client's socket with a tiny send buffer, and what its other end has received. */
struct line {
    int near, far;
    struct buf received;
};

static int set_up(void **state)
{
    struct line *line = calloc(1, sizeof *line);
    int ends[2], tiny = 1;
    assert_non_null(line);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &tiny, sizeof tiny), 0);
    line->near = ends[0];
    line->far = ends[1];
    buf_init(&line->received, (size_t)16 << 20);
    *state = line;
    return 0;
}

static int tear_down(void **state)
{
    struct line *line = *state;
    close(line->near);
    if (line->far >= 0)
        close(line->far);
    buf_release(&line->received);
    free(line);
    return 0;
}

/* Takes up to n bytes out of the socket; how many there were. */
static size_t receive(struct line *line, size_t n)
{
    char bytes[4096];
    ssize_t got = recv(line->far, bytes, n < sizeof bytes ? n : sizeof bytes, MSG_DONTWAIT);
    if (got <= 0)
        return 0;
    assert_true(buf_add(&line->received, bytes, (size_t)got));
    return (size_t)got;
}

static void receive_all(struct line *line)
{
    while (receive(line, SIZE_MAX) > 0)
        ;
}

static void assert_received(const struct line *line, const char *expected)
{
    assert_int_equal(line->received.n, strlen(expected));
    assert_memory_equal(line->received.p, expected, line->received.n);
}

static void push_released(struct stream *stream, const char *p, size_t n)
{
    assert_true(stream_push(stream, p, n));
    stream_release_all(stream);
}

static void nothing_released_writes_nothing(void **state)
{
    struct line *line = *state;
    struct direct direct = {.on = true};
    struct stream stream;
    bool wrote = true;
    stream_init(&stream, 1000);
    assert_int_equal(direct_write(&direct, line->near, &stream, &wrote), DIRECT_IDLE);
    assert_false(wrote);
    assert_true(stream_push(&stream, "held", 4));
    assert_int_equal(direct_write(&direct, line->near, &stream, &wrote), DIRECT_IDLE);
    assert_false(wrote);
    assert_true(direct_is_clean(&direct));
    receive_all(line);
    assert_received(line, "");
    stream_release_memory(&stream);
}

static void released_bytes_go_out_as_one_frame(void **state)
{
    struct line *line = *state;
    struct direct direct = {.on = true};
    struct stream stream;
    bool wrote = false;
    stream_init(&stream, 1000);
    push_released(&stream, "data: 1\n\n", 9);
    push_released(&stream, "data: 23\n\n", 10);
    assert_true(stream_push(&stream, "held", 4));
    assert_int_equal(direct_write(&direct, line->near, &stream, &wrote), DIRECT_IDLE);
    assert_true(wrote);
    receive_all(line);
    assert_received(line, "13\r\ndata: 1\n\ndata: 23\n\n\r\n");
    stream_release_all(&stream);
    assert_int_equal(direct_write(&direct, line->near, &stream, &wrote), DIRECT_IDLE);
    receive_all(line);
    assert_received(line, "13\r\ndata: 1\n\ndata: 23\n\n\r\n4\r\nheld\r\n");
    assert_true(direct_is_clean(&direct));
    stream_release_memory(&stream);
}

/* Strips the frames; every one must be exact. */
static void unframe(struct str framed, struct buf *out)
{
    while (framed.n > 0) {
        size_t cr = str_index(framed, '\r');
        char digits[20] = "", *end;
        assert_in_range(cr, 1, sizeof digits - 1);
        memcpy(digits, framed.p, cr);
        assert_true(digits[0] != '0');
        size_t n = strtoul(digits, &end, 16);
        assert_true(*end == '\0');
        assert_true(framed.n >= cr + 2 + n + 2);
        assert_memory_equal(framed.p + cr, "\r\n", 2);
        assert_memory_equal(framed.p + cr + 2 + n, "\r\n", 2);
        assert_true(buf_add(out, framed.p + cr + 2, n));
        framed = str_from(framed, cr + 2 + n + 2);
    }
}

static uint32_t dice(uint32_t *seed, uint32_t sides)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % sides;
}

/* A reader that takes a few bytes at a time, while more arrives and unreleased bytes are taken
 * back: frames stay exact wherever the socket was full. */
static void full_socket_cuts_frames_anywhere_and_they_stay_exact(void **state)
{
    struct line *line = *state;
    struct buf sent, plain;
    bool blocked_in_frame = false;
    uint32_t seed = 3;
    struct direct direct = {.on = true};
    struct stream stream;
    stream_init(&stream, 100000);
    buf_init(&sent, (size_t)16 << 20);
    buf_init(&plain, (size_t)16 << 20);
    for (int step = 0; step < 20000; step++) {
        char piece[3000];
        size_t n = dice(&seed, 20) == 0 ? dice(&seed, sizeof piece) : dice(&seed, 12);
        memset(piece, 'a' + (int)dice(&seed, 26), n);
        uint64_t begin = stream_size(&stream);
        if (stream_push(&stream, piece, n)) {
            if (dice(&seed, 4) == 0)
                stream_remove(&stream, begin, stream_size(&stream));
            else
                assert_true(buf_add(&sent, piece, n));
            stream_release_all(&stream);
        }
        bool wrote;
        enum direct_result result = direct_write(&direct, line->near, &stream, &wrote);
        assert_true(result != DIRECT_BROKEN);
        assert_int_equal(result == DIRECT_BLOCKED, direct.blocked);
        if (result == DIRECT_IDLE)
            assert_true(direct_is_clean(&direct) && stream_ready(&stream) == 0);
        blocked_in_frame |= !direct_is_clean(&direct);
        for (size_t burst = dice(&seed, 40); burst > 0; burst--)
            receive(line, 1 + dice(&seed, 300));
    }
    for (bool wrote = true; wrote || !direct_is_clean(&direct);) {
        assert_true(direct_write(&direct, line->near, &stream, &wrote) != DIRECT_BROKEN);
        receive_all(line);
    }
    unframe(buf_str(&line->received), &plain);
    assert_int_equal(plain.n, sent.n);
    assert_memory_equal(plain.p, sent.p, sent.n);
    assert_true(blocked_in_frame); /* or this test has tested nothing */
    buf_release(&sent);
    buf_release(&plain);
    stream_release_memory(&stream);
}

static void client_that_has_gone_is_told_without_a_signal(void **state)
{
    struct line *line = *state;
    struct direct direct = {.on = true};
    struct stream stream;
    bool wrote = false;
    stream_init(&stream, 1000);
    push_released(&stream, "x", 1);
    close(line->far);
    line->far = -1;
    assert_int_equal(direct_write(&direct, line->near, &stream, &wrote), DIRECT_BROKEN);
    assert_false(wrote);
    stream_release_memory(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_released_writes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(released_bytes_go_out_as_one_frame, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_socket_cuts_frames_anywhere_and_they_stay_exact,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(client_that_has_gone_is_told_without_a_signal, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
