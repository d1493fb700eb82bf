/* The process: what the main thread owns.  Workers borrow from it until they are joined. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/mailbox.h"
#include "config/snapshot.h"
#include "relay/content_link.h"
#include "relay/health.h"
#include "relay/keeper.h"
#include "server/admin/admin.h"
#include "server/listener.h"
#include "server/sandbox/sandbox.h"
#include "server/worker.h"
#include "store/store.h"

#define WORKERS_MAX 62 /* ids have room for 64 makers; the store and the command line are two */

enum shutdown_step {
    SHUTDOWN_NO,
    SHUTDOWN_DRAINING, /* requests in flight go on */
    SHUTDOWN_CUTTING,  /* the limit has passed: streams get their error event */
    SHUTDOWN_STOPPING  /* workers end */
};

struct server {
    struct snapshot *snapshot; /* in force */
    struct snapshot *begun;    /* of the start: what needs a restart holds as it stands there */
    struct store *store;
    struct health *health;
    struct task_desks *desks;
    struct sandbox *sandbox;
    char *sandbox_url, *spool_dir;
    struct keeper *keeper;    /* NULL unless videos are kept */
    struct content_link link; /* zero unless there are links */
    struct listen_address address;
    struct buf url;
    struct worker *workers[WORKERS_MAX];
    unsigned worker_count;
    struct admin_host admin;
    struct mailbox mailbox; /* the main thread's */
    struct mailbox
        sweeper; /* the same, for files of big bodies, also when the workers have ended */
    int signal_fd;
    int64_t started_ms;
    /* Orders that are out; one kind at a time for each array. */
    struct worker_mail order_mails[WORKERS_MAX], drain_mails[WORKERS_MAX];
    unsigned orders_out, drains_out;
    enum shutdown_step step;
    int64_t step_deadline_ms;
    /* server/reload.c */
    struct snapshot *next;                      /* loaded, on its way to the workers */
    struct reload_wait *waiting, *next_waiting; /* told when it is in force; asked meanwhile */
    bool reload_again;
};

/* Sends an order to every worker; `done` runs in the main thread for each. */
void server_order_all(struct server *server, struct worker_mail mails[WORKERS_MAX],
                      enum worker_order order, struct snapshot *snapshot,
                      void (*done)(struct worker_mail *mail));

/* server/reload.c: loads the file again, swaps all or nothing.  Main thread. */
void server_reload(struct server *server);
/* admin_host's reload: any thread. */
void server_ask_reload(void *context, struct mailbox *reply,
                       void (*done)(void *argument, bool ok, struct str messages), void *argument);

/* server/status.c: the members of `status`.  Worker 0's thread. */
json_t *server_status(void *context);
struct snapshot *server_snapshot(void *context);
struct engine *server_engine(void *context);
struct relay *server_relay(void *context);

/* server/notify.c: one message to the service manager ("READY=1"); a no-op without one. */
void notify_manager(const char *message);

#endif
