/* The making of a task: its row is committed before the provider is asked, its end is part of the
 * request's settlement, and what may have been processed is never sent again.
 *
 * A request of a module with `task_write` goes this way: hold, task_submit (RECORDING: the commit
 * of the row), the attempts like any other, task_submit_read on a success, task_submit_end from the
 * settlement.  Its client gets the gateway's own object, never the provider's bytes. */
#ifndef RELAY_TASK_SUBMIT_H
#define RELAY_TASK_SUBMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/fault.h"

struct request;
struct submission; /* request->submission */
struct task;

/* The hold is taken and the offers are planned: commits the row, then dispatches the request; or
 * replies what another request with the same Idempotency-Key has made meanwhile.  Faults of
 * refusals: INVALID_VALUE (the key was used for something else), STORE_UNAVAILABLE,
 * GATEWAY_MEMORY. */
void task_submit(struct request *request);
/* One that is made of another task of this user, once that is found (request->task): its model,
 * length and size are that one's.  Faults of refusals: TASK_NOT_COMPLETED, TASK_FAILED. */
MUST_USE enum fault task_submit_take_origin(struct request *request);
/* In place of plan_make: only the provider that holds it.  Fault: NO_PROVIDER. */
MUST_USE enum fault task_submit_plan(struct request *request);
/* How long the video is to be: as asked, else what its model makes of nothing said. */
int64_t task_submit_seconds(const struct request *request);
/* Ends it with what its Idempotency-Key has made before. */
void task_submit_existing(struct request *request, const struct task *task);
/* The whole answer of a provider that said yes: false when it names no task. */
MUST_USE bool task_submit_read(struct request *request);
/* The attempt at hand ends for this reason (NONE: one of the gateway's own); no-op without one. */
void task_submit_note(struct request *request, enum fault fault);
/* Fills in the task's part of request->settle.entry; `taken`: the provider has it. */
void task_submit_end(struct request *request, bool taken);
/* NULL-safe; nulls the pointer. */
void task_submit_free(struct submission **submission);

#endif
