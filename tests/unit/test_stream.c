#include "relay/stream.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tests/unit/aborts.h"

static void push(struct stream *s, const char *text)
{
    assert_true(stream_push(s, text, strlen(text)));
}

static void assert_pulls(struct stream *s, const char *expected)
{
    char got[4096];
    size_t n = stream_pull(s, got, sizeof got);
    assert_int_equal(n, strlen(expected));
    assert_memory_equal(got, expected, n);
}

static void pushed_bytes_wait_for_release(void **state)
{
    (void)state;
    struct stream s;
    stream_init(&s, 100);
    push(&s, "hello ");
    assert_int_equal(stream_ready(&s), 0);
    assert_int_equal(stream_peek(&s).n, 0);
    assert_pulls(&s, "");
    stream_release(&s, 3);
    assert_int_equal(stream_ready(&s), 3);
    stream_release(&s, 1); /* never takes back */
    assert_int_equal(stream_ready(&s), 3);
    assert_pulls(&s, "hel");
    push(&s, "world");
    assert_int_equal(stream_size(&s), 11);
    stream_release_all(&s);
    assert_pulls(&s, "lo world");
    assert_null(s.bytes.p); /* a quiet stream costs nothing */
    assert_int_equal(stream_size(&s), 11);
    stream_release_memory(&s);
}

static void pull_takes_no_more_than_asked(void **state)
{
    (void)state;
    struct stream s;
    char got[3];
    stream_init(&s, 100);
    push(&s, "abcdefgh");
    stream_release(&s, 7);
    assert_int_equal(stream_pull(&s, got, 3), 3);
    assert_memory_equal(got, "abc", 3);
    struct str seen = stream_peek(&s);
    assert_int_equal(seen.n, 4);
    assert_memory_equal(seen.p, "defg", 4);
    stream_skip(&s, 4);
    assert_int_equal(stream_ready(&s), 0);
    stream_release_all(&s);
    assert_pulls(&s, "h");
    stream_release_memory(&s);
}

static void removed_bytes_are_never_seen(void **state)
{
    (void)state;
    struct stream s;
    stream_init(&s, 100);
    push(&s, "one two three");
    stream_release(&s, 4);
    assert_pulls(&s, "one ");
    stream_remove(&s, 4, 8);
    assert_int_equal(stream_size(&s), 9);
    stream_remove(&s, 6, 6);
    stream_release_all(&s);
    assert_pulls(&s, "three");
    push(&s, "tail");
    stream_remove(&s, 9, 13); /* everything that is left */
    assert_int_equal(stream_size(&s), 9);
    push(&s, "!");
    stream_release_all(&s);
    assert_pulls(&s, "!");
    stream_release_memory(&s);
}

static void remove_released(void)
{
    struct stream s;
    stream_init(&s, 100);
    push(&s, "abcdef");
    stream_release(&s, 3);
    stream_remove(&s, 2, 4);
}

static void remove_beyond_the_end(void)
{
    struct stream s;
    stream_init(&s, 100);
    push(&s, "abcdef");
    stream_remove(&s, 2, 7);
}

static void release_beyond_the_end(void)
{
    struct stream s;
    stream_init(&s, 100);
    push(&s, "abcdef");
    stream_release(&s, 7);
}

static void push_after_end(void)
{
    struct stream s;
    stream_init(&s, 100);
    stream_end(&s);
    (void)!stream_push(&s, "x", 1);
}

static void misuse_aborts(void **state)
{
    (void)state;
    assert_true(aborts(remove_released));
    assert_true(aborts(remove_beyond_the_end));
    assert_true(aborts(release_beyond_the_end));
    assert_true(aborts(push_after_end));
}

static void cut_keeps_what_is_released(void **state)
{
    (void)state;
    struct stream s;
    stream_init(&s, 100);
    push(&s, "whole event|half an ev");
    stream_release(&s, 12);
    char got[6];
    assert_int_equal(stream_pull(&s, got, 6), 6);
    stream_cut(&s);
    assert_int_equal(stream_size(&s), 12);
    push(&s, "error event");
    stream_release_all(&s);
    stream_end(&s);
    assert_false(stream_is_done(&s));
    assert_pulls(&s, "event|error event");
    assert_true(stream_is_done(&s));
    stream_release_memory(&s);
}

static void cut_of_an_empty_stream_does_nothing(void **state)
{
    (void)state;
    struct stream s;
    stream_init(&s, 100);
    stream_cut(&s);
    assert_int_equal(stream_size(&s), 0);
    push(&s, "ab");
    stream_release_all(&s);
    assert_pulls(&s, "ab");
    stream_cut(&s);
    assert_int_equal(stream_size(&s), 2);
    stream_release_memory(&s);
}

static void end_is_done_only_when_all_is_pulled(void **state)
{
    (void)state;
    struct stream s;
    stream_init(&s, 100);
    assert_false(stream_is_done(&s));
    push(&s, "x");
    stream_release_all(&s);
    stream_abort(&s);
    assert_true(s.ended && s.aborted);
    assert_false(stream_is_done(&s));
    assert_pulls(&s, "x");
    assert_true(stream_is_done(&s));
    stream_release_memory(&s);
}

