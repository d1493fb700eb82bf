#include "relay/task_clock.h"

#include "store/task.h"

#define LATE_SHARE 24 /* of its age: after a day, once an hour */

static int64_t interval_of(const struct settings *settings, int64_t age_ms)
{
    int64_t least = settings->video_poll_interval_ms;
    int64_t most = settings->video_poll_interval_max_ms;
    int64_t interval = age_ms / 10;
    if (age_ms >= TASK_LIFE_MS)
        return age_ms / LATE_SHARE;
    if (interval > most)
        interval = most;
    return interval < least ? least : interval;
}

int64_t task_clock_next(const struct settings *settings, int64_t created_ms, int64_t now_ms,
                        uint64_t random)
{
    int64_t age = now_ms > created_ms ? now_ms - created_ms : 0;
    int64_t interval = interval_of(settings, age);
    int64_t sooner = interval / 8 * (int64_t)(random >> 32 & 1023) / 1024;
    return now_ms + interval - sooner;
}
