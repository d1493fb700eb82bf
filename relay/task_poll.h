/* One asking after a task: a GET at its provider, and what comes of it in the books. */
#ifndef RELAY_TASK_POLL_H
#define RELAY_TASK_POLL_H

#include <stdbool.h>
#include <stdint.h>

#include <uthash.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/loop.h"
#include "config/snapshot.h"
#include "relay/attempt.h"
#include "relay/relay.h"
#include "relay/task_report.h"
#include "relay/video_answer.h"

enum task_poll_state {
    TASK_POLL_ASKING,    /* the provider's answer */
    TASK_POLL_RECORDING, /* the commit of what it said */
    TASK_POLL_RESTING    /* nothing: it is over, and kept so that nobody asks again too soon */
};

struct task_poll {
    UT_hash_handle hh; /* by task id, in relay/tasks */
    int64_t id;
    struct relay *relay;
    struct task *task; /* ours */
    enum task_poll_state state;
    int64_t began_ms;
    enum store_code code;                    /* RESTING: what the store said */
    void (*changed)(struct task_poll *poll); /* RECORDING or RESTING has begun */
    void *owner;
    /* Private. */
    struct snapshot *snapshot; /* the provider is in it */
    const struct provider *provider;
    struct attempt *attempt;
    struct buf target, headers, body;
    bool too_long;
    struct ready ready;
    struct video_answer answer;
    struct task_report report;
};

/* Takes the task and begins; NULL, with the task freed, when memory is out. */
MUST_USE struct task_poll *task_poll_new_take(struct relay *relay, struct task **task,
                                              void (*changed)(struct task_poll *poll), void *owner);
/* NULL-safe; nulls the pointer.  CHECK: it is not RECORDING. */
void task_poll_free(struct task_poll **poll);

/* What asks `provider` after the task: fills in target and headers, which are cleared first, and a
 * call that borrows them.  False when out of memory. */
MUST_USE bool task_poll_call(const struct provider *provider, const struct task *task,
                             struct buf *target, struct buf *headers, struct call *call);

#endif
