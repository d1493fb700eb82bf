#include "relay/body.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/aborts.h"

#define BIG (BODY_MEMORY_MAX + 70000) /* more than one spool write behind the boundary */

static const char *spool_dir(void)
{
    const char *dir = getenv("TMPDIR");
    return dir != NULL ? dir : "/tmp";
}

static void add(struct body *body, const char *text)
{
    assert_int_equal(body_add(body, text, strlen(text)), BODY_OK);
}

/* Reads with a cursor `step` bytes at a time; the caller frees. */
static char *read_all(const struct body *body, size_t step, size_t *n)
{
    struct body_cursor cursor = {0};
    size_t size = (size_t)body_size(body), got = 0;
    char *whole = malloc(size + step + 1);
    assert_non_null(whole);
    for (*n = 0; *n <= size; *n += got) {
        assert_true(body_read(body, &cursor, whole + *n, step, &got));
        assert_true(got <= step);
        if (got == 0)
            break;
    }
    assert_int_equal(*n, size);
    whole[*n] = '\0';
    return whole;
}

static void assert_reads(const struct body *body, const char *expected)
{
    for (size_t step = 1; step <= strlen(expected) + 2; step++) {
        size_t n = 0;
        char *whole = read_all(body, step, &n);
        assert_string_equal(whole, expected);
        free(whole);
    }
}

static void empty_body_reads_as_nothing(void **state)
{
    (void)state;
    struct body body;
    body_init(&body, 100, spool_dir(), NULL);
    assert_reads(&body, "");
    assert_true(body_edit(&body, 0, 0, STR("text")));
    assert_reads(&body, "text");
    body_release(&body);
}

static void body_over_its_limit_takes_nothing(void **state)
{
    (void)state;
    struct body body;
    body_init(&body, 10, spool_dir(), NULL);
    add(&body, "0123456");
    assert_int_equal(body_add(&body, "789a", 4), BODY_TOO_LARGE);
    assert_int_equal(body_add(&body, "x", SIZE_MAX), BODY_TOO_LARGE);
    assert_int_equal(body_size(&body), 7);
    add(&body, "789");
    assert_int_equal(body_add(&body, "a", 1), BODY_TOO_LARGE);
    assert_int_equal(body_add(&body, "", 0), BODY_OK);
    assert_reads(&body, "0123456789");
    body_release(&body);
}

static void edits_are_spliced_in_at_every_cut(void **state)
{
    (void)state;
    struct body body;
    body_init(&body, 100, spool_dir(), NULL);
    add(&body, "{\"model\":\"a\",\"stream\":true}");
    /* Out of order; a longer, a shorter and an empty text, and an insertion. */
    assert_true(body_edit(&body, 22, 26, STR("false")));
    assert_true(body_edit(&body, 9, 12, STR("\"other/model\"")));
    assert_true(body_edit(&body, 1, 1, STR("\"x\":1,")));
    assert_true(body_edit(&body, 26, 27, STR("")));
    assert_int_equal(body_size(&body), 27 + 1 + 10 + 6 - 1);
    assert_reads(&body, "{\"x\":1,\"model\":\"other/model\",\"stream\":false");
    body_clear_edits(&body);
    assert_reads(&body, "{\"model\":\"a\",\"stream\":true}");
    body_release(&body);
}

static void edits_at_both_ends_are_spliced_in(void **state)
{
    (void)state;
    struct body body;
    body_init(&body, 100, spool_dir(), NULL);
    add(&body, "middle");
    assert_true(body_edit(&body, 6, 6, STR(">>")));
    assert_true(body_edit(&body, 0, 0, STR("<<")));
    assert_reads(&body, "<<middle>>");
    body_clear_edits(&body);
    assert_true(body_edit(&body, 0, 6, STR("")));
    assert_reads(&body, "");
    body_release(&body);
}

