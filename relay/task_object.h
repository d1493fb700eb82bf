/* A task as its user sees it: the video object of the public API. */
#ifndef RELAY_TASK_OBJECT_H
#define RELAY_TASK_OBJECT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/check.h"
#include "store/task.h"

/* Each member is there, absent values are null.  False when out of memory. */
MUST_USE bool task_object_write(const struct task *task, struct buf *body);
/* The same in the older form of /video/generations: task_id, status, url, format, error. */
MUST_USE bool task_object_write_older(const struct task *task, struct buf *body);

#endif
