#include "relay/copying.h"

#include <stdlib.h>

#include "base/clock.h"
#include "relay/content_answer.h"
#include "relay/content_source.h"
#include "relay/engine.h"

#define PIECE ((size_t)256 << 10) /* what is written at once, but for the end */
#define BYTES_MAX ((size_t)1 << 20)
#define WHOLE_MS 1800000 /* of a provider that sends a byte now and then */

/* --- what comes: copy and mark -------------------------------------------------------------------
 */

static void on_changed(void *context)
{
    struct copying *copying = context;
    loop_mark(copying->relay->loop, &copying->ready);
}

static bool on_body(void *context, const char *p, size_t n)
{
    struct copying *copying = context;
    if (copying->fetch->attempt->head.status != 200)
        return true;
    if (copying->bytes.n + n > BYTES_MAX) {
        copying->paused = true;
        return false;
    }
    if (!buf_add(&copying->bytes, p, n))
        copying->why = "no memory";
    loop_mark(copying->relay->loop, &copying->ready);
    return true;
}

static void is_written(struct kept_draft *draft)
{
    struct copying *copying = CONTAINER_OF(draft, struct copying, draft);
    loop_mark(copying->relay->loop, &copying->ready);
}

static void on_timer(struct timer *timer)
{
    struct copying *copying = CONTAINER_OF(timer, struct copying, timer);
    if (copying->why == NULL && !copying->is_finishing)
        copying->why = "it took too long";
    loop_mark(copying->relay->loop, &copying->ready);
}

/* --- the settle step -----------------------------------------------------------------------------
 */

static void end(struct copying *copying)
{
    timer_disarm(loop_timers(copying->relay->loop), &copying->timer);
    fetch_free(&copying->fetch);
    copying->is_over = true;
    copying->over(copying);
}

/* The last order has been obeyed, or there never was one. */
static void give_up(struct copying *copying)
{
    fetch_free(&copying->fetch);
    if (!copying->draft.is_open) {
        end(copying);
        return;
    }
    kept_draft_send(&copying->draft, KEPT_DROP);
}

static const char *judge_head(struct copying *copying)
{
    const struct attempt_head *head = &copying->fetch->attempt->head;
    copying->is_hopeless = head->status == 200 || head->status == 404 || head->status == 410;
    if (head->status != 200)
        return "the provider does not give it";
    if (!content_is_media(str_of(head->content_type)))
        return "it is no film";
    if (head->length > keeper_copy_max(copying->relay->keeper))
        return "there is no room: see [video] keep_size";
    if (copying->total == 0 && copying->bytes.n > 0 &&
        (copying->bytes.p[0] == '{' || copying->bytes.p[0] == '<'))
        return "it is no film";
    copying->is_hopeless = false;
    return NULL;
}

static const char *judge(struct copying *copying)
{
    const struct fetch *fetch = copying->fetch;
    if (copying->draft.failed) {
        copying->is_hopeless = copying->draft.unwanted;
        return copying->draft.why;
    }
    if (fetch->fault != FAULT_NONE)
        return "its address is refused";
    const char *why = fetch->landed ? judge_head(copying) : NULL;
    if (why == NULL && fetch_is_over(fetch) &&
        (fetch->attempt->end != ATTEMPT_COMPLETE ||
         copying->total + (int64_t)copying->bytes.n == 0))
        why = "it did not come whole";
    return why;
}

static void write_on(struct copying *copying)
{
    struct kept_draft *draft = &copying->draft;
    struct buf empty = draft->bytes;
    copying->total += (int64_t)copying->bytes.n;
    draft->bytes = copying->bytes;
    copying->bytes = empty;
    kept_draft_send(draft, KEPT_WRITE);
    if (copying->paused) {
        copying->paused = false;
        fetch_resume(copying->fetch);
    }
}

static void step(struct ready *ready)
{
    struct copying *copying = CONTAINER_OF(ready, struct copying, ready);
    struct kept_draft *draft = &copying->draft;
    if (copying->is_over || draft->away)
        return;
    if (copying->is_finishing && !draft->failed) {
        end(copying);
        return;
    }
    if (copying->why == NULL)
        copying->why = copying->is_finishing ? draft->why : judge(copying);
    if (copying->why != NULL) {
        give_up(copying);
        return;
    }
    bool is_all = copying->fetch->landed && fetch_is_over(copying->fetch);
    if (copying->bytes.n >= PIECE || (is_all && copying->bytes.n > 0)) {
        write_on(copying);
    } else if (is_all) {
        kept_draft_type(draft, str_of(copying->fetch->attempt->head.content_type));
        copying->is_finishing = true;
        kept_draft_send(draft, KEPT_FINISH);
    }
}

/* --- life ----------------------------------------------------------------------------------------
 */

/* Marks it where nothing can come. */
static void begin(struct copying *copying)
{
    const struct task *task = copying->task;
    const struct sink sink = {.body = on_body, .changed = on_changed, .context = copying};
    struct client_headers nobody;
    struct str urls = str_of(task->urls), url = STR_EMPTY;
    char *text = urls.n > 0 && str_cut(&urls, '\n', &url) ? str_dup(url) : NULL;
    client_headers_init(&nobody);
    const struct content_source source = {
        .provider = snapshot_provider(copying->snapshot, str_of(task->provider)),
        .task = task,
        .client = &nobody,
        .url = text,
        .variant = "",
    };
    enum fault fault = FAULT_NO_PROVIDER;
    if (task->urls != NULL && text == NULL)
        fault = FAULT_GATEWAY_MEMORY;
    else if (source.provider != NULL)
        fault = content_source_fetch(&copying->fetch, copying->relay->engine, &source, &sink);
    if (fault != FAULT_NONE) {
        copying->why = fault_name(fault);
        loop_mark(copying->relay->loop, &copying->ready);
    }
    client_headers_release(&nobody);
    free(text);
}

struct copying *copying_new_take(struct relay *relay, struct task **task,
                                 void (*over)(struct copying *copying), void *owner)
{
    struct copying *copying = calloc(1, sizeof *copying);
    if (copying == NULL) {
        task_free(task);
        return NULL;
    }
    copying->relay = relay;
    copying->task = *task;
    *task = NULL;
    copying->over = over;
    copying->owner = owner;
    copying->snapshot = snapshot_retain(relay->snapshot);
    copying->ready.run = step;
    buf_init(&copying->bytes, BYTES_MAX);
    kept_draft_init(&copying->draft, relay->keeper, copying->task->public_id,
                    loop_mailbox(relay->loop), is_written);
    timer_init(&copying->timer, on_timer);
    timer_arm(loop_timers(relay->loop), &copying->timer, clock_ms() + WHOLE_MS);
    begin(copying);
    return copying;
}

void copying_stop(struct copying *copying)
{
    if (copying->why == NULL && !copying->is_finishing)
        copying->why = "the gateway ends";
    loop_mark(copying->relay->loop, &copying->ready);
}

void copying_free(struct copying **copying)
{
    struct copying *c = *copying;
    if (c == NULL)
        return;
    CHECK(c->is_over);
    loop_unmark(c->relay->loop, &c->ready);
    kept_draft_release(&c->draft);
    buf_release(&c->bytes);
    task_free(&c->task);
    snapshot_drop(&c->snapshot);
    free(c);
    *copying = NULL;
}
