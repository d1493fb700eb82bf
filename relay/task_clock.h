/* When a provider is asked after a task again. */
#ifndef RELAY_TASK_CLOCK_H
#define RELAY_TASK_CLOCK_H

#include <stdint.h>

#include "config/settings.h"

/* The wall clock time, > now_ms: a tenth of its age from now, within [video] poll_interval and
 * poll_interval_max, and up to an eighth sooner by `random`, so that tasks do not stay together.
 * Of one past its deadline a late success is looked for less and less often. */
int64_t task_clock_next(const struct settings *settings, int64_t created_ms, int64_t now_ms,
                        uint64_t random);

#endif
