#include "relay/keeping.h"

#define HASH_NONFATAL_OOM 1
#include <stdio.h>
#include <stdlib.h>

#include <uthash.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/copying.h"
#include "relay/data_url.h"
#include "relay/task_desk.h"
#include "store/ident.h"
#include "store/store_tasks.h"

#define COPIES 2        /* at once: users' requests go first */
#define TRIES 4         /* the second after poll_interval, each other after four times as long */
#define WANTS_MAX 65536 /* those beyond it are found at the next start */
#define WANTS_LOW 256   /* below it the search for older ones goes on */
#define LOOK_MS_MAX 1000
#define LOOK_MS_MIN 10
#define STORE_MS 5000    /* a store's answer; and until it is asked again when it was not there */
#define SLACK_MS 3600000 /* from a completion to its copy, at most */
#define LATE_MS (2 * TASK_LIFE_MS) /* a task is completed at most so long after its id was made */

struct want {
    UT_hash_handle hh; /* by public_id; in the order of coming */
    char public_id[TASK_PUBLIC_SIZE];
    struct keeping *keeping;
    unsigned tries;
    int64_t next_ms; /* clock */
    bool busy;       /* one of the two */
    bool is_kept;    /* it is copied; whether it has been deleted meanwhile is yet to be read */
    struct store_task_get get;
    struct copying *copying;
};

struct keeping {
    struct relay *relay;
    unsigned worker, busy;
    bool stopped;
    struct want *wants;
    struct timer look;
    struct store_task_completed search;
    bool search_out, search_done;
    int64_t down_until_ms;
};

/* --- one -----------------------------------------------------------------------------------------
 */

static void remove_want(struct keeping *keeping, struct want *want)
{
    HASH_DEL(keeping->wants, want);
    free(want);
}

/* It goes when it is looked at next. */
static void is_done(struct want *want)
{
    want->tries = TRIES;
    want->is_kept = false;
}

static void rest(struct want *want)
{
    want->busy = false;
    want->keeping->busy--;
}

static void is_copied(struct copying *copying)
{
    struct want *want = copying->owner;
    struct keeping *keeping = want->keeping;
    const char *why = copying->why;
    bool is_last = copying->is_hopeless || want->tries >= TRIES;
    rest(want);
    if (why == NULL)
        log_write(LOG_INFO, "relay", "task %s is kept", want->public_id);
    else if (!keeping->stopped)
        log_write(LOG_WARNING, "relay", "task %s is not kept%s: %s", want->public_id,
                  is_last ? "" : " yet", why);
    int64_t pause = keeping->relay->snapshot->settings.video_poll_interval_ms;
    want->is_kept = why == NULL;
    want->next_ms = want->is_kept ? clock_ms() : clock_ms() + (pause << (2 * (want->tries - 1)));
    /* Freed when it is looked at: it is in the middle of its step. */
    if (why != NULL && is_last)
        is_done(want);
}

static void begin_copy(struct want *want)
{
    struct keeping *keeping = want->keeping;
    struct task *task = want->get.task;
    struct kept kept;
    want->get.task = NULL;
    want->tries++;
    if (want->is_kept || task->state != TASK_completed || data_url_is_one(str_of(task->urls)) ||
        keeper_find(keeping->relay->keeper, want->public_id, &kept) || keeping->stopped) {
        task_free(&task);
        is_done(want);
        rest(want);
        return;
    }
    want->copying = copying_new_take(keeping->relay, &task, is_copied, want);
    if (want->copying == NULL) {
        want->next_ms = clock_ms() + STORE_MS;
        rest(want);
    }
}

static void is_read(struct store_call *call)
{
    struct store_task_get *get = CONTAINER_OF(call, struct store_task_get, call);
    struct want *want = CONTAINER_OF(get, struct want, get);
    if (call->code == STORE_OK) {
        begin_copy(want);
        return;
    }
    rest(want);
    want->next_ms = clock_ms() + STORE_MS;
    if (call->code != STORE_NOTFOUND)
        return;
    /* It has been deleted, maybe before there was a draft that could be told so.  One that is
     * deleted behind this is forgotten by who does it: the copy is there. */
    keeper_forget(want->keeping->relay->keeper, want->public_id);
    is_done(want);
}

/* As it is now: addresses may have been renewed meanwhile. */
static void begin_read(struct want *want)
{
    struct relay *relay = want->keeping->relay;
    want->busy = true;
    want->keeping->busy++;
    want->get = (struct store_task_get){.user_id = TASK_OF_ANYBODY, .public_id = want->public_id};
    want->get.call.reply = loop_mailbox(relay->loop);
    want->get.call.done = is_read;
    want->get.call.deadline_ms = clock_ms() + STORE_MS;
    store_task_get(relay->store, &want->get);
}

/* --- all -----------------------------------------------------------------------------------------
 */

static void advance(struct keeping *keeping)
{
    struct want *want, *after;
    HASH_ITER(hh, keeping->wants, want, after)
    {
        if (want->busy)
            continue;
        copying_free(&want->copying);
        if (want->tries >= TRIES && !want->is_kept)
            remove_want(keeping, want);
        else if (keeping->busy < COPIES && !keeping->stopped && want->next_ms <= clock_ms())
            begin_read(want);
    }
}