static void push_when_full_takes_nothing(void **state)
{
    (void)state;
    struct stream s;
    stream_init(&s, 10);
    push(&s, "0123456789");
    stream_release(&s, 4);
    assert_false(stream_push(&s, "x", 1));
    assert_int_equal(stream_size(&s), 10);
    assert_int_equal(stream_ready(&s), 4);
    stream_skip(&s, 2);
    /* What has been pulled makes room, and only that. */
    assert_false(stream_push(&s, "abc", 3));
    assert_int_equal(stream_size(&s), 10);
    push(&s, "ab");
    assert_int_equal(stream_size(&s), 12);
    assert_false(stream_push(&s, "c", 1));
    stream_release_all(&s);
    assert_pulls(&s, "23456789ab");
    push(&s, "fits again");
    stream_release_memory(&s);
}

static void push_far_too_long_takes_nothing(void **state)
{
    (void)state;
    struct stream s;
    stream_init(&s, 10);
    push(&s, "abc");
    assert_false(stream_push(&s, "x", SIZE_MAX));
    assert_false(stream_push(&s, "x", SIZE_MAX - 2));
    assert_int_equal(stream_size(&s), 3);
    stream_release_all(&s);
    assert_pulls(&s, "abc");
    stream_release_memory(&s);
}

/* --- against a plain model: every byte ever pushed, with where it went ---------------------------
 */

#define MODEL_MAX 65536
#define ROOM 97

struct model {
    char bytes[MODEL_MAX]; /* of the stream, removed ones gone */
    size_t n, pulled, released;
};

static uint32_t dice(uint32_t *seed, uint32_t sides)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % sides;
}

static void model_push(struct model *m, struct stream *s, uint32_t *seed)
{
    char piece[40];
    size_t n = dice(seed, sizeof piece);
    for (size_t i = 0; i < n; i++)
        piece[i] = (char)('a' + dice(seed, 26));
    bool fits = m->n - m->pulled + n <= ROOM;
    assert_int_equal(stream_push(s, piece, n), fits);
    if (!fits)
        return;
    memcpy(m->bytes + m->n, piece, n);
    m->n += n;
}

static void model_remove(struct model *m, struct stream *s, uint32_t *seed)
{
    size_t held = m->n - m->released;
    size_t begin = m->released + dice(seed, (uint32_t)held + 1);
    size_t end = begin + dice(seed, (uint32_t)(m->n - begin) + 1);
    stream_remove(s, begin, end);
    memmove(m->bytes + begin, m->bytes + end, m->n - end);
    m->n -= end - begin;
}

static void model_pull(struct model *m, struct stream *s, uint32_t *seed)
{
    char got[64];
    size_t asked = dice(seed, sizeof got);
    size_t ready = m->released - m->pulled;
    size_t n = stream_pull(s, got, asked);
    assert_int_equal(n, asked < ready ? asked : ready);
    assert_memory_equal(got, m->bytes + m->pulled, n);
    m->pulled += n;
}

/* Seldom: after it little is left to try. */
static void model_cut(struct model *m, struct stream *s, uint32_t *seed)
{
    if (dice(seed, 8) != 0)
        return;
    stream_cut(s);
    m->n = m->released;
}

static void stream_does_what_a_plain_model_does(void **state)
{
    (void)state;
    static struct model m;
    for (uint32_t seed = 1; seed < 200; seed++) {
        uint32_t roll = seed;
        struct stream s;
        memset(&m, 0, sizeof m);
        stream_init(&s, ROOM);
        for (int step = 0; step < 1000 && m.n < MODEL_MAX - 100; step++) {
            switch (dice(&roll, 6)) {
            case 0:
            case 1:
                model_push(&m, &s, &roll);
                break;
            case 2:
                m.released += dice(&roll, (uint32_t)(m.n - m.released) + 1);
                stream_release(&s, m.released);
                break;
            case 3:
                model_remove(&m, &s, &roll);
                break;
            case 4:
                model_pull(&m, &s, &roll);
                break;
            default:
                model_cut(&m, &s, &roll);
            }
            assert_int_equal(stream_size(&s), m.n);
            assert_int_equal(stream_ready(&s), m.released - m.pulled);
            struct str ready = stream_peek(&s);
            assert_int_equal(ready.n, m.released - m.pulled);
            assert_memory_equal(ready.p, m.bytes + m.pulled, ready.n);
        }
        stream_release_memory(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pushed_bytes_wait_for_release),
        cmocka_unit_test(pull_takes_no_more_than_asked),
        cmocka_unit_test(removed_bytes_are_never_seen),
        cmocka_unit_test(misuse_aborts),
        cmocka_unit_test(cut_keeps_what_is_released),
        cmocka_unit_test(cut_of_an_empty_stream_does_nothing),
        cmocka_unit_test(end_is_done_only_when_all_is_pulled),
        cmocka_unit_test(push_when_full_takes_nothing),
        cmocka_unit_test(push_far_too_long_takes_nothing),
        cmocka_unit_test(stream_does_what_a_plain_model_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
