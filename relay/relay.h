/* The relay room of one worker: what its requests share. */
#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/loop.h"
#include "config/snapshot.h"
#include "relay/engine.h"
#include "relay/health.h"
#include "store/ident.h"
#include "store/store.h"

struct content_link;
struct keeper;
struct keeping;
struct request;
struct task_desks;

struct relay {
    struct loop *loop;
    struct engine *engine;
    struct store *store;
    struct health *health;
    struct snapshot *snapshot;       /* in force for new requests; one reference */
    const char *spool_dir;           /* where big bodies go: the database's folder */
    struct task_desks *desks;        /* of all workers */
    const struct content_link *link; /* NULL: there are none */
    struct keeper *keeper;           /* the same, of copies */
    struct keeping *keeping;         /* with it: who makes this worker's */
    struct mailbox *sweeper;         /* of a thread that may wait: closes their files */
    struct ident_source idents;
    struct request *requests; /* all that are not freed */
    unsigned request_count;
    unsigned stream_count; /* of them, relaying event streams */
    bool draining;         /* no new ones */
    uint64_t random;
    struct timer sweep; /* once a second: rows for requests that last longer */
};

/* Borrows everything; keeps one reference of the snapshot. */
void relay_init(struct relay *relay, struct loop *loop, struct engine *engine, struct store *store,
                struct health *health);
/* Replaces the configuration for new requests. */
void relay_set_snapshot(struct relay *relay, struct snapshot *snapshot);
/* CHECK: no request is left. */
void relay_release(struct relay *relay);
uint64_t relay_random(struct relay *relay);
/* Bytes in all streams now, for status. */
int64_t relay_buffered_bytes(const struct relay *relay);
/* The shutdown limit has passed: ends every stream with an error event, drops the rest. */
void relay_cut_all(struct relay *relay);

#endif