static void add(struct keeping *keeping, const char *public_id)
{
    struct want *want = NULL;
    HASH_FIND_STR(keeping->wants, public_id, want);
    if (want != NULL || keeping->stopped || HASH_COUNT(keeping->wants) >= WANTS_MAX)
        return;
    want = calloc(1, sizeof *want);
    if (want == NULL)
        return;
    snprintf(want->public_id, sizeof want->public_id, "%s", public_id);
    want->keeping = keeping;
    HASH_ADD_STR(keeping->wants, public_id, want);
    if (want->hh.tbl == NULL) /* how uthash says that memory is out */
        free(want);
}

void keeping_want(struct keeping *keeping, const char *public_id)
{
    if (keeping != NULL)
        add(keeping, public_id);
}

/* --- those of before -----------------------------------------------------------------------------
 */

static void is_found(struct store_call *call)
{
    struct store_task_completed *search = CONTAINER_OF(call, struct store_task_completed, call);
    struct keeping *keeping = CONTAINER_OF(search, struct keeping, search);
    struct kept kept;
    keeping->search_out = false;
    if (call->code != STORE_OK) {
        keeping->down_until_ms = clock_ms() + STORE_MS;
        return;
    }
    for (unsigned i = 0; i < search->page.n; i++) {
        const struct task *task = search->page.tasks[i];
        search->after_id = task->id;
        if (!data_url_is_one(str_of(task->urls)) &&
            !keeper_find(keeping->relay->keeper, task->public_id, &kept))
            add(keeping, task->public_id);
    }
    keeping->search_done = search->page.n < search->limit;
    task_list_release(&search->page);
}

static void look_back(struct keeping *keeping)
{
    if (keeping->search_done || keeping->search_out || keeping->stopped ||
        HASH_COUNT(keeping->wants) >= WANTS_LOW || clock_ms() < keeping->down_until_ms)
        return;
    keeping->search.call.reply = loop_mailbox(keeping->relay->loop);
    keeping->search.call.done = is_found;
    keeping->search.call.deadline_ms = clock_ms() + STORE_MS;
    keeping->search_out = true;
    store_task_completed(keeping->relay->store, &keeping->search);
}

static void on_look(struct timer *timer)
{
    struct keeping *keeping = CONTAINER_OF(timer, struct keeping, look);
    int64_t pause = keeping->relay->snapshot->settings.video_poll_interval_ms / 4;
    if (pause > LOOK_MS_MAX)
        pause = LOOK_MS_MAX;
    if (pause < LOOK_MS_MIN)
        pause = LOOK_MS_MIN;
    look_back(keeping);
    advance(keeping);
    timer_arm(loop_timers(keeping->relay->loop), timer, clock_ms() + pause);
}

/* What is older than the oldest copy has been removed for want of room, say, and comes no more. */
static int64_t since(const struct relay *relay)
{
    int64_t oldest_ms = keeper_oldest_ms(relay->keeper);
    int64_t since_ms = oldest_ms > 0 ? oldest_ms - SLACK_MS : clock_wall_ms() - TASK_LIFE_MS;
    int64_t limit_ms = clock_wall_ms() - keeper_age_max_ms(relay->keeper);
    return since_ms > limit_ms ? since_ms : limit_ms;
}

/* --- life ----------------------------------------------------------------------------------------
 */

struct keeping *keeping_new(struct relay *relay, unsigned worker)
{
    struct keeping *keeping = calloc(1, sizeof *keeping);
    if (keeping == NULL)
        return NULL;
    int64_t since_ms = since(relay);
    keeping->relay = relay;
    keeping->worker = worker;
    keeping->search = (struct store_task_completed){
        .worker = worker,
        .workers = task_desks_count(relay->desks),
        .after_id = ident_first(since_ms - LATE_MS),
        .since_ms = since_ms,
        .limit = TASKS_DUE_MAX,
    };
    timer_init(&keeping->look, on_look);
    timer_arm(loop_timers(relay->loop), &keeping->look, clock_ms());
    return keeping;
}

void keeping_stop(struct keeping *keeping)
{
    struct want *want, *after;
    if (keeping == NULL || keeping->stopped)
        return;
    keeping->stopped = true;
    timer_disarm(loop_timers(keeping->relay->loop), &keeping->look);
    HASH_ITER(hh, keeping->wants, want, after)
    {
        if (want->busy && want->copying != NULL)
            copying_stop(want->copying);
    }
}

bool keeping_is_idle(const struct keeping *keeping)
{
    return keeping == NULL || (!keeping->search_out && keeping->busy == 0);
}

void keeping_free(struct keeping **keeping)
{
    struct want *want, *after;
    if (*keeping == NULL)
        return;
    keeping_stop(*keeping);
    CHECK(keeping_is_idle(*keeping));
    HASH_ITER(hh, (*keeping)->wants, want, after)
    {
        copying_free(&want->copying);
        remove_want(*keeping, want);
    }
    free(*keeping);
    *keeping = NULL;
}
