/* A task as its user sees it: the video object of the public API. */
#ifndef RELAY_TASK_OBJECT_H
#define RELAY_TASK_OBJECT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/check.h"
#include "store/task.h"

/* `link` opens its content, or is NULL.  False when out of memory. */
typedef bool task_object_writer(const struct task *task, const char *link, struct buf *body);

/* Each member is there, absent values are null; metadata.url is the link. */
MUST_USE bool task_object_write(const struct task *task, const char *link, struct buf *body);
/* The same in the older form of /video/generations: task_id, status, url, format, error.
 * Its url is the path, for which the key is needed. */
MUST_USE bool task_object_write_older(const struct task *task, const char *link, struct buf *body);

#endif
