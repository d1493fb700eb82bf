/* The loop's HTTP client: what makes its upstream connections, and those that wait for the next
 * request. */
#ifndef RELAY_ENGINE_H
#define RELAY_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "base/fault.h"
#include "base/loop.h"
#include "relay/dialer.h"
#include "relay/origin.h"
#include "relay/pool.h"

#define ENGINE_READ_BYTES ((size_t)64 << 10)

/* Its inside is for the attempts and connections of the loop; others read only. */
struct engine {
    struct loop *loop;
    struct dialer dialer;
    struct origins origins;
    struct pool pool;
    char *sandbox_url;
    unsigned attempts; /* that have not been freed */
    char *read_room;   /* ENGINE_READ_BYTES: where an attempt reads to before its sink copies */
};

/* Once a process, before threads.  False when libcurl does not start. */
MUST_USE bool engine_open_library(void);
/* `sandbox_url` replaces the base URL "builtin:sandbox"; NULL = there is none.  Keeps up to
 * `pooled` idle connections (within bounds of its own).  Keeps the loop. */
MUST_USE enum fault engine_new(struct engine **out, struct loop *loop, const char *sandbox_url,
                               long pooled);
/* CHECK: no attempt is left.  NULL-safe; nulls the pointer. */
void engine_free(struct engine **engine);
/* Connections that were made, or not: tells their attempts.  Once a turn. */
void engine_collect(struct engine *engine);

#endif
