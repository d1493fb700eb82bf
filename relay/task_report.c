#include "relay/task_report.h"

#include <stdio.h>

#include "config/frozen_price.h"
#include "relay/charge.h"

int64_t task_report_give_back(const struct task *task, int64_t length_ms)
{
    struct price price;
    struct charge charge;
    struct counters counters = {{0}};
    struct price_match match = {.size = str_of(task->size)};
    /* No more than was paid for: what is longer is a present. */
    if (length_ms <= 0 || length_ms >= task->counters.n[COUNTER_video_ms] || task->rates == NULL ||
        !price_thaw(str_of(task->rates), &price))
        return 0;
    counters.n[COUNTER_video_ms] = length_ms;
    enum charge_result result =
        charge_compute(&price, &counters, &match, task->group_ppm, task->user_ppm, &charge);
    match.dearest = true; /* a size that nobody named was charged as that */
    if (result == CHARGE_UNPRICED)
        result =
            charge_compute(&price, &counters, &match, task->group_ppm, task->user_ppm, &charge);
    frozen_price_release(&price);
    return result == CHARGE_OK && charge.nusd < task->charge_nusd ? task->charge_nusd - charge.nusd
                                                                  : 0;
}

/* The provider's words as it would say them in an error of its own: masked, and known for what they
 * are. */
static void read_error(struct upstream_error *error, const struct video_answer *answer)
{
    struct buf text;
    buf_init(&text, (size_t)64 << 10);
    bool ok = buf_add_str(&text, STR("{\"error\":{\"code\":\"")) &&
              buf_add_json(&text, str_of(answer->error_code)) &&
              buf_add_str(&text, STR("\",\"message\":\"")) &&
              buf_add_json(&text, buf_str(&answer->error_message)) &&
              buf_add_str(&text, STR("\"}}"));
    upstream_error_read(error, 400, ok ? buf_str(&text) : STR_EMPTY);
    buf_release(&text);
}

static void fill_failed(struct task_report *report, const struct video_answer *answer)
{
    struct store_task_finish *finish = &report->finish;
    read_error(&report->error, answer);
    finish->error_code =
        upstream_error_is_blocked(&report->error) ? "prompt_blocked" : "upstream_error";
    finish->error_message = report->error.message[0] != '\0' ? report->error.message : NULL;
}

static void fill_verdict(struct task_report *report, const struct task *task,
                         enum task_state verdict)
{
    report->is_verdict = true;
    report->finish.id = task->id;
    report->finish.verdict = verdict;
}

/* Nothing that decides: forward, or expired when its day is over. */
static void fill_open(struct task_report *report, const struct task *task,
                      const struct video_answer *answer)
{
    bool is_expired = task->state == TASK_expired;
    if (!is_expired && report->finish.now_ms >= task->deadline_ms) {
        fill_verdict(report, task, TASK_expired);
        return;
    }
    bool is_heard =
        answer != NULL && answer->is_known && answer->meaning == VIDEO_MEANING_in_progress;
    report->progress.heard = is_heard ? TASK_in_progress : TASK_queued;
    report->progress.progress = is_heard ? answer->progress : 0;
    if (report->progress.progress > 99)
        report->progress.progress = 99;
}

void task_report_fill(struct task_report *report, const struct task *task,
                      const struct video_answer *answer, int64_t now_ms, int64_t next_poll_ms)
{
    *report = (struct task_report){.is_verdict = false};
    report->finish.now_ms = report->progress.now_ms = now_ms;
    report->finish.next_poll_ms = report->progress.next_poll_ms = next_poll_ms;
    report->progress.id = task->id;
    bool is_completed =
        answer != NULL && answer->is_known && answer->meaning == VIDEO_MEANING_completed;
    bool is_failed = answer != NULL && answer->is_known && answer->meaning == VIDEO_MEANING_failed;
    if (is_completed) {
        fill_verdict(report, task, TASK_completed);
        report->finish.give_back_nusd = task_report_give_back(task, answer->length_ms);
        report->finish.expires_ms = answer->expires_ms > now_ms ? answer->expires_ms : 0;
        report->finish.urls = answer->urls.n > 0 ? answer->urls.p : NULL;
    } else if (is_failed && task->state != TASK_expired) {
        fill_verdict(report, task, TASK_failed);
        fill_failed(report, answer);
    } else {
        fill_open(report, task, answer);
    }
}
