/* A kept copy of a video, and its file's name, which says what it is: "task_....video-mp4" is the
 * video/mp4 of that task. */
#ifndef RELAY_KEPT_NAME_H
#define RELAY_KEPT_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/str.h"
#include "store/task.h"

#define KEPT_TYPE_SIZE 64
#define KEPT_NAME_SIZE (TASK_PUBLIC_SIZE + KEPT_TYPE_SIZE)

struct kept {
    char type[KEPT_TYPE_SIZE]; /* "video/mp4" */
    char name[KEPT_NAME_SIZE];
    int64_t bytes, kept_ms; /* wall clock: since when it is here */
};

/* Sets type and name.  A type's parameters are left out; one that is no plain type counts as
 * video/mp4. */
void kept_name(struct kept *kept, const char *public_id, struct str type);
/* Sets them from a name; false when kept_name does not make such. */
MUST_USE bool kept_read_name(struct kept *kept, char public_id[TASK_PUBLIC_SIZE], struct str name);

#endif
