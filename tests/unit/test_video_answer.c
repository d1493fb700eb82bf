#include "relay/video_answer.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

/* Answers as the providers' own pages show them. */
static const char openai[] =
    "{\"id\":\"video_1\",\"object\":\"video\",\"status\":\"in_progress\",\"progress\":45,"
    "\"model\":\"sora\",\"seconds\":\"8\",\"size\":\"720x1280\",\"error\":null}";
static const char new_api[] =
    "{\"code\":\"success\",\"message\":\"\",\"data\":{\"task_id\":\"t-9\",\"status\":\"SUCCESS\","
    "\"fail_reason\":\"\",\"progress\":\"100%\",\"result_url\":\"https://r/x.mp4\"}}";
static const char ark[] =
    "{\"id\":\"cgt-2025-1\",\"model\":\"doubao-seedance\",\"status\":\"succeeded\",\"content\":{"
    "\"video_url\":\"https://ark/x.mp4?sig=a%2Fb\"},\"usage\":{\"completion_tokens\":246840,"
    "\"total_tokens\":246840},\"seed\":18446744073709551616,\"duration\":5,\"error\":null}";
static const char kling[] =
    "{\"code\":0,\"message\":\"SUCCEED\",\"request_id\":\"r\",\"data\":{\"task_id\":"
    "7412345678901234567,"
    "\"task_status\":\"succeed\",\"task_status_msg\":\"\",\"task_result\":{\"videos\":["
    "{\"id\":\"v1\",\"url\":\"https://k/1.mp4\",\"duration\":\"5.1\"},"
    "{\"id\":\"v2\",\"url\":\"https://k/2.mp4\",\"duration\":\"5.1\"}]}}}";
static const char dashscope[] =
    "{\"request_id\":\"r\",\"output\":{\"task_id\":\"0385\",\"task_status\":\"FAILED\",\"code\":"
    "\"DataInspectionFailed\",\"message\":\"Input \\u00e9 is inappropriate.\"}}";

static void reads(struct video_answer *answer, const char *document)
{
    struct video_dialect dialect = {.reader = NULL};
    assert_true(video_dialect_finish(&dialect));
    video_answer_init(answer);
    assert_true(video_answer_read(answer, &dialect, str_of(document)));
    video_dialect_release(&dialect);
}

static void answers_of_known_providers_are_read_without_a_line(void **state)
{
    (void)state;
    static const struct {
        const char *document, *id, *word;
        enum video_meaning meaning;
        int progress;
        int64_t length_ms;
        const char *urls, *code, *message;
    } rows[] = {
        {openai, "video_1", "in_progress", VIDEO_MEANING_in_progress, 45, 8000, "", "", ""},
        {new_api, "t-9", "SUCCESS", VIDEO_MEANING_completed, 100, 0, "https://r/x.mp4", "", ""},
        {ark, "cgt-2025-1", "succeeded", VIDEO_MEANING_completed, 0, 5000,
         "https://ark/x.mp4?sig=a%2Fb", "", ""},
        {kling, "7412345678901234567", "succeed", VIDEO_MEANING_completed, 0, 5100,
         "https://k/1.mp4\nhttps://k/2.mp4", "", ""},
        {dashscope, "0385", "FAILED", VIDEO_MEANING_failed, 0, 0, "", "DataInspectionFailed",
         "Input \xc3\xa9 is inappropriate."},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct video_answer answer;
        reads(&answer, rows[i].document);
        assert_string_equal(answer.id.p, rows[i].id);
        assert_string_equal(answer.word, rows[i].word);
        assert_true(answer.is_known);
        assert_int_equal(answer.meaning, rows[i].meaning);
        assert_int_equal(answer.progress, rows[i].progress);
        assert_int_equal(answer.length_ms, rows[i].length_ms);
        assert_string_equal(answer.urls.p, rows[i].urls);
        assert_string_equal(answer.error_code, rows[i].code);
        assert_string_equal(answer.error_message.p, rows[i].message);
        video_answer_release(&answer);
    }
}

static void first_place_that_is_there_counts_wherever_it_stands(void **state)
{
    (void)state;
    struct video_answer answer;
    reads(&answer, "{\"output\":{\"task_id\":\"c\"},\"task_id\":\"b\",\"id\":null,\"status\":\"\","
                   "\"data\":{\"status\":\"weird\"},\"progress\":\"many\"}");
    assert_string_equal(answer.id.p, "b");
    assert_string_equal(answer.word, "weird");
    assert_false(answer.is_known);
    assert_int_equal(answer.progress, 0);
    video_answer_release(&answer);
}

