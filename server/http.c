#include "server/http.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/exchange.h"
#include "server/worker.h"

#define DAEMONS 16
#define RUNS_MAX 4 /* of one daemon in one turn, while it says that it has more to do */

/* From 1.0 on libmicrohttpd refuses bare line ends and NUL itself; before, the guard does all. */
#if MHD_VERSION >= 0x01000000
#define STRICTNESS MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1
#else
#define STRICTNESS MHD_OPTION_STRICT_FOR_CLIENT, 0
#endif

struct http_daemon {
    struct http *http;
    struct MHD_Daemon *mhd;
    struct watch watch; /* libmicrohttpd's own epoll descriptor */
    bool busy;
    unsigned connections;
};

struct http {
    struct worker *worker;
    struct http_daemon daemons[DAEMONS];
    struct client **clients; /* by descriptor */
    size_t client_capacity;
    int64_t connections;
    bool closing;
};

/* --- connections ---------------------------------------------------------------------------------
 */

static struct client *client_at(const struct http *http, int fd)
{
    return fd >= 0 && (size_t)fd < http->client_capacity ? http->clients[fd] : NULL;
}

static bool client_place(struct http *http, int fd, struct client *client)
{
    size_t at = (size_t)fd;
    if (at >= http->client_capacity) {
        size_t capacity = at * 2 + 64;
        struct client **grown = realloc(http->clients, capacity * sizeof *http->clients);
        if (grown == NULL)
            return false;
        memset(grown + http->client_capacity, 0,
               (capacity - http->client_capacity) * sizeof *grown);
        http->clients = grown;
        http->client_capacity = capacity;
    }
    http->clients[at] = client;
    return true;
}

void client_kick(struct client *client)
{
    client->daemon->busy = true;
}

void client_kill(struct client *client)
{
    if (!client->closed)
        shutdown(client->fd, SHUT_RDWR);
    client->gone = true;
    client_kick(client);
}

void client_arm(struct client *client, int64_t ms)
{
    timer_arm(loop_timers(client->worker->loop), &client->timer, clock_ms() + ms);
}

void client_disarm(struct client *client)
{
    timer_disarm(loop_timers(client->worker->loop), &client->timer);
}

/* What a deadline or a hang-up means is decided in the settle step. */
static void client_on_events(struct watch *watch, uint32_t events)
{
    struct client *client = CONTAINER_OF(watch, struct client, watch);
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        client->gone = true;
    loop_mark(client->worker->loop, &client->ready);
}

static void client_on_timer(struct timer *timer)
{
    struct client *client = CONTAINER_OF(timer, struct client, timer);
    if (client->exchange != NULL)
        exchange_on_deadline(client->exchange);
    else
        client_kill(client); /* no head came in time */
}

static void client_on_ready(struct ready *ready)
{
    struct client *client = CONTAINER_OF(ready, struct client, ready);
    if (client->exchange != NULL)
        exchange_on_client_event(client->exchange);
}

static void client_destroy(struct grave *grave)
{
    free(CONTAINER_OF(grave, struct client, grave));
}

static void client_forget(struct client *client)
{
    struct worker *worker = client->worker;
    struct http *http = worker->http;
    client->closed = true;
    client->daemon->connections--;
    http->connections--;
    http->clients[client->fd] = NULL;
    loop_unwatch(worker->loop, &client->watch);
    client_disarm(client);
    loop_unmark(worker->loop, &client->ready);
    loop_bury(worker->loop, &client->grave);
}

/* --- libmicrohttpd's callbacks -------------------------------------------------------------------
 */

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_daemon *daemon = context;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = client_at(daemon->http, info->connect_fd);
    } else if (*socket_context != NULL) {
        client_forget(*socket_context);
        *socket_context = NULL;
    }
}

static struct client *client_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info->socket_context;
}

/* The first sight of a request: the only place where the target is still raw. */
static void *on_uri(void *context, const char *uri, struct MHD_Connection *connection)
{
    (void)context;
    struct client *client = client_of(connection);
    if (client == NULL)
        return NULL;
    client->exchange = exchange_new(client, connection, uri);
    return client->exchange;
}

/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd dictates the parameters. */
static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_size, void **request_context)
{
    (void)context;
    (void)connection;
    (void)url;
    struct exchange *exchange = *request_context;
    if (exchange == NULL)
        return MHD_NO;
    enum exchange_verdict verdict =
        exchange_on_access(exchange, method, version, (struct str){upload, *upload_size});
    *upload_size = 0;
    return verdict == EXCHANGE_GO_ON ? MHD_YES : MHD_NO;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request_context,
                         enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)code; /* it does not say what was delivered: a suspended client that left is "OK" */
    struct client *client = client_of(connection);
    struct exchange *exchange = *request_context;
    *request_context = NULL;
    if (exchange == NULL)
        return;
    if (client != NULL) {
        client->exchange = NULL;
        client_arm(client, exchange_idle_ms(exchange));
    }
    exchange_end(exchange);
}

static void on_log(void *context, const char *format, va_list args) PRINTF_LIKE(2, 0);

static void on_log(void *context, const char *format, va_list args)
{
    (void)context;
    char text[256];
    vsnprintf(text, sizeof text, format, args);
    log_write(LOG_DEBUG, "http", "%s", text);
}

/* --- daemons -------------------------------------------------------------------------------------
 */

