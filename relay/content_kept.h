/* The content of a task from the copy of it that is kept. */
#ifndef RELAY_CONTENT_KEPT_H
#define RELAY_CONTENT_KEPT_H

#include <stdbool.h>

#include "base/check.h"

struct request;

/* Begins to play it; false when there is no copy, and nothing was done. */
MUST_USE bool content_kept_begin(struct request *request);
/* The settle step while request->film is there. */
void content_kept_step(struct request *request);
/* Its opening takes too long. */
void content_kept_late(struct request *request);

#endif
