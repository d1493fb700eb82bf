/* An answer written down before it is spoken: pieces of bytes, each with the wait before it. */
#ifndef SERVER_SANDBOX_SCRIPT_H
#define SERVER_SANDBOX_SCRIPT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct script_piece {
    size_t end; /* offset behind its last byte; it begins where the one before ends */
    int64_t wait_us;
};

/* Invariant: a failed script (out of memory or too long) has no use but release. */
struct script {
    struct buf bytes;
    struct script_piece *pieces;
    size_t n, capacity;
    bool cut; /* breaks off behind the last piece instead of ending */
    bool failed;
};

void script_init(struct script *script);
/* Safe on a zeroed script. */
void script_release(struct script *script);
/* Adds a piece; an empty one is left out.  Failure is remembered in script->failed. */
void script_add(struct script *script, int64_t wait_us, struct str text);
/* Takes `json` (NULL = out of memory) and adds it as one "data:" event; where it has a "type", an
 * "event:" line says that, too. */
void script_add_event(struct script *script, int64_t wait_us, json_t *json);

#endif
