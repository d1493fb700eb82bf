/* Desks, one a worker: where threads lay down tasks whose users ask after them, for the worker that
 * asks the providers (task_owner).  Made before the workers, gone after them. */
#ifndef RELAY_TASK_DESK_H
#define RELAY_TASK_DESK_H

#include "base/check.h"
#include "base/mailbox.h"
#include "store/task.h"

#define TASK_DESK_MAX                                                                              \
    1024 /* tasks on one desk; more are dropped: they come round by themselves                     \
          */

struct task_desks;

/* NULL when out of memory or descriptors. */
MUST_USE struct task_desks *task_desks_new(unsigned workers);
/* NULL-safe; nulls the pointer. */
void task_desks_free(struct task_desks **desks);
unsigned task_desks_count(const struct task_desks *desks);

/* Any thread.  Lays down a copy; nothing happens when memory is out. */
void task_desk_ask(struct task_desks *desks, const struct task *task);
/* The owner: readable when something may lie there; and takes the oldest (free it with task_free);
 * NULL when there is none. */
int task_desk_fd(const struct task_desks *desks, unsigned worker);
MUST_USE struct task *task_desk_take(struct task_desks *desks, unsigned worker);

#endif
