#include "store/ident.h"

#include <string.h>

#include "base/check.h"

#define SLOT_BITS 1
#define COUNTER_BITS 10
#define WORKER_BITS 6
#define NODE_BITS 4
#define MS_BITS 42

#define WORKER_SHIFT (SLOT_BITS + COUNTER_BITS)
#define MS_SHIFT (WORKER_SHIFT + WORKER_BITS + NODE_BITS)
#define COUNTER_MASK (((int64_t)1 << COUNTER_BITS) - 1)
#define MS_MAX (((int64_t)1 << MS_BITS) - 1)

#define EPOCH_WALL_MS INT64_C(1577836800000) /* 2020-01-01T00:00:00Z */
#define DIGITS 13

_Static_assert(MS_SHIFT + MS_BITS == 63, "an id is a positive int64");
_Static_assert(IDENT_WORKER_MAX == (1 << WORKER_BITS) - 1, "a worker fits its bits");
_Static_assert(IDENT_TEXT_SIZE == 4 + DIGITS + 1, "req_, the digits, NUL");

/* A clock that is set before 2020 or after 2159 must not make an id negative. */
static int64_t since_epoch(int64_t wall_ms)
{
    if (wall_ms < EPOCH_WALL_MS)
        return 0;
    int64_t ms = wall_ms - EPOCH_WALL_MS;
    return ms < MS_MAX ? ms : MS_MAX;
}

void ident_init(struct ident_source *source, unsigned worker, int64_t newest_id)
{
    CHECK(source != NULL);
    CHECK(worker <= IDENT_WORKER_MAX);
    CHECK(newest_id >= 0);
    source->worker = worker;
    source->last_tick = 0;
    /* All of the newest id's ms counts as used: its worker bits, which stand above the counter, may
     * be higher than ours. */
    if (newest_id > 0)
        source->last_tick = (newest_id >> MS_SHIFT) << COUNTER_BITS | COUNTER_MASK;
}

int64_t ident_next(struct ident_source *source, int64_t wall_ms)
{
    CHECK(source != NULL);
    int64_t tick = since_epoch(wall_ms) << COUNTER_BITS;
    /* Counting on from the last tick carries into the ms: that is the borrowing, and the way past a
     * clock that was set back. */
    if (tick <= source->last_tick)
        tick = source->last_tick + 1;
    int64_t ms = tick >> COUNTER_BITS;
    CHECK(ms <= MS_MAX);
    source->last_tick = tick;
    return ms << MS_SHIFT | (int64_t)source->worker << WORKER_SHIFT |
           (tick & COUNTER_MASK) << SLOT_BITS;
}

int64_t ident_give_back(int64_t id)
{
    CHECK(id > 0);
    return id | 1;
}

int64_t ident_first(int64_t wall_ms)
{
    return since_epoch(wall_ms) << MS_SHIFT;
}

int64_t ident_wall_ms(int64_t id)
{
    CHECK(id >= 0);
    return (id >> MS_SHIFT) + EPOCH_WALL_MS;
}

void ident_format(int64_t id, char text[IDENT_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    CHECK(id >= 0);
    memcpy(text, "req_", 4);
    /* Highest digit first, so that texts sort as the ids do. */
    for (int i = 0; i < DIGITS; i++)
        text[4 + i] = digits[(id >> (5 * (DIGITS - 1 - i))) & 31];
    text[4 + DIGITS] = '\0';
}
