/* `gateway serve`: boots the rooms in order, runs until SIGTERM, drains, ends. */
#ifndef SERVER_SERVE_H
#define SERVER_SERVE_H

#include <stdbool.h>

#include "config/snapshot.h"
#include "store/store.h"

struct serve_options {
    struct snapshot *snapshot; /* taken: the checked configuration */
    struct store *store;       /* taken: open already, or NULL = serve opens it */
    const char *listen;        /* overrides [server] listen; NULL = as configured */
    bool any_port_if_busy;     /* quickstart without --listen: fall to a free port */
    /* Called once when connections are accepted, with "http://127.0.0.1:8080" (or "unix:/path").
     * NULL: prints "ready URL" on stdout. */
    void (*on_ready)(void *context, const char *url);
    void *context;
};

/* Returns the exit code: 0 after a drain, 1 failed, 6 database in use, 78 bad configuration. */
int serve_run(const struct serve_options *options);

#endif
