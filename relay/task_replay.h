/* A request that makes a task, with an Idempotency-Key: what an earlier one with the same key has
 * made is looked for before anything else is tested.  Its caller has paid for that, whatever has
 * become of the money, the model and its providers since. */
#ifndef RELAY_TASK_REPLAY_H
#define RELAY_TASK_REPLAY_H

#include <stdbool.h>

#include "base/check.h"
#include "base/fault.h"
#include "store/store_tasks.h"

struct request;

struct replay {
    struct store_task_create create; /* its key and what it asks for; the rest is task_submit's */
    struct request *request;
    char *key;
    bool taken;
};

bool task_replay_is_needed(const struct request *request);
/* Asks the store: the state is LOOKING_UP, and the exchange is woken when request_is_looked_up.
 * Faults, with nothing asked: INVALID_VALUE (it cannot be a key), GATEWAY_MEMORY. */
MUST_USE enum fault task_replay_look_up(struct request *request);
/* What was asked is not taken yet. */
bool task_replay_is_here(const struct request *request);
/* Once.  NONE: request->task is what it has made, or NULL.  Faults of refusals: INVALID_VALUE (the
 * key was used for something else), STORE_UNAVAILABLE. */
MUST_USE enum fault task_replay_take(struct request *request);
/* Why a task is not made, or not found, by its key. */
enum fault task_replay_fault(struct request *request, enum store_code code);
/* NULL-safe; nulls the pointer. */
void task_replay_free(struct replay **replay);

#endif
