/* Running an operation: at the server if one listens, else in this process on the database. */
#ifndef SERVER_CLI_REACH_H
#define SERVER_CLI_REACH_H

#include <jansson.h>

#include "config/snapshot.h"
#include "server/cli/client.h"
#include "server/cli/parse.h"
#include "store/store.h"

/* The configuration that the command line speaks about. */
struct target {
    char *file;                /* NULL with --socket alone */
    struct snapshot *snapshot; /* NULL when it has an error */
    char *socket_path;
    char *database_path; /* NULL when not even that can be known */
    struct buf messages; /* of the check */
};

/* Fills in *target (release it in any case).  A file with an error cannot be loaded, nor one whose
 * secrets only the server may read; the two paths are taken from it nevertheless, so that users and
 * keys can be seen to.  False, with the answer failed, when there is nothing to speak to. */
MUST_USE bool target_find(struct target *target, const struct invocation *invocation,
                          struct answer *answer);
void target_release(struct target *target);

/* A way that stays for several operations: without a server, the database stays open. */
struct reach {
    struct target target;
    struct store *store;
    bool has_said_so; /* that no server is running */
};

/* False: the answer has failed.  Close it in any case. */
MUST_USE bool reach_open(struct reach *reach, const struct invocation *invocation,
                         struct answer *answer);
void reach_ask(struct reach *reach, const char *operation, json_t *arguments,
               struct answer *answer);
void reach_close(struct reach *reach);

/* One operation: open, ask and close. */
void reach_call(const struct invocation *invocation, const char *operation, json_t *arguments,
                struct answer *answer);

/* Like store_open, but waits up to 2 s for an owner that is about to go: mostly another command. */
MUST_USE bool reach_open_store(const struct store_options *options, struct store **store,
                               struct buf *why, bool *in_use);
/* Runs the operation in this process.  `store` may be NULL: then only operations on the
 * configuration are answered.  False when the answer took too long (10 s, a "db" operation an
 * hour): then the store has been closed to get the call back, and *store is NULL. */
bool reach_in_process(struct store **store, struct snapshot *snapshot, const char *operation,
                      json_t *arguments, struct answer *answer);

#endif
