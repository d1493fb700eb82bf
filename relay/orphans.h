/* Copies of videos whose task is not there any more: the process died, or the store's answer was
 * lost, between a deletion and what is done behind it.  They are looked for once, at the start. */
#ifndef RELAY_ORPHANS_H
#define RELAY_ORPHANS_H

#include <stdbool.h>

#include "base/check.h"

struct orphans;
struct relay;

/* Of the copies that the relay's keeper has now.  NULL when out of memory. */
MUST_USE struct orphans *orphans_new(struct relay *relay);
/* Nobody else is looked after.  NULL-safe, as the next two are. */
void orphans_stop(struct orphans *orphans);
/* Nothing is on its way. */
bool orphans_is_idle(const struct orphans *orphans);
/* Nulls the pointer.  CHECK: idle. */
void orphans_free(struct orphans **orphans);

#endif
