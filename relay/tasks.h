/* The poller of one worker: asks the providers after the tasks that are its own (task_owner), when
 * their turn comes or their user asks, never twice at a time. */
#ifndef RELAY_TASKS_H
#define RELAY_TASKS_H

#include <stdbool.h>

#include "base/check.h"

struct relay;
struct tasks;

/* Keeps the relay, whose desks say how many workers there are.  NULL when out of memory or
 * descriptors. */
MUST_USE struct tasks *tasks_new(struct relay *relay, unsigned worker);
/* Nothing is asked any more; what has been said is still recorded. */
void tasks_stop(struct tasks *tasks);
/* After a stop: nothing is on its way. */
bool tasks_are_idle(const struct tasks *tasks);
/* NULL-safe; nulls the pointer.  CHECK: idle. */
void tasks_free(struct tasks **tasks);

#endif
