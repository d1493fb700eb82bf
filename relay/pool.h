/* Idle connections of a loop, the newest first.  One that its peer closes, or speaks on, is closed
 * at once; none is kept longer than POOL_IDLE_MS, or beyond `max` of them. */
#ifndef RELAY_POOL_H
#define RELAY_POOL_H

#include <stdbool.h>

#include "base/check.h"
#include "base/timer.h"
#include "relay/conn.h"

#define POOL_IDLE_MS 30000

struct pool {
    struct timers *timers;
    struct timer timer; /* armed while there are any */
    struct conn *newest, *oldest;
    unsigned count, max;
};

void pool_init(struct pool *pool, struct timers *timers, unsigned max);
/* Closes all. */
void pool_release(struct pool *pool);
/* An idle connection to that origin on which nothing has come, for the caller, still watched for
 * EPOLLIN; NULL when there is none.  Its peer may be about to close it. */
MUST_USE struct conn *pool_take(struct pool *pool, const struct origin *origin);
/* Takes a connection on which nothing is to come; nulls the pointer. */
void pool_give(struct pool *pool, struct conn **conn);

#endif
