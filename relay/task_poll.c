#include "relay/task_poll.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/headers.h"
#include "relay/health.h"
#include "relay/keeping.h"
#include "relay/target.h"
#include "relay/task_clock.h"
#include "store/store_tasks.h"

#define WHOLE_MS_MAX 30000
#define STORE_MS 10000
#define TARGET_MAX ((size_t)8 << 10)
#define HEADERS_MAX ((size_t)48 << 10)
#define ANSWER_MAX ((size_t)1 << 20)

/* --- what comes of it ----------------------------------------------------------------------------
 */

static void rest(struct task_poll *poll, enum store_code code)
{
    poll->code = code;
    poll->state = TASK_POLL_RESTING;
    video_answer_release(&poll->answer);
    buf_release(&poll->body);
    snapshot_drop(&poll->snapshot);
    poll->provider = NULL;
    poll->changed(poll);
}

static void is_finished(struct store_call *call)
{
    struct store_task_finish *finish = CONTAINER_OF(call, struct store_task_finish, call);
    struct task_report *report = CONTAINER_OF(finish, struct task_report, finish);
    struct task_poll *poll = CONTAINER_OF(report, struct task_poll, report);
    if (call->code == STORE_OK && finish->moved)
        log_write(LOG_INFO, "relay", "task %s %s, given back %lld nUSD", poll->task->public_id,
                  task_state_name(finish->state), (long long)finish->given_back.nusd);
    if (call->code == STORE_OK && finish->moved && finish->state == TASK_completed)
        keeping_want(poll->relay->keeping, poll->task->public_id);
    rest(poll, call->code);
}

static void is_noted(struct store_call *call)
{
    struct store_task_progress *progress = CONTAINER_OF(call, struct store_task_progress, call);
    struct task_report *report = CONTAINER_OF(progress, struct task_report, progress);
    rest(CONTAINER_OF(report, struct task_poll, report), call->code);
}

static void prepare(struct task_poll *poll, struct store_call *call,
                    void (*done)(struct store_call *call))
{
    call->reply = loop_mailbox(poll->relay->loop);
    call->done = done;
    call->deadline_ms = clock_ms() + STORE_MS;
}

static void record(struct task_poll *poll, const struct video_answer *answer)
{
    int64_t now = clock_wall_ms();
    int64_t next = task_clock_next(&poll->snapshot->settings, poll->task->created_ms, now,
                                   relay_random(poll->relay));
    task_report_fill(&poll->report, poll->task, answer, now, next);
    if (poll->provider != NULL) {
        upstream_error_hide(&poll->report.error, poll->provider);
        if (poll->report.finish.expires_ms == 0 && poll->provider->content_life_ms > 0)
            poll->report.finish.expires_ms = now + poll->provider->content_life_ms;
    }
    poll->state = TASK_POLL_RECORDING;
    poll->changed(poll);
    if (poll->report.is_verdict) {
        prepare(poll, &poll->report.finish.call, is_finished);
        store_task_finish(poll->relay->store, &poll->report.finish);
    } else {
        prepare(poll, &poll->report.progress.call, is_noted);
        store_task_progress(poll->relay->store, &poll->report.progress);
    }
}

static bool is_understood(struct task_poll *poll)
{
    const struct attempt *attempt = poll->attempt;
    const char *why = NULL;
    bool is_good = attempt->end == ATTEMPT_COMPLETE && attempt->head.status >= 200 &&
                   attempt->head.status < 300 && !poll->too_long;
    if (!is_good)
        why = "no good answer";
    else if (!video_answer_read(&poll->answer, &poll->provider->video, buf_str(&poll->body)))
        why = "an answer that is no JSON object";
    else if (!poll->answer.is_known)
        why = "a status that is no word of it";
    if (why != NULL)
        log_write(LOG_INFO, "relay", "task %s at %s: %s (%d)", poll->task->public_id,
                  poll->provider->name, why, attempt->head.status);
    return why == NULL;
}

/* --- asking --------------------------------------------------------------------------------------
 */

