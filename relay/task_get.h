/* The task that a request is about: its subject is the public id. */
#ifndef RELAY_TASK_GET_H
#define RELAY_TASK_GET_H

#include "base/check.h"
#include "store/store.h"

struct request;

/* Asks the store (the request is LOOKING_UP); when it is there, it is request->task, and `then` is
 * called.  Otherwise the request is refused: TASK_NOT_FOUND (also another user's),
 * STORE_UNAVAILABLE, GATEWAY_MEMORY.  Nothing is called once the request is over. */
void task_get(struct request *request, void (*then)(struct request *request));

/* The same for a module that is of_task: the exchange is woken, and its gates go on. */
void task_look_up(struct request *request);
/* For calls of the same kind.  The request waits for the store until the limit of such waits, which
 * is the call's deadline, too. */
void task_await_store(struct request *request, struct store_call *call,
                      void (*done)(struct store_call *call));
/* The mail is back; false when the request is over, and nothing is to be done for it.  Its memory
 * may go at the end of the turn. */
MUST_USE bool task_store_is_back(struct request *request);
/* Refuses what the store could not do: NOTFOUND, or that it is not there. */
void task_refuse(struct request *request, enum store_code code);

#endif
