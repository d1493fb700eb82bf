#include "relay/forgetting.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/keeper.h"
#include "relay/orphans.h"
#include "relay/relay.h"
#include "store/store_tasks.h"

#define LOOK_MS 60000
#define MORE_MS 50 /* between two slices: the store has other work */
#define STORE_MS 10000

struct forgetting {
    struct relay *relay;
    struct orphans *orphans; /* NULL without a keeper */
    struct timer look;
    struct store_task_forget forget;
    bool out, stopped;
    int64_t gone; /* since the last time that there were no more */
};

static void arm(struct forgetting *forgetting, int64_t pause_ms)
{
    if (!forgetting->stopped)
        timer_arm(loop_timers(forgetting->relay->loop), &forgetting->look, clock_ms() + pause_ms);
}

static void is_back(struct store_call *call)
{
    struct store_task_forget *forget = CONTAINER_OF(call, struct store_task_forget, call);
    struct forgetting *forgetting = CONTAINER_OF(forget, struct forgetting, forget);
    struct keeper *keeper = forgetting->relay->keeper;
    unsigned n = call->code == STORE_OK ? forget->n : 0;
    forgetting->out = false;
    for (unsigned i = 0; keeper != NULL && i < n; i++)
        keeper_forget(keeper, forget->public_ids[i]);
    forgetting->gone += n;
    if (n == TASKS_FORGET_MAX) {
        arm(forgetting, MORE_MS);
        return;
    }
    if (forgetting->gone > 0)
        log_write(LOG_INFO, "relay", "%lld old videos are forgotten", (long long)forgetting->gone);
    forgetting->gone = 0;
    arm(forgetting, LOOK_MS);
}

static bool any_is_over(const struct relay *relay)
{
    int64_t counts[TASK_STATE_COUNT], over = 0;
    store_task_counts(relay->store, counts);
    for (unsigned state = 0; state < TASK_STATE_COUNT; state++)
        over += task_has_verdict(state) ? counts[state] : 0;
    return over > 0;
}

static void on_look(struct timer *timer)
{
    struct forgetting *forgetting = CONTAINER_OF(timer, struct forgetting, look);
    const struct relay *relay = forgetting->relay;
    struct store_task_forget *forget = &forgetting->forget;
    int64_t before_ms = clock_wall_ms() - relay->snapshot->settings.video_forget_after_ms;
    if (before_ms <= 0 || !any_is_over(relay)) {
        arm(forgetting, LOOK_MS);
        return;
    }
    forget->before_ms = before_ms;
    forget->call.reply = loop_mailbox(relay->loop);
    forget->call.done = is_back;
    forget->call.deadline_ms = clock_ms() + STORE_MS;
    forgetting->out = true;
    store_task_forget(relay->store, forget);
}

struct forgetting *forgetting_new(struct relay *relay)
{
    struct forgetting *forgetting = calloc(1, sizeof *forgetting);
    if (forgetting == NULL)
        return NULL;
    forgetting->relay = relay;
    if (relay->keeper != NULL) {
        forgetting->orphans = orphans_new(relay);
        if (forgetting->orphans == NULL) {
            free(forgetting);
            return NULL;
        }
    }
    timer_init(&forgetting->look, on_look);
    arm(forgetting, 0);
    return forgetting;
}

void forgetting_stop(struct forgetting *forgetting)
{
    if (forgetting == NULL)
        return;
    forgetting->stopped = true;
    orphans_stop(forgetting->orphans);
    timer_disarm(loop_timers(forgetting->relay->loop), &forgetting->look);
}

bool forgetting_is_idle(const struct forgetting *forgetting)
{
    return forgetting == NULL || (!forgetting->out && orphans_is_idle(forgetting->orphans));
}

void forgetting_free(struct forgetting **forgetting)
{
    if (*forgetting == NULL)
        return;
    forgetting_stop(*forgetting);
    CHECK(forgetting_is_idle(*forgetting));
    orphans_free(&(*forgetting)->orphans);
    free(*forgetting);
    *forgetting = NULL;
}
