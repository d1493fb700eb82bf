#include "server/worker.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/request.h"
#include "relay/forgetting.h"
#include "relay/keeping.h"
#include "relay/tasks.h"
#include "server/http.h"
#include "server/listener.h"

/* What is open before the first client comes: store, log, signals; and for each worker its loop,
 * libmicrohttpd's daemons, the first of curl's multis. */
#define RESERVED_FDS 32
#define RESERVED_FDS_A_WORKER 24
#define FDS_A_WORKER_MIN 8
#define STOP_LIMIT_MS 8000

/* --- orders of the main thread -------------------------------------------------------------------
 */

static void answered(struct mail *mail)
{
    struct worker_mail *order = CONTAINER_OF(mail, struct worker_mail, mail);
    order->done(order);
}

static void mail_back(struct worker_mail *mail)
{
    mail->mail.deliver = answered;
    mailbox_post(mail->reply, &mail->mail);
}

static void drain(struct worker *worker, struct worker_mail *mail)
{
    worker->draining = true;
    worker->drain_mail = mail;
    listener_free(&worker->listener);
    http_close_idle(worker->http);
}

static void obey(struct mail *mail)
{
    struct worker_mail *order = CONTAINER_OF(mail, struct worker_mail, mail);
    struct worker *worker = order->worker;
    switch (order->order) {
    case ORDER_SNAPSHOT:
        relay_set_snapshot(&worker->relay, order->snapshot);
        mail_back(order);
        break;
    case ORDER_DRAIN: /* comes back when nothing is left */
        drain(worker, order);
        break;
    case ORDER_CUT:
        relay_cut_all(&worker->relay);
        mail_back(order);
        break;
    case ORDER_STOP:
        worker->stopping = true;
        listener_free(&worker->listener);
        listener_free(&worker->admin_listener);
        mail_back(order);
        break;
    }
}

void worker_order(struct worker *worker, struct worker_mail *mail)
{
    mail->worker = worker;
    mail->mail.deliver = obey;
    mailbox_post(loop_mailbox(worker->loop), &mail->mail);
}

/* --- the turn ------------------------------------------------------------------------------------
 */

static void on_second(struct timer *timer)
{
    struct worker *worker = CONTAINER_OF(timer, struct worker, second);
    struct worker_figures *figures = &worker->figures;
    int64_t lag = loop_lag_us(worker->loop);
    atomic_store(&figures->lag_recent[worker->lag_slot], lag);
    worker->lag_slot = (worker->lag_slot + 1) % LAG_SLOTS;
    unsigned streams = 0;
    for (const struct request *r = worker->relay.requests; r != NULL; r = r->next)
        streams += r->stream_asked && r->state == REQUEST_RELAYING;
    atomic_store(&figures->streams, (long long)streams);
    atomic_store(&figures->requests, (long long)worker->relay.request_count);
    atomic_store(&figures->connections, (long long)http_connections(worker->http));
    atomic_store(&figures->buffered_bytes, (long long)relay_buffered_bytes(&worker->relay));
    listener_check(worker->listener);
    listener_check(worker->admin_listener);
    timer_arm(loop_timers(worker->loop), timer, clock_ms() + 1000);
}

static bool drained(const struct worker *worker)
{
    return worker->relay.request_count == 0 && tasks_are_idle(worker->tasks) &&
           forgetting_is_idle(worker->forgetting) && keeping_is_idle(worker->relay.keeping) &&
           worker->engine->attempts == 0 && http_connections(worker->http) == 0;
}

static void check_drained(struct worker *worker)
{
    if (worker->drain_mail == NULL)
        return;
    http_close_idle(worker->http);
    if (worker->relay.request_count > 0)
        return;
    struct worker_mail *mail = worker->drain_mail;
    worker->drain_mail = NULL;
    mail_back(mail);
}

/* One turn: the only place where order matters. */
static void worker_turn(struct worker *worker)
{
    struct loop *loop = worker->loop;
    loop_wait(loop, http_is_busy(worker->http) ? 0 : -1);
    loop_run_events(loop); /* upstreams, mail, client hang-ups: callbacks only copy and mark */
    loop_run_timers(loop);
    engine_collect(worker->engine);
    loop_run_ready(loop); /* settle: transitions, resumes, attempts end */
    http_run(worker->http);
    loop_run_ready(loop); /* what libmicrohttpd's callbacks marked */
    loop_reap(loop);
    check_drained(worker);
}

static void *worker_main(void *context)
{
    struct worker *worker = context;
    char name[16];
    snprintf(name, sizeof name, "loop %u", worker->index);
    (void)pthread_setname_np(pthread_self(), name);
    log_join();
    loop_own(worker->loop);
    while (!worker->stopping)
        worker_turn(worker);
    /* libmicrohttpd aborts when it is stopped with a suspended connection: run until none is left.
     */
    tasks_stop(worker->tasks);
    forgetting_stop(worker->forgetting);
    keeping_stop(worker->relay.keeping);
    relay_cut_all(&worker->relay);
    http_kill_all(worker->http);
    int64_t limit = clock_ms() + STOP_LIMIT_MS;
    while (!drained(worker) && clock_ms() < limit)
        worker_turn(worker);
    worker->stuck = !drained(worker);
    log_leave();
    return NULL;
}

