#include "relay/tasks.h"

#define HASH_NONFATAL_OOM 1
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/task_desk.h"
#include "relay/task_poll.h"
#include "store/store_tasks.h"

#define LOOK_MS_MAX 1000
#define LOOK_MS_MIN 10
#define DOWN_MS 5000 /* until the store is asked again after it was not there */
/* As many at once.  A look gives one more than these, or tasks that are being asked after, which
 * are due until they are done, could hide the others. */
#define ASKING_MAX (TASKS_DUE_MAX - 1)
/* Where a look has not seen the end of what is due, the next one waits for so much room, not for
 * its time: each reads many tasks that are being asked after. */
#define ROOM_TO_LOOK (ASKING_MAX / 4)

struct tasks {
    struct relay *relay;
    unsigned worker;
    struct timer look;
    struct watch desk;
    struct store_task_due due;
    bool due_out, stopped;
    bool more_due; /* the last look was full, and of some use */
    int64_t down_until_ms;
    struct task_poll *polls; /* by task id */
    unsigned busy;           /* of them, not resting */
};

/* --- polls ---------------------------------------------------------------------------------------
 */

static void look_again(struct tasks *tasks);

static void poll_changed(struct task_poll *poll)
{
    struct tasks *tasks = poll->owner;
    if (poll->state != TASK_POLL_RESTING)
        return;
    tasks->busy--;
    if (poll->code == STORE_DOWN || poll->code == STORE_BUSY)
        tasks->down_until_ms = clock_ms() + DOWN_MS;
    look_again(tasks);
}

static void forget(struct tasks *tasks, struct task_poll *poll)
{
    HASH_DEL(tasks->polls, poll);
    task_poll_free(&poll);
}

static void forget_rested(struct tasks *tasks)
{
    struct task_poll *poll, *after;
    int64_t limit = clock_ms() - tasks->relay->snapshot->settings.video_refresh_after_ms;
    HASH_ITER(hh, tasks->polls, poll, after)
    {
        if (poll->state == TASK_POLL_RESTING && poll->began_ms <= limit)
            forget(tasks, poll);
    }
}

/* Unless it is being asked after, or has been a moment ago. */
static void ask_take(struct tasks *tasks, struct task **task)
{
    struct task_poll *poll = NULL;
    HASH_FIND(hh, tasks->polls, &(*task)->id, sizeof(*task)->id, poll);
    if (poll != NULL || tasks->busy >= ASKING_MAX || tasks->stopped) {
        task_free(task);
        return;
    }
    poll = task_poll_new_take(tasks->relay, task, poll_changed, tasks);
    if (poll == NULL)
        return;
    HASH_ADD(hh, tasks->polls, id, sizeof poll->id, poll);
    if (poll->hh.tbl == NULL) { /* how uthash says that memory is out */
        task_poll_free(&poll);
        return;
    }
    tasks->busy++;
}

/* --- whose turn it is ----------------------------------------------------------------------------
 */

static void due_is_back(struct store_call *call)
{
    struct store_task_due *due = CONTAINER_OF(call, struct store_task_due, call);
    struct tasks *tasks = CONTAINER_OF(due, struct tasks, due);
    tasks->due_out = false;
    if (call->code != STORE_OK) {
        tasks->down_until_ms = clock_ms() + DOWN_MS;
        return;
    }
    bool is_full = due->due.n == due->limit;
    unsigned before = tasks->busy;
    for (unsigned i = 0; i < due->due.n; i++)
        ask_take(tasks, &due->due.tasks[i]);
    task_list_release(&due->due);
    tasks->more_due = is_full && tasks->busy > before;
    look_again(tasks);
}

static bool any_may_be_due(const struct tasks *tasks)
{
    int64_t counts[TASK_STATE_COUNT];
    store_task_counts(tasks->relay->store, counts);
    return counts[TASK_queued] + counts[TASK_in_progress] + counts[TASK_expired] > 0;
}

static void look(struct tasks *tasks)
{
    if (tasks->due_out || tasks->stopped || tasks->busy >= ASKING_MAX ||
        clock_ms() < tasks->down_until_ms || !any_may_be_due(tasks))
        return;
    tasks->due = (struct store_task_due){
        .worker = tasks->worker,
        .workers = task_desks_count(tasks->relay->desks),
        .now_ms = clock_wall_ms(),
        .limit = TASKS_DUE_MAX,
    };
    tasks->due.call.reply = loop_mailbox(tasks->relay->loop);
    tasks->due.call.done = due_is_back;
    tasks->due.call.deadline_ms = clock_ms() + DOWN_MS;
    tasks->due_out = true;
    store_task_due(tasks->relay->store, &tasks->due);
}

/* What is due beyond one look does not wait for the time of the next. */
static void look_again(struct tasks *tasks)
{
    if (tasks->more_due && tasks->busy + ROOM_TO_LOOK <= ASKING_MAX)
        look(tasks);
}

static void on_look(struct timer *timer)
{
    struct tasks *tasks = CONTAINER_OF(timer, struct tasks, look);
    int64_t pause = tasks->relay->snapshot->settings.video_poll_interval_ms / 4;
    if (pause > LOOK_MS_MAX)
        pause = LOOK_MS_MAX;
    if (pause < LOOK_MS_MIN)
        pause = LOOK_MS_MIN;
    forget_rested(tasks);
    look(tasks);
    timer_arm(loop_timers(tasks->relay->loop), timer, clock_ms() + pause);
}

static void on_desk(struct watch *watch, uint32_t events)
{
    struct tasks *tasks = CONTAINER_OF(watch, struct tasks, desk);
    struct task *task;
    (void)events;
    forget_rested(tasks);
    while ((task = task_desk_take(tasks->relay->desks, tasks->worker)) != NULL)
        ask_take(tasks, &task);
}

/* --- life ----------------------------------------------------------------------------------------
 */

struct tasks *tasks_new(struct relay *relay, unsigned worker)
{
    struct tasks *tasks = calloc(1, sizeof *tasks);
    if (tasks == NULL)
        return NULL;
    tasks->relay = relay;
    tasks->worker = worker;
    tasks->desk.fd = -1;
    tasks->desk.on_events = on_desk;
    timer_init(&tasks->look, on_look);
    if (!loop_watch(relay->loop, &tasks->desk, task_desk_fd(relay->desks, worker), EPOLLIN)) {
        free(tasks);
        return NULL;
    }
    timer_arm(loop_timers(relay->loop), &tasks->look, clock_ms());
    return tasks;
}

void tasks_stop(struct tasks *tasks)
{
    struct task_poll *poll, *after;
    if (tasks->stopped)
        return;
    tasks->stopped = true;
    timer_disarm(loop_timers(tasks->relay->loop), &tasks->look);
    loop_unwatch(tasks->relay->loop, &tasks->desk);
    HASH_ITER(hh, tasks->polls, poll, after)
    {
        if (poll->state != TASK_POLL_ASKING)
            continue;
        tasks->busy--;
        forget(tasks, poll);
    }
}

bool tasks_are_idle(const struct tasks *tasks)
{
    return !tasks->due_out && tasks->busy == 0;
}

void tasks_free(struct tasks **tasks)
{
    struct task_poll *poll, *after;
    if (*tasks == NULL)
        return;
    tasks_stop(*tasks);
    CHECK(tasks_are_idle(*tasks));
    HASH_ITER(hh, (*tasks)->polls, poll, after)
    {
        forget(*tasks, poll);
    }
    free(*tasks);
    *tasks = NULL;
}
