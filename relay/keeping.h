/* Which videos one worker has yet to copy: those that are completed while it runs, and at its start
 * those that were and have no copy.  Each is tried a few times, two at once. */
#ifndef RELAY_KEEPING_H
#define RELAY_KEEPING_H

#include <stdbool.h>

#include "base/check.h"

struct keeping;
struct relay;

/* Keeps the relay, which has a keeper.  NULL when out of memory. */
MUST_USE struct keeping *keeping_new(struct relay *relay, unsigned worker);
/* This task has been completed.  NULL-safe: nothing is kept then. */
void keeping_want(struct keeping *keeping, const char *public_id);
/* Nothing more is begun; what is being copied is dropped. */
void keeping_stop(struct keeping *keeping);
/* After a stop: nothing is on its way.  True of NULL. */
bool keeping_is_idle(const struct keeping *keeping);
/* NULL-safe; nulls the pointer.  CHECK: idle. */
void keeping_free(struct keeping **keeping);

#endif