static void end_of_a_result_is_told_in_seconds_or_milliseconds(void **state)
{
    (void)state;
    static const struct {
        const char *document;
        int64_t expires_ms;
    } rows[] = {
        {"{\"expires_at\":1795550400}", INT64_C(1795550400000)},
        {"{\"data\":{\"expires_at\":\"1795550400\"}}", INT64_C(1795550400000)},
        {"{\"expires_at\":1795550400999}", INT64_C(1795550400000)},
        {"{\"expires_at\":null,\"output\":{\"expires_at\":1795550400.5}}", INT64_C(1795550400000)},
        {"{\"expires_at\":0}", 0},
        {"{\"expires_at\":-5}", 0},
        {"{\"expires_at\":1e30}", 0},
        {"{\"expires_at\":\"tomorrow\"}", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct video_answer answer;
        reads(&answer, rows[i].document);
        assert_int_equal(answer.expires_ms, rows[i].expires_ms);
        video_answer_release(&answer);
    }
}

static void values_that_cannot_be_are_as_good_as_not_there(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "{\"id\":\"a\\nb\",\"progress\":101,\"seconds\":-1,\"url\":{\"a\":\"b\"}}",
        "{\"id\":\"a\\u0000b\",\"progress\":-1,\"seconds\":1e30,\"url\":\"a\\u0001b\"}",
        "{\"id\":\"\",\"progress\":null,\"seconds\":\"0\",\"url\":[\"x\"]}",
        "{\"id\":[1],\"progress\":true,\"seconds\":\"soon\",\"url\":7}",
    };
    for (size_t i = 0; i < COUNT(documents); i++) {
        struct video_answer answer;
        reads(&answer, documents[i]);
        assert_string_equal(answer.id.p, "");
        assert_string_equal(answer.urls.p, "");
        assert_int_equal(answer.progress, 0);
        assert_int_equal(answer.length_ms, 0);
        video_answer_release(&answer);
    }
}

/* An answer with texts of these many bytes. */
static char *long_document(size_t id_n, size_t url_n)
{
    struct buf text;
    size_t n;
    buf_init(&text, (size_t)1 << 20);
    assert_true(buf_add_str(&text, STR("{\"id\":\"")));
    for (size_t i = 0; i < id_n; i++)
        assert_true(buf_add_char(&text, 'i'));
    assert_true(buf_add_str(&text, STR("\",\"url\":\"https://")));
    for (size_t i = 0; i < url_n; i++)
        assert_true(buf_add_char(&text, 'u'));
    assert_true(buf_add_str(&text, STR("\"}")));
    return buf_take(&text, &n);
}

static void long_texts_are_whole_or_not_there(void **state)
{
    (void)state;
    static const struct {
        size_t id_n, url_n, id_kept, url_kept;
    } rows[] = {
        {VIDEO_ID_MAX, 4000, VIDEO_ID_MAX, 4008},
        {VIDEO_ID_MAX + 1, 60000, 0, 60008},
        {10240, VIDEO_URLS_MAX, 0, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct video_answer answer;
        char *document = long_document(rows[i].id_n, rows[i].url_n);
        reads(&answer, document);
        assert_int_equal(answer.id.n, rows[i].id_kept);
        assert_int_equal(answer.urls.n, rows[i].url_kept);
        video_answer_release(&answer);
        free(document);
    }
}

static void what_is_no_object_is_no_answer(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "", "[]", "\"id\"", "<html>", "{\"id\":\"x\"", "{\"id\":\"x\"} {"};
    struct video_dialect dialect = {.reader = NULL};
    assert_true(video_dialect_finish(&dialect));
    for (size_t i = 0; i < COUNT(documents); i++) {
        struct video_answer answer;
        video_answer_init(&answer);
        assert_false(video_answer_read(&answer, &dialect, str_of(documents[i])));
        video_answer_release(&answer);
    }
    video_dialect_release(&dialect);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_of_known_providers_are_read_without_a_line),
        cmocka_unit_test(first_place_that_is_there_counts_wherever_it_stands),
        cmocka_unit_test(end_of_a_result_is_told_in_seconds_or_milliseconds),
        cmocka_unit_test(values_that_cannot_be_are_as_good_as_not_there),
        cmocka_unit_test(long_texts_are_whole_or_not_there),
        cmocka_unit_test(what_is_no_object_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