static bool on_body(void *context, const char *p, size_t n)
{
    struct task_poll *poll = context;
    if (!poll->too_long && n > 0 && !buf_add(&poll->body, p, n))
        poll->too_long = true;
    return true;
}

static void on_changed(void *context)
{
    struct task_poll *poll = context;
    loop_mark(poll->relay->loop, &poll->ready);
}

static void end_attempt(struct task_poll *poll)
{
    if (poll->attempt != NULL)
        atomic_fetch_sub(&health_of(poll->relay->health, poll->provider->name)->in_flight, 1);
    attempt_free(&poll->attempt);
}

static void on_ready(struct ready *ready)
{
    struct task_poll *poll = CONTAINER_OF(ready, struct task_poll, ready);
    if (poll->state != TASK_POLL_ASKING)
        return;
    if (poll->attempt != NULL && poll->attempt->end == ATTEMPT_RUNNING)
        return;
    bool is_good = poll->attempt != NULL && is_understood(poll);
    end_attempt(poll);
    record(poll, is_good ? &poll->answer : NULL);
}

bool task_poll_call(const struct provider *provider, const struct task *task, struct buf *target,
                    struct buf *headers, struct call *call)
{
    struct client_headers nobody;
    client_headers_init(&nobody);
    buf_clear(headers);
    const struct upstream_head head = {.client = &nobody, .provider = provider};
    const char *path =
        target_of(provider, "/videos/{id}", task->upstream_model, task->upstream_id, target);
    bool ok = path != NULL && headers_upstream(&head, headers);
    client_headers_release(&nobody);
    int64_t whole = provider->whole_timeout_ms;
    *call = (struct call){
        .provider = provider,
        .path = path,
        .headers = buf_str(headers),
        .whole_ms = whole < WHOLE_MS_MAX ? whole : WHOLE_MS_MAX,
        .idle_ms = provider->idle_timeout_ms,
    };
    return ok;
}

static void ask(struct task_poll *poll)
{
    struct call call;
    const struct sink sink = {.body = on_body, .changed = on_changed, .context = poll};
    poll->provider = snapshot_provider(poll->snapshot, str_of(poll->task->provider));
    bool can_ask = poll->provider != NULL && poll->task->upstream_id != NULL &&
                   task_poll_call(poll->provider, poll->task, &poll->target, &poll->headers, &call);
    if (can_ask && attempt_start(&poll->attempt, poll->relay->engine, &call, &sink) == FAULT_NONE) {
        atomic_fetch_add(&health_of(poll->relay->health, poll->provider->name)->in_flight, 1);
        return;
    }
    loop_mark(poll->relay->loop, &poll->ready);
}

/* --- life ----------------------------------------------------------------------------------------
 */

struct task_poll *task_poll_new_take(struct relay *relay, struct task **task,
                                     void (*changed)(struct task_poll *poll), void *owner)
{
    struct task_poll *poll = calloc(1, sizeof *poll);
    if (poll == NULL) {
        task_free(task);
        return NULL;
    }
    poll->relay = relay;
    poll->task = *task;
    *task = NULL;
    poll->id = poll->task->id;
    poll->changed = changed;
    poll->owner = owner;
    poll->began_ms = clock_ms();
    poll->snapshot = snapshot_retain(relay->snapshot);
    poll->ready.run = on_ready;
    buf_init(&poll->target, TARGET_MAX);
    buf_init(&poll->headers, HEADERS_MAX);
    buf_init(&poll->body, ANSWER_MAX);
    video_answer_init(&poll->answer);
    ask(poll);
    return poll;
}

void task_poll_free(struct task_poll **poll)
{
    struct task_poll *p = *poll;
    if (p == NULL)
        return;
    CHECK(p->state != TASK_POLL_RECORDING);
    loop_unmark(p->relay->loop, &p->ready);
    end_attempt(p);
    video_answer_release(&p->answer);
    buf_release(&p->target);
    buf_release(&p->headers);
    buf_release(&p->body);
    task_free(&p->task);
    snapshot_drop(&p->snapshot);
    free(p);
    *poll = NULL;
}