static void daemon_on_events(struct watch *watch, uint32_t events)
{
    (void)events;
    CONTAINER_OF(watch, struct http_daemon, watch)->busy = true;
}

static bool daemon_start(struct http *http, struct http_daemon *daemon, int64_t header_memory)
{
    daemon->http = http;
    daemon->watch = (struct watch){.fd = -1, .on_events = daemon_on_events};
    daemon->mhd = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO | MHD_USE_NO_LISTEN_SOCKET |
            MHD_USE_ERROR_LOG,
        0, NULL, NULL, on_access, daemon, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, daemon, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, daemon, MHD_OPTION_URI_LOG_CALLBACK, on_uri, daemon,
        MHD_OPTION_CONNECTION_LIMIT, 1000000u, MHD_OPTION_CONNECTION_TIMEOUT, 0u,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)header_memory, STRICTNESS,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    if (daemon->mhd == NULL)
        return false;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    return info != NULL && loop_watch(http->worker->loop, &daemon->watch, info->epoll_fd, EPOLLIN);
}

enum fault http_new(struct http **out, struct worker *worker, int64_t header_memory)
{
    struct http *http = calloc(1, sizeof *http);
    if (http == NULL)
        return FAULT_GATEWAY_MEMORY;
    http->worker = worker;
    for (unsigned i = 0; i < DAEMONS; i++)
        http->daemons[i].watch.fd = -1;
    for (unsigned i = 0; i < DAEMONS; i++) {
        if (!daemon_start(http, &http->daemons[i], header_memory)) {
            http_free(&http);
            return FAULT_GATEWAY_MEMORY;
        }
    }
    *out = http;
    return FAULT_NONE;
}

void http_free(struct http **http)
{
    struct http *h = *http;
    if (h == NULL)
        return;
    CHECK(h->connections == 0);
    for (unsigned i = 0; i < DAEMONS; i++) {
        loop_unwatch(h->worker->loop, &h->daemons[i].watch);
        if (h->daemons[i].mhd != NULL)
            MHD_stop_daemon(h->daemons[i].mhd);
    }
    free(h->clients);
    free(h);
    *http = NULL;
}

static void take_address(struct client *client, const struct sockaddr *peer)
{
    if (peer->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, peer, sizeof in);
        client->address[10] = client->address[11] = 0xff;
        memcpy(client->address + 12, &in.sin_addr, 4);
    } else if (peer->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, peer, sizeof in6);
        memcpy(client->address, &in6.sin6_addr, 16);
    } else {
        client->is_unix = true;
    }
}

static struct http_daemon *least_loaded(struct http *http)
{
    struct http_daemon *best = &http->daemons[0];
    for (unsigned i = 1; i < DAEMONS; i++) {
        if (http->daemons[i].connections < best->connections)
            best = &http->daemons[i];
    }
    return best;
}

void http_add(struct http *http, int fd, const struct sockaddr *peer, socklen_t peer_size,
              bool is_admin)
{
    struct loop *loop = http->worker->loop;
    int one = 1;
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL || !client_place(http, fd, client)) {
        free(client);
        close(fd);
        return;
    }
    client->worker = http->worker;
    client->fd = fd;
    client->is_admin = is_admin;
    client->watch = (struct watch){.fd = -1, .on_events = client_on_events};
    client->ready.run = client_on_ready;
    client->grave.release = client_destroy;
    timer_init(&client->timer, client_on_timer);
    take_address(client, peer);
    if (!client->is_unix)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    client->daemon = least_loaded(http);
    client->daemon->connections++;
    http->connections++;
    client_arm(client, http->worker->relay.snapshot->settings.server_head_timeout_ms);
    if (!loop_watch(loop, &client->watch, fd, EPOLLRDHUP | EPOLLET) ||
        MHD_add_connection(client->daemon->mhd, fd, peer, peer_size) != MHD_YES) {
        /* libmicrohttpd closes what it does not take; its descriptor is gone either way. */
        if (client_at(http, fd) == client)
            client_forget(client);
        return;
    }
    client_kick(client);
}

void http_run(struct http *http)
{
    for (unsigned i = 0; i < DAEMONS; i++) {
        struct http_daemon *daemon = &http->daemons[i];
        for (unsigned runs = 0; daemon->busy && runs < RUNS_MAX; runs++) {
            MHD_UNSIGNED_LONG_LONG wait = 1;
            daemon->busy = false;
            MHD_run(daemon->mhd);
            if (MHD_get_timeout(daemon->mhd, &wait) == MHD_YES && wait == 0)
                daemon->busy = true;
        }
    }
}

bool http_is_busy(const struct http *http)
{
    for (unsigned i = 0; i < DAEMONS; i++) {
        if (http->daemons[i].busy)
            return true;
    }
    return false;
}

int64_t http_connections(const struct http *http)
{
    return http->connections;
}

void http_close_idle(struct http *http)
{
    for (size_t fd = 0; fd < http->client_capacity; fd++) {
        struct client *client = http->clients[fd];
        if (client != NULL && client->exchange == NULL)
            client_kill(client);
    }
}

void http_kill_all(struct http *http)
{
    for (size_t fd = 0; fd < http->client_capacity; fd++) {
        struct client *client = http->clients[fd];
        if (client == NULL)
            continue;
        client_kill(client);
        if (client->exchange != NULL)
            exchange_on_client_event(client->exchange);
    }
}