static void neighbouring_edits_do_not_disturb_each_other(void **state)
{
    (void)state;
    struct body body;
    body_init(&body, 100, spool_dir(), NULL);
    add(&body, "abcdef");
    assert_true(body_edit(&body, 2, 4, STR("CD")));
    assert_true(body_edit(&body, 4, 6, STR("EF!")));
    assert_true(body_edit(&body, 0, 2, STR("A")));
    assert_reads(&body, "ACDEF!");
    body_clear_edits(&body);
    assert_true(body_edit(&body, 3, 3, STR("1")));
    assert_true(
        body_edit(&body, 3, 3, STR("2"))); /* insertions stand in the order of their calls */
    assert_reads(&body, "abc12def");
    body_release(&body);
}

static void edit_over(uint64_t begin, uint64_t end)
{
    struct body body;
    body_init(&body, 100, spool_dir(), NULL);
    add(&body, "abcdefghij");
    bool first = body_edit(&body, 4, 6, STR("x"));
    bool second = body_edit(&body, begin, end, STR("y"));
    _exit(first && second ? 0 : 1);
}

static void overlap_from_the_left(void)
{
    edit_over(3, 5);
}

static void overlap_from_the_right(void)
{
    edit_over(5, 8);
}

static void overlap_around(void)
{
    edit_over(2, 9);
}

static void overlap_at_the_same_place(void)
{
    edit_over(4, 5);
}

static void edit_beyond_the_end(void)
{
    edit_over(9, 11);
}

static void overlapping_edits_abort(void **state)
{
    (void)state;
    assert_true(aborts(overlap_from_the_left));
    assert_true(aborts(overlap_from_the_right));
    assert_true(aborts(overlap_around));
    assert_true(aborts(overlap_at_the_same_place));
    assert_true(aborts(edit_beyond_the_end));
}

/* --- across the boundary of memory and spool -----------------------------------------------------
 */

static char *big_text(void)
{
    char *text = malloc(BIG);
    assert_non_null(text);
    uint32_t seed = 7;
    for (size_t i = 0; i < BIG; i++) {
        seed = seed * 1664525 + 1013904223;
        text[i] = (char)('!' + (seed >> 16) % 90);
    }
    return text;
}

static void body_at_the_boundary_stays_in_memory(void **state)
{
    (void)state;
    struct body body;
    char *text = big_text();
    body_init(&body, BIG, spool_dir(), NULL);
    assert_int_equal(body_add(&body, text, BODY_MEMORY_MAX - 1), BODY_OK);
    assert_int_equal(body_add(&body, text, 1), BODY_OK);
    assert_true(body.spool == NULL);
    assert_int_equal(body_add(&body, text, 1), BODY_OK);
    assert_true(body.spool != NULL);
    assert_int_equal(body.memory.n, 0);
    assert_int_equal(body_size(&body), BODY_MEMORY_MAX + 1);
    free(text);
    body_release(&body);
    assert_true(body.spool == NULL);
}

static char *edited(const char *text, const struct body *body, size_t *n)
{
    char *out = malloc(BIG + 1000);
    size_t at = 0;
    *n = 0;
    assert_non_null(out);
    for (unsigned i = 0; i <= body->edit_count; i++) {
        size_t until = i < body->edit_count ? (size_t)body->edits[i].begin : BIG;
        memcpy(out + *n, text + at, until - at);
        *n += until - at;
        if (i == body->edit_count)
            break;
        if (body->edits[i].n > 0) /* an edit that only takes out has no text */
            memcpy(out + *n, body->edits[i].text, body->edits[i].n);
        *n += body->edits[i].n;
        at = (size_t)body->edits[i].end;
    }
    return out;
}

