#include "config/video_dialect.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static void adds(struct video_dialect *dialect, const char *text)
{
    size_t at = 0;
    struct buf why;
    buf_init(&why, 1024);
    if (!video_dialect_add(dialect, str_of(text), &at, &why))
        fail_msg("%s: %.*s", text, STR_ARG(buf_str(&why)));
    buf_release(&why);
}

/* "a.b[].c" of a want. */
static void assert_place(const struct video_reader *reader, unsigned at, const char *expected)
{
    struct buf text;
    buf_init(&text, 1024);
    for (unsigned i = 0; i < JSPAN_PATH_MAX && reader->wants[at].path[i] != NULL; i++) {
        const char *step = reader->wants[at].path[i];
        bool is_name = i > 0 && strcmp(step, "[]") != 0;
        assert_true(buf_addf(&text, "%s%s", is_name ? "." : "", step));
    }
    assert_true(buf_add_char(&text, '\0'));
    assert_string_equal(text.p, expected);
    buf_release(&text);
}

static void default_places_and_words_are_those_of_known_providers(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        enum video_meaning meaning;
    } rows[] = {
        {"queued", VIDEO_MEANING_queued},       {"PENDING", VIDEO_MEANING_queued},
        {"submitted", VIDEO_MEANING_queued},    {"NOT_START", VIDEO_MEANING_queued},
        {"running", VIDEO_MEANING_in_progress}, {"processing", VIDEO_MEANING_in_progress},
        {"succeed", VIDEO_MEANING_completed},   {"SUCCEEDED", VIDEO_MEANING_completed},
        {"Success", VIDEO_MEANING_completed},   {"FAILED", VIDEO_MEANING_failed},
        {"cancelled", VIDEO_MEANING_failed},
    };
    struct video_dialect dialect = {.reader = NULL};
    enum video_meaning meaning;
    assert_true(video_dialect_finish(&dialect));
    assert_place(dialect.reader, 0, "id");
    assert_place(dialect.reader, 2, "data.task_id");
    bool found = false;
    for (unsigned i = 0; i < dialect.reader->n; i++)
        found |= dialect.reader->wants[i].path[4] != NULL &&
                 dialect.reader->part[i] == VIDEO_PART_url &&
                 strcmp(dialect.reader->wants[i].path[3], "[]") == 0;
    assert_true(found);
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_true(video_dialect_meaning(&dialect, str_of(rows[i].word), &meaning));
        assert_int_equal(meaning, rows[i].meaning);
    }
    assert_false(video_dialect_meaning(&dialect, STR("paused"), &meaning));
    assert_false(video_dialect_meaning(&dialect, STR(""), &meaning));
    video_dialect_release(&dialect);
}

static void own_places_replace_and_own_words_go_before(void **state)
{
    (void)state;
    struct video_dialect dialect = {.reader = NULL};
    enum video_meaning meaning;
    struct buf out;
    adds(&dialect, "id  job.uuid\tjob");
    adds(&dialect, "url results[].files[].href");
    adds(&dialect, "completed done created");
    assert_true(video_dialect_finish(&dialect));
    assert_place(dialect.reader, 0, "job.uuid");
    assert_place(dialect.reader, 1, "job");
    assert_int_equal(dialect.reader->part[2], VIDEO_PART_status);
    for (unsigned i = 0; i < dialect.reader->n; i++)
        if (dialect.reader->part[i] == VIDEO_PART_url)
            assert_place(dialect.reader, i, "results[].files[].href");
    assert_true(video_dialect_meaning(&dialect, STR("Created"), &meaning));
    assert_int_equal(meaning, VIDEO_MEANING_completed);
    assert_true(video_dialect_meaning(&dialect, STR("finished"), &meaning));
    assert_int_equal(meaning, VIDEO_MEANING_completed);
    buf_init(&out, 1024);
    assert_true(video_dialect_show("video", &dialect, &out) && buf_add_char(&out, '\0'));
    assert_string_equal(out.p, "video = id job.uuid\tjob\nvideo = url results[].files[].href\n"
                               "video = completed done created\n");
    buf_release(&out);
    video_dialect_release(&dialect);
}

static void line_that_is_wrong_is_refused_where_it_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t at;
        const char *why;
    } rows[] = {
        {"", 0, "\"\" is not a part and its places (want PART PLACE...)"},
        {"status ", 0, "\"status \" is not a part and its places (want PART PLACE...)"},
        {"stauts x", 0, "\"stauts\" is no part of a video's answer; did you mean \"status\"?"},
        {"whatever x", 0,
         "\"whatever\" is no part of a video's answer (want id status progress url seconds "
         "expires error_code error_message, or a meaning: queued in_progress completed failed)"},
        {"id a b", 0, "id stands twice"},
        {"status a .b", 9, "\".b\" is no place in an answer (want one like data.videos[].url)"},
        {"status a..b", 7, "\"a..b\" is no place in an answer (want one like data.videos[].url)"},
        {"status a[0]", 7, "\"a[0]\" is no place in an answer (want one like data.videos[].url)"},
        {"status a[]b", 7, "\"a[]b\" is no place in an answer (want one like data.videos[].url)"},
        {"status a.b.c.d.e.f.g", 7, "\"a.b.c.d.e.f.g\" has more than 6 steps"},
        {"status a b c d e f g h", 21, "more than 7 places"},
        {"queued paused DONE", 14, "\"DONE\" means completed already"},
    };
    struct video_dialect dialect = {.reader = NULL};
    struct buf why;
    buf_init(&why, 1024);
    adds(&dialect, "id x");
    adds(&dialect, "completed done");
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t at = 999;
        assert_false(video_dialect_add(&dialect, str_of(rows[i].text), &at, &why));
        assert_true(buf_add_char(&why, '\0'));
        assert_string_equal(why.p, rows[i].why);
        assert_int_equal(at, rows[i].at);
    }
    buf_release(&why);
    video_dialect_release(&dialect);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_places_and_words_are_those_of_known_providers),
        cmocka_unit_test(own_places_replace_and_own_words_go_before),
        cmocka_unit_test(line_that_is_wrong_is_refused_where_it_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
