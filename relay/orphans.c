#include "relay/orphans.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/keeper.h"
#include "relay/relay.h"
#include "store/store_tasks.h"

#define PAUSE_MS 2 /* between two: the store has other work */
#define STORE_MS 5000

struct orphans {
    struct relay *relay;
    struct timer next;
    struct store_task_get get;
    struct kept_list list;
    size_t at, removed;
    bool out, stopped;
};

static void arm(struct orphans *orphans, int64_t pause_ms)
{
    if (!orphans->stopped && orphans->at < orphans->list.n)
        timer_arm(loop_timers(orphans->relay->loop), &orphans->next, clock_ms() + pause_ms);
    else if (orphans->removed > 0)
        log_write(LOG_INFO, "relay", "%zu kept videos without a task are removed",
                  orphans->removed);
}

static void is_read(struct store_call *call)
{
    struct store_task_get *get = CONTAINER_OF(call, struct store_task_get, call);
    struct orphans *orphans = CONTAINER_OF(get, struct orphans, get);
    bool is_told = call->code == STORE_OK || call->code == STORE_NOTFOUND;
    orphans->out = false;
    if (call->code == STORE_NOTFOUND) {
        keeper_forget(orphans->relay->keeper, get->public_id);
        orphans->removed++;
    }
    task_free(&get->task);
    orphans->at += is_told;
    arm(orphans, is_told ? PAUSE_MS : STORE_MS);
}

static void on_next(struct timer *timer)
{
    struct orphans *orphans = CONTAINER_OF(timer, struct orphans, next);
    struct store_task_get *get = &orphans->get;
    *get = (struct store_task_get){.user_id = TASK_OF_ANYBODY,
                                   .public_id = orphans->list.ids[orphans->at]};
    get->call.reply = loop_mailbox(orphans->relay->loop);
    get->call.done = is_read;
    get->call.deadline_ms = clock_ms() + STORE_MS;
    orphans->out = true;
    store_task_get(orphans->relay->store, get);
}

struct orphans *orphans_new(struct relay *relay)
{
    struct orphans *orphans = calloc(1, sizeof *orphans);
    if (orphans == NULL)
        return NULL;
    orphans->relay = relay;
    timer_init(&orphans->next, on_next);
    if (!keeper_list(relay->keeper, &orphans->list)) {
        free(orphans);
        return NULL;
    }
    arm(orphans, 0);
    return orphans;
}

void orphans_stop(struct orphans *orphans)
{
    if (orphans == NULL)
        return;
    orphans->stopped = true;
    timer_disarm(loop_timers(orphans->relay->loop), &orphans->next);
}

bool orphans_is_idle(const struct orphans *orphans)
{
    return orphans == NULL || !orphans->out;
}

void orphans_free(struct orphans **orphans)
{
    if (*orphans == NULL)
        return;
    orphans_stop(*orphans);
    CHECK(orphans_is_idle(*orphans));
    free((*orphans)->list.ids);
    free(*orphans);
    *orphans = NULL;
}
