/* A task in an answer: its object, with the link that opens its content where there are such. */
#ifndef RELAY_TASK_REPLY_H
#define RELAY_TASK_REPLY_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/check.h"
#include "relay/task_object.h"

struct request;

/* Adds it to `body` as `write` has it.  False when out of memory. */
MUST_USE bool task_reply_add(const struct request *request, const struct task *task,
                             task_object_writer *write, struct buf *body);

#endif
