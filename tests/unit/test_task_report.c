#include "relay/task_report.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define NOW INT64_C(1795546860000)

static struct task one(enum task_state state)
{
    struct task task = {
        .id = 7,
        .state = state,
        .rates = "price = video_ms 0.10 per second\n"
                 "price = video_ms 0.30 per second size=1792x1024\n",
        .charge_nusd = INT64_C(1200000000), /* 15 s at 0.8 */
        .group_ppm = 800000,
        .user_ppm = 1000000,
        .deadline_ms = NOW + 1,
    };
    task.counters.n[COUNTER_video_ms] = 15000;
    return task;
}

static void length_that_is_missing_goes_back_at_the_price_of_the_record(void **state)
{
    (void)state;
    static const struct {
        int64_t length_ms, back_nusd;
    } rows[] = {
        {15000, 0}, {16000, 0}, {0, 0}, {10000, 400000000}, {14999, 80000}, {1, 1199920000},
    };
    struct task task = one(TASK_queued);
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(task_report_give_back(&task, rows[i].length_ms), rows[i].back_nusd);
    task.size = "1792x1024";
    task.charge_nusd *= 3;
    assert_int_equal(task_report_give_back(&task, 10000), 1200000000);
    task.rates = "price = requests 1 per request\n";
    task.charge_nusd = 800000000;
    assert_int_equal(task_report_give_back(&task, 10000), 0);
    task.rates = "nonsense\n";
    assert_int_equal(task_report_give_back(&task, 10000), 0);
}

static struct task_report report_of(const struct task *task, const char *word,
                                    enum video_meaning meaning, int64_t now_ms)
{
    static struct video_answer answer;
    struct task_report report;
    video_answer_init(&answer);
    answer.is_known = word != NULL;
    answer.meaning = meaning;
    answer.progress = 100;
    task_report_fill(&report, task, word != NULL ? &answer : NULL, now_ms, now_ms + 5);
    video_answer_release(&answer);
    return report;
}

static void only_a_verdict_of_the_provider_or_the_deadline_decides(void **state)
{
    (void)state;
    static const struct {
        enum task_state state;
        const char *word; /* NULL = nothing was understood */
        enum video_meaning meaning;
        int64_t late_ms;
        bool is_verdict;
        enum task_state expected;
    } rows[] = {
        {TASK_queued, NULL, VIDEO_MEANING_queued, 0, false, TASK_queued},
        {TASK_queued, "x", VIDEO_MEANING_queued, 0, false, TASK_queued},
        {TASK_queued, "x", VIDEO_MEANING_in_progress, 0, false, TASK_in_progress},
        {TASK_queued, "x", VIDEO_MEANING_completed, 0, true, TASK_completed},
        {TASK_in_progress, "x", VIDEO_MEANING_failed, 0, true, TASK_failed},
        {TASK_in_progress, NULL, VIDEO_MEANING_queued, 1, true, TASK_expired},
        {TASK_in_progress, "x", VIDEO_MEANING_in_progress, 1, true, TASK_expired},
        {TASK_in_progress, "x", VIDEO_MEANING_completed, 1, true, TASK_completed},
        {TASK_in_progress, "x", VIDEO_MEANING_failed, 1, true, TASK_failed},
        {TASK_expired, NULL, VIDEO_MEANING_queued, 9, false, TASK_queued},
        {TASK_expired, "x", VIDEO_MEANING_failed, 9, false, TASK_queued},
        {TASK_expired, "x", VIDEO_MEANING_completed, 9, true, TASK_completed},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct task task = one(rows[i].state);
        struct task_report report =
            report_of(&task, rows[i].word, rows[i].meaning, NOW + rows[i].late_ms);
        assert_int_equal(report.is_verdict, rows[i].is_verdict);
        if (report.is_verdict) {
            assert_int_equal(report.finish.id, 7);
            assert_int_equal(report.finish.verdict, rows[i].expected);
            assert_int_equal(report.finish.next_poll_ms, NOW + rows[i].late_ms + 5);
        } else {
            assert_int_equal(report.progress.id, 7);
            assert_int_equal(report.progress.heard, rows[i].expected);
            assert_int_equal(report.progress.next_poll_ms, NOW + rows[i].late_ms + 5);
            assert_int_equal(report.progress.progress,
                             rows[i].expected == TASK_in_progress ? 99 : 0);
        }
    }
}

static void failure_is_told_by_code_and_masked_sentence(void **state)
{
    (void)state;
    static const struct {
        const char *code, *message, *expected_code, *expected_message;
    } rows[] = {
        {"content_policy_violation", "Not allowed", "prompt_blocked", "Not allowed"},
        {"DataInspectionFailed", "Input is inappropriate", "prompt_blocked", NULL},
        {"", "GPU \"lost\"", "upstream_error", "GPU \"lost\""},
        {"", "", "upstream_error", NULL},
        {"x", "key sk-abcdefghijklmnopqrst", "upstream_error", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct task task = one(TASK_queued);
        struct video_answer answer;
        struct task_report report;
        video_answer_init(&answer);
        answer.is_known = true;
        answer.meaning = VIDEO_MEANING_failed;
        snprintf(answer.error_code, sizeof answer.error_code, "%s", rows[i].code);
        assert_true(buf_add_str(&answer.error_message, str_of(rows[i].message)));
        task_report_fill(&report, &task, &answer, NOW, NOW);
        assert_string_equal(report.finish.error_code, rows[i].expected_code);
        if (rows[i].expected_message != NULL)
            assert_string_equal(report.finish.error_message, rows[i].expected_message);
        else if (report.finish.error_message != NULL)
            assert_null(strstr(report.finish.error_message, "abcdefghij"));
        video_answer_release(&answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(length_that_is_missing_goes_back_at_the_price_of_the_record),
        cmocka_unit_test(only_a_verdict_of_the_provider_or_the_deadline_decides),
        cmocka_unit_test(failure_is_told_by_code_and_masked_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
