/* One thread's event loop: epoll, timers, ready list, just-freed list, mailbox.
 *
 * Law: a callback of one library never calls the other library, never changes a state, never frees.
 * So a watch callback copies and marks (loop_mark); what was marked runs in the settle step
 * (loop_run_ready), and memory goes at the end of the turn (loop_bury, loop_reap). */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/fault.h"
#include "base/mailbox.h"
#include "base/timer.h"

struct loop;

/* One descriptor in the loop's epoll, embedded in its owner, who keeps it until loop_unwatch. */
struct watch {
    int fd;          /* -1 = not watched */
    uint32_t events; /* EPOLLIN... as registered */
    void (*on_events)(struct watch *watch, uint32_t events);
};

/* A thing with work for the settle step; embedded, on the ready list at most once. */
struct ready {
    struct ready *next;
    bool marked;
    void (*run)(struct ready *ready);
};

/* A thing whose memory goes at the end of the turn; embedded. */
struct grave {
    struct grave *next;
    void (*release)(struct grave *grave);
};

/* Gives a loop (loop_free).  Faults: GATEWAY_MEMORY, GATEWAY_INTERNAL (no epoll or eventfd). */
MUST_USE enum fault loop_new(struct loop **out);
/* CHECK: nothing is marked or buried.  NULL-safe; nulls the pointer. */
void loop_free(struct loop **loop);
/* Says that the calling thread owns the loop from now on (until then its maker does); loop_is_mine
 * checks it. */
void loop_own(struct loop *loop);
bool loop_is_mine(const struct loop *loop);

/* Adds the fd, or changes its events.  False when epoll refuses (memory, limit). */
MUST_USE bool loop_watch(struct loop *loop, struct watch *watch, int fd, uint32_t events);
/* Forgets the fd and every event of this turn that still names it.  Call before close(). */
void loop_unwatch(struct loop *loop, struct watch *watch);

struct timers *loop_timers(struct loop *loop);
struct mailbox *loop_mailbox(struct loop *loop);

void loop_mark(struct loop *loop, struct ready *ready);
/* Takes it off the ready list (before its owner is buried). */
void loop_unmark(struct loop *loop, struct ready *ready);
void loop_bury(struct loop *loop, struct grave *grave);

/* The steps of a turn, in this order (server/worker.c).  loop_wait sleeps at most max_ms (-1 = no
 * bound) and never past the next timer or when something is ready, then ticks the clock. */
void loop_wait(struct loop *loop, int max_ms);
void loop_run_events(struct loop *loop); /* watches and mail */
void loop_run_timers(struct loop *loop);
void loop_run_ready(struct loop *loop); /* until the list is empty */
void loop_reap(struct loop *loop);
/* The longest turn (from wake to the next wait) since the last call, in microseconds. */
int64_t loop_lag_us(struct loop *loop);
bool loop_has_ready(const struct loop *loop);

#endif
