#include "relay/content_renewal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "relay/request.h"
#include "relay/task_poll.h"
#include "relay/video_answer.h"
#include "store/store_tasks.h"

#define TARGET_MAX ((size_t)8 << 10)
#define HEADERS_MAX ((size_t)48 << 10)
#define ANSWER_MAX ((size_t)1 << 20)

struct content_renewal {
    struct request *request;
    const struct provider *provider;
    void (*over)(struct request *request, const char *urls);
    struct attempt *attempt;
    struct buf target, headers, body;
    bool too_long, stopped;
    struct video_answer answer;
    struct store_task_progress progress;
    struct ready ready;
};

static void tell(struct content_renewal *renewal, const char *urls)
{
    if (!renewal->stopped)
        renewal->over(renewal->request, urls);
}

/* Whether it is in the books or not: the next one would only ask again. */
static void is_noted(struct store_call *call)
{
    struct store_task_progress *progress = CONTAINER_OF(call, struct store_task_progress, call);
    struct content_renewal *renewal = CONTAINER_OF(progress, struct content_renewal, progress);
    struct request *request = renewal->request;
    tell(renewal, progress->urls);
    request_mail_back(request); /* and the renewal may go at the end of the turn */
}

/* A word about progress that moves nothing, for the sake of its addresses. */
static void note(struct content_renewal *renewal)
{
    struct request *request = renewal->request;
    int64_t limit = clock_ms() + request->snapshot->settings.server_store_timeout_ms;
    renewal->progress = (struct store_task_progress){
        .call = {.reply = loop_mailbox(request->relay->loop),
                 .done = is_noted,
                 .deadline_ms = limit},
        .id = request->task->id,
        .heard = TASK_queued,
        .urls = renewal->answer.urls.p,
        .now_ms = clock_wall_ms(),
        .next_poll_ms = clock_wall_ms(), /* nobody asks after a task that has its verdict */
    };
    request->mail_out++;
    store_task_progress(request->relay->store, &renewal->progress);
}

static bool tells_addresses(struct content_renewal *renewal)
{
    const struct attempt *attempt = renewal->attempt;
    return attempt->end == ATTEMPT_COMPLETE && attempt->head.status >= 200 &&
           attempt->head.status < 300 && !renewal->too_long &&
           video_answer_read(&renewal->answer, &renewal->provider->video,
                             buf_str(&renewal->body)) &&
           renewal->answer.urls.n > 0;
}

static void on_ready(struct ready *ready)
{
    struct content_renewal *renewal = CONTAINER_OF(ready, struct content_renewal, ready);
    if (renewal->attempt == NULL || renewal->attempt->end == ATTEMPT_RUNNING)
        return;
    bool told = tells_addresses(renewal);
    attempt_free(&renewal->attempt);
    if (told)
        note(renewal);
    else
        tell(renewal, NULL);
}

static bool on_body(void *context, const char *p, size_t n)
{
    struct content_renewal *renewal = context;
    if (!renewal->too_long && n > 0 && !buf_add(&renewal->body, p, n))
        renewal->too_long = true;
    return true;
}

static void on_changed(void *context)
{
    struct content_renewal *renewal = context;
    loop_mark(renewal->request->relay->loop, &renewal->ready);
}

struct content_renewal *content_renewal_new(struct request *request,
                                            const struct provider *provider,
                                            void (*over)(struct request *request, const char *urls))
{
    struct call call;
    struct content_renewal *renewal = calloc(1, sizeof *renewal);
    if (renewal == NULL)
        return NULL;
    const struct sink sink = {.body = on_body, .changed = on_changed, .context = renewal};
    renewal->request = request;
    renewal->provider = provider;
    renewal->over = over;
    renewal->ready.run = on_ready;
    buf_init(&renewal->target, TARGET_MAX);
    buf_init(&renewal->headers, HEADERS_MAX);
    buf_init(&renewal->body, ANSWER_MAX);
    video_answer_init(&renewal->answer);
    if (!task_poll_call(provider, request->task, &renewal->target, &renewal->headers, &call))
        goto fail;
    call.fresh_connect = true; /* it asks once: not over a connection that may have died */
    if (attempt_start(&renewal->attempt, request->relay->engine, &call, &sink) != FAULT_NONE)
        goto fail;
    return renewal;
fail:
    content_renewal_free(&renewal);
    return NULL;
}

void content_renewal_stop(struct content_renewal *renewal)
{
    if (renewal == NULL)
        return;
    renewal->stopped = true;
    attempt_free(&renewal->attempt);
    loop_unmark(renewal->request->relay->loop, &renewal->ready);
}

void content_renewal_free(struct content_renewal **renewal)
{
    struct content_renewal *r = *renewal;
    if (r == NULL)
        return;
    content_renewal_stop(r);
    video_answer_release(&r->answer);
    buf_release(&r->target);
    buf_release(&r->headers);
    buf_release(&r->body);
    free(r);
    *renewal = NULL;
}
