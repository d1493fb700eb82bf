/* One event-loop thread and all that belongs to it. */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/loop.h"
#include "base/mailbox.h"
#include "config/snapshot.h"
#include "relay/engine.h"
#include "relay/health.h"
#include "relay/relay.h"
#include "server/admin/admin.h"
#include "store/store.h"

struct content_link;
struct keeper;
struct http;
struct listener;
struct task_desks;
struct forgetting;
struct tasks;

/* What the main thread asks of a worker: mail that comes back to main's mailbox. */
enum worker_order { ORDER_SNAPSHOT, ORDER_DRAIN, ORDER_CUT, ORDER_STOP };

struct worker_mail {
    struct mail mail;
    struct worker *worker;
    struct mailbox *reply;
    enum worker_order order;
    struct snapshot *snapshot; /* ORDER_SNAPSHOT: borrowed until it is back */
    void (*done)(struct worker_mail *mail);
    void *context;
};

/* Figures for `status`, written by the worker once a second. */
#define LAG_SLOTS 60 /* the longest turn of each of the last 60 seconds */
struct worker_figures {
    atomic_llong lag_recent[LAG_SLOTS]; /* microseconds */
    atomic_llong requests, streams, connections, buffered_bytes;
};

struct worker_options {
    unsigned index;
    unsigned workers; /* how many there are: limits are shared out */
    struct snapshot *snapshot;
    struct store *store;
    struct health *health;
    const char *sandbox_url;
    const char *spool_dir;
    struct keeper *keeper;
    const struct content_link *link; /* see struct relay, as for the next */
    struct mailbox *sweeper;
    struct task_desks *desks;
    int64_t newest_id;
    long fd_limit;                  /* of the process, at least worker_fds_needed */
    const struct admin_host *admin; /* worker 0 serves the admin socket; NULL for the others */
};

struct worker {
    unsigned index, workers;
    pthread_t thread;
    bool started, stopping, draining;
    bool stuck; /* it ended with work left: nothing of it can be freed */
    struct loop *loop;
    struct engine *engine;
    struct relay relay;
    struct tasks *tasks;
    struct forgetting *forgetting; /* of the first worker; or NULL */
    struct http *http;
    struct listener *listener, *admin_listener;
    const struct admin_host *admin;
    int64_t fd_limit; /* of the process */
    int64_t max_fds;  /* clients and upstreams together; beyond it requests are refused */
    struct timer second;
    struct worker_figures figures;
    unsigned lag_slot;
    struct worker_mail *drain_mail; /* the order to drain; goes back when nothing is left */
};

/* How many descriptors so many workers need to serve anybody. */
long worker_fds_needed(unsigned workers);
MUST_USE enum fault worker_new(struct worker **out, const struct worker_options *options);
/* Takes the listening descriptors; -1 = none. */
MUST_USE enum fault worker_listen(struct worker *worker, int fd, int admin_fd);
MUST_USE bool worker_start(struct worker *worker);
/* Over its share of max_requests or of the descriptors: new requests are refused. */
bool worker_is_overloaded(const struct worker *worker);
/* A little beyond that: connections are not accepted, so that those who come are told why they are
 * refused. */
bool worker_is_full(const struct worker *worker);
/* Any thread.  Keeps `mail` until it is back. */
void worker_order(struct worker *worker, struct worker_mail *mail);
/* After ORDER_STOP: waits for the thread and frees everything.  False: something was still in use
 * after the limit (the store cannot commit); the process can only end. */
bool worker_join(struct worker **worker);

#endif
