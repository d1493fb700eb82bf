/* The admin API: operations on the running server and on the customer side.
 *
 * One table of operations, two transports: HTTP on the admin socket (POST /admin/NOUN/VERB, a JSON
 * object of arguments in, JSON out, served by worker 0), and in process for a command line that
 * found no server and holds the database itself. */
#ifndef SERVER_ADMIN_ADMIN_H
#define SERVER_ADMIN_ADMIN_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/mailbox.h"
#include "base/str.h"
#include "config/snapshot.h"
#include "relay/engine.h"
#include "relay/health.h"
#include "relay/relay.h"
#include "store/store.h"

/* What the process behind the operations offers.  Functions may be NULL without a server. */
struct admin_host {
    struct store *store;
    struct health *health; /* what the server knows of its providers; NULL without one */
    void *context;
    /* A new reference to the configuration in force. */
    struct snapshot *(*snapshot)(void *context);
    /* The way to providers of the thread that the calls run in. */
    struct engine *(*engine)(void *context);
    /* The requests' room of that thread. */
    struct relay *(*relay)(void *context);
    /* Members "loops", "providers", "version", "uptime_s", "url"... of `status`; a new object. */
    json_t *(*status)(void *context);
    /* Loads the file again and swaps all or nothing.  Calls `done` (in the thread of `reply`) with
     * ok, and the messages of the check. */
    void (*reload)(void *context, struct mailbox *reply,
                   void (*done)(void *argument, bool ok, struct str messages), void *argument);
};

/* Exit codes of the command line, also told in the error body. */
enum admin_exit {
    ADMIN_OK = 0,
    ADMIN_FAILED = 1,
    ADMIN_USAGE = 2,
    ADMIN_NOTFOUND = 3,
    ADMIN_NOT_PERMITTED = 4,
    ADMIN_CONFLICT = 5,
    ADMIN_UNREACHABLE = 6,
    ADMIN_BAD_CONFIG = 78
};

struct admin_call {
    struct str operation; /* "user add"; borrowed until done */
    json_t *arguments;    /* an object; borrowed until done */
    struct mailbox *reply;
    void (*done)(struct admin_call *call); /* once, in the reader's thread; perhaps before
                                              admin_begin returns */
    void *context;
    /* The outcome: the result (given to the caller), or exit code and one line of text. */
    enum admin_exit exit;
    json_t *result;
    struct buf message;
    struct store_admin store_call; /* private */
    const struct admin_host *host; /* private */
};

/* Starts the operation.  Keeps `call` until `done`.  Unknown operations end with ADMIN_USAGE. */
void admin_begin(const struct admin_host *host, struct admin_call *call);
/* Frees result and message. */
void admin_release(struct admin_call *call);
/* Body and status of the HTTP answer: the result with 200, or {"error":{"exit":3,"message":...}}
 * with 400, 404, 409 or 500. */
MUST_USE bool admin_http_body(const struct admin_call *call, int *status, struct buf *body);

#endif