/* Whether `percent` of the descriptors for clients and upstreams are in use.  Each request counts
 * for its upstream connection, though it may not have it yet; but idle upstream connections and
 * long bodies take some too, so from the half on the kernel is asked: the lowest free number tells
 * how many are open in the process. */
static bool fds_reach(const struct worker *worker, int64_t percent)
{
    int64_t used = http_connections(worker->http) + worker->relay.request_count;
    if (used < worker->max_fds / 2)
        return false;
    if (used >= worker->max_fds * percent / 100)
        return true;
    int lowest = fcntl(loop_mailbox(worker->loop)->fd, F_DUPFD_CLOEXEC, 0);
    if (lowest < 0)
        return true;
    close(lowest);
    return lowest >= worker->fd_limit * 9 / 10 * percent / 100;
}

bool worker_is_overloaded(const struct worker *worker)
{
    const struct settings *settings = &worker->relay.snapshot->settings;
    int64_t share = (settings->server_max_requests + worker->workers - 1) / worker->workers;
    return worker->relay.request_count >= share || fds_reach(worker, 100);
}

bool worker_is_full(const struct worker *worker)
{
    return fds_reach(worker, 105);
}

/* --- life ----------------------------------------------------------------------------------------
 */

/* A tenth stays free for what is on its way. */
static long fds_for_traffic(long limit, unsigned workers)
{
    return (limit - RESERVED_FDS - (long)workers * RESERVED_FDS_A_WORKER) * 9 / 10 / (long)workers;
}

long worker_fds_needed(unsigned workers)
{
    long needed = RESERVED_FDS + (long)workers * RESERVED_FDS_A_WORKER;
    while (fds_for_traffic(needed, workers) < FDS_A_WORKER_MIN)
        needed += (long)workers;
    return needed;
}

enum fault worker_new(struct worker **out, const struct worker_options *options)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL)
        return FAULT_GATEWAY_MEMORY;
    worker->index = options->index;
    worker->workers = options->workers;
    worker->admin = options->admin;
    worker->fd_limit = options->fd_limit;
    worker->max_fds = fds_for_traffic(options->fd_limit, options->workers);
    timer_init(&worker->second, on_second);
    enum fault fault = loop_new(&worker->loop);
    if (fault == FAULT_NONE)
        fault = engine_new(&worker->engine, worker->loop, options->sandbox_url,
                           (long)worker->max_fds / 16);
    if (fault != FAULT_NONE)
        goto fail;
    if (snapshot_uses_tls(options->snapshot))
        dialer_warm(&worker->engine->dialer);
    relay_init(&worker->relay, worker->loop, worker->engine, options->store, options->health);
    relay_set_snapshot(&worker->relay, options->snapshot);
    worker->relay.spool_dir = options->spool_dir;
    worker->relay.keeper = options->keeper;
    worker->relay.link = options->link;
    worker->relay.sweeper = options->sweeper;
    worker->relay.desks = options->desks;
    ident_init(&worker->relay.idents, options->index, options->newest_id);
    fault = http_new(&worker->http, worker, options->snapshot->settings.server_header_memory);
    if (fault != FAULT_NONE)
        goto fail;
    worker->tasks = tasks_new(&worker->relay, options->index);
    if (worker->tasks == NULL) {
        fault = FAULT_GATEWAY_MEMORY;
        goto fail;
    }
    if (options->index == 0) {
        worker->forgetting = forgetting_new(&worker->relay);
        if (worker->forgetting == NULL) {
            fault = FAULT_GATEWAY_MEMORY;
            goto fail;
        }
    }
    if (options->keeper != NULL) {
        worker->relay.keeping = keeping_new(&worker->relay, options->index);
        if (worker->relay.keeping == NULL) {
            fault = FAULT_GATEWAY_MEMORY;
            goto fail;
        }
    }
    timer_arm(loop_timers(worker->loop), &worker->second, clock_ms() + 1000);
    *out = worker;
    return FAULT_NONE;
fail:
    (void)worker_join(&worker);
    return fault;
}

enum fault worker_listen(struct worker *worker, int fd, int admin_fd)
{
    enum fault fault = FAULT_NONE;
    if (fd >= 0)
        fault = listener_new(&worker->listener, worker, fd, false);
    if (fault == FAULT_NONE && admin_fd >= 0)
        fault = listener_new(&worker->admin_listener, worker, admin_fd, true);
    return fault;
}

bool worker_start(struct worker *worker)
{
    worker->started = pthread_create(&worker->thread, NULL, worker_main, worker) == 0;
    return worker->started;
}

bool worker_join(struct worker **worker)
{
    struct worker *w = *worker;
    if (w == NULL)
        return true;
    if (w->started)
        pthread_join(w->thread, NULL);
    if (w->stuck)
        return false;
    if (w->loop != NULL) {
        loop_own(w->loop);
        listener_free(&w->listener);
        listener_free(&w->admin_listener);
        http_free(&w->http);
        tasks_free(&w->tasks);
        forgetting_free(&w->forgetting);
        keeping_free(&w->relay.keeping);
        if (w->relay.loop != NULL)
            relay_release(&w->relay);
        engine_free(&w->engine);
        timer_disarm(loop_timers(w->loop), &w->second);
    }
    loop_free(&w->loop);
    free(w);
    *worker = NULL;
    return true;
}
