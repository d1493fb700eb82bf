/* The making of one kept copy: a completed video is fetched whole into a draft of the keeper's. */
#ifndef RELAY_COPYING_H
#define RELAY_COPYING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/loop.h"
#include "config/snapshot.h"
#include "relay/fetch.h"
#include "relay/keeper.h"
#include "relay/relay.h"
#include "store/task.h"

struct copying {
    struct relay *relay;
    struct task *task; /* ours */
    void (*over)(struct copying *copying);
    void *owner;
    bool is_over;     /* given: it may be freed */
    const char *why;  /* given: it is not kept, and why not; NULL = it is */
    bool is_hopeless; /* given with it: it would be the same another time */
    /* Private. */
    struct snapshot *snapshot; /* the provider is in it */
    struct fetch *fetch;
    struct kept_draft draft;
    struct buf bytes; /* that have come, and are not at the draft's yet */
    int64_t total;
    bool paused, is_finishing;
    struct timer timer;
    struct ready ready;
};

/* Takes the task and begins; `over` is called once, in a settle step, never from here.  NULL, with
 * the task freed, when memory is out. */
MUST_USE struct copying *copying_new_take(struct relay *relay, struct task **task,
                                          void (*over)(struct copying *copying), void *owner);
/* It is not to be made; `over` is still called. */
void copying_stop(struct copying *copying);
/* CHECK: it is over.  NULL-safe; nulls the pointer. */
void copying_free(struct copying **copying);

#endif