static void spooled_body_reads_as_it_came_with_its_edits(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 1000, 65536, 65537, BIG};
    static const size_t steps[] = {1, 4095, 16384, 65536, BIG + 2000};
    char *text = big_text();
    for (size_t p = 1; p < COUNT(pieces); p++) {
        struct body body;
        body_init(&body, BIG, spool_dir(), NULL);
        for (size_t at = 0; at < BIG; at += pieces[p]) {
            size_t n = BIG - at < pieces[p] ? BIG - at : pieces[p];
            assert_int_equal(body_add(&body, text + at, n), BODY_OK);
        }
        assert_true(body.spool != NULL);
        assert_true(body_edit(&body, BODY_MEMORY_MAX - 3, BODY_MEMORY_MAX + 4, STR("across")));
        assert_true(body_edit(&body, 5, 5, STR("insertion")));
        assert_true(body_edit(&body, BIG - 1, BIG, STR("")));
        assert_true(body_edit(&body, BODY_MEMORY_MAX + 4, BODY_MEMORY_MAX + 4, STR("next")));
        size_t expected_n, n;
        char *expected = edited(text, &body, &expected_n);
        for (size_t i = p == 1 ? 0 : 1; i < COUNT(steps); i++) {
            char *whole = read_all(&body, steps[i], &n);
            assert_int_equal(n, expected_n);
            assert_memory_equal(whole, expected, n);
            free(whole);
        }
        free(expected);
        body_release(&body);
    }
    free(text);
}

static void cursors_of_one_body_are_independent(void **state)
{
    (void)state;
    struct body body;
    struct body_cursor a = {0}, b = {0};
    char one[8], two[8];
    size_t n;
    body_init(&body, 100, spool_dir(), NULL);
    add(&body, "abcdef");
    assert_true(body_edit(&body, 1, 2, STR("XYZ")));
    assert_true(body_read(&body, &a, one, 3, &n));
    assert_true(body_read(&body, &b, two, 2, &n));
    assert_memory_equal(one, "aXY", 3);
    assert_memory_equal(two, "aX", 2);
    assert_true(body_read(&body, &a, one, 8, &n));
    assert_int_equal(n, 5);
    assert_memory_equal(one, "Zcdef", 5);
    body_release(&body);
}

static void spool_without_a_folder_fails(void **state)
{
    (void)state;
    struct body body;
    char *text = big_text();
    body_init(&body, BIG, "/nonexistent/folder", NULL);
    assert_int_equal(body_add(&body, text, BODY_MEMORY_MAX), BODY_OK);
    assert_int_equal(body_add(&body, text, 1), BODY_FAILED);
    free(text);
    body_release(&body);
}

static void spool_that_breaks_is_told_by_read(void **state)
{
    (void)state;
    struct body body;
    struct body_cursor cursor = {0};
    char *text = big_text();
    size_t n;
    body_init(&body, BIG, spool_dir(), NULL);
    assert_int_equal(body_add(&body, text, BIG), BODY_OK);
    assert_int_equal(ftruncate(body.spool->fd, 10), 0); /* as if the disk had lost it */
    assert_false(body_read(&body, &cursor, text, 100, &n));
    free(text);
    body_release(&body);
}

static void released_body_is_empty_and_may_be_released_again(void **state)
{
    (void)state;
    struct body body;
    body_init(&body, 100, spool_dir(), NULL);
    add(&body, "abc");
    assert_true(body_edit(&body, 0, 1, STR("z")));
    body_release(&body);
    assert_int_equal(body_size(&body), 0);
    assert_reads(&body, "");
    body_release(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_body_reads_as_nothing),
        cmocka_unit_test(body_over_its_limit_takes_nothing),
        cmocka_unit_test(edits_are_spliced_in_at_every_cut),
        cmocka_unit_test(edits_at_both_ends_are_spliced_in),
        cmocka_unit_test(neighbouring_edits_do_not_disturb_each_other),
        cmocka_unit_test(overlapping_edits_abort),
        cmocka_unit_test(body_at_the_boundary_stays_in_memory),
        cmocka_unit_test(spooled_body_reads_as_it_came_with_its_edits),
        cmocka_unit_test(cursors_of_one_body_are_independent),
        cmocka_unit_test(spool_without_a_folder_fails),
        cmocka_unit_test(spool_that_breaks_is_told_by_read),
        cmocka_unit_test(released_body_is_empty_and_may_be_released_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
