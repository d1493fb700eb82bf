/* Rows of videos that ended long ago ([video] forget_after) go, a few at a time, and their kept
 * copies with them.  One worker does it for all. */
#ifndef RELAY_FORGETTING_H
#define RELAY_FORGETTING_H

#include <stdbool.h>

#include "base/check.h"

struct forgetting;
struct relay;

/* Keeps the relay.  NULL when out of memory. */
MUST_USE struct forgetting *forgetting_new(struct relay *relay);
/* No more is begun.  NULL-safe. */
void forgetting_stop(struct forgetting *forgetting);
/* After a stop: nothing is on its way.  True of NULL. */
bool forgetting_is_idle(const struct forgetting *forgetting);
/* NULL-safe; nulls the pointer.  CHECK: idle. */
void forgetting_free(struct forgetting **forgetting);

#endif
