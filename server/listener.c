#include "server/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/http.h"
#include "server/worker.h"

#define BACKLOG 4096
#define ACCEPTS_MAX 64 /* in one turn, so that others get theirs */

struct listener {
    struct worker *worker;
    struct watch watch;
    int fd;
    bool is_admin, stopped;
    int64_t log_gate;
};

/* --- addresses -----------------------------------------------------------------------------------
 */

static bool parse_unix(struct str path, struct listen_address *out, struct buf *why)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&out->address;
    if (path.n == 0 || path.n >= sizeof un->sun_path) {
        bool told =
            buf_addf(why, "a unix socket's path has 1 to %zu bytes", sizeof un->sun_path - 1);
        (void)told;
        return false;
    }
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path.p, path.n);
    out->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n + 1);
    out->is_unix = true;
    return true;
}

bool listen_parse(struct str text, struct listen_address *out, struct buf *why)
{
    memset(out, 0, sizeof *out);
    if (str_starts(text, STR("unix:")))
        return parse_unix(str_from(text, 5), out, why);
    size_t colon = text.n;
    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    uint64_t port = 0;
    char host[64] = "";
    struct str name = colon > 0 ? str_slice(text, 0, colon - 1) : STR_EMPTY;
    bool bracketed = name.n >= 2 && name.p[0] == '[' && name.p[name.n - 1] == ']';
    if (bracketed)
        name = str_slice(name, 1, name.n - 1);
    bool ok = colon > 0 && str_u64(str_from(text, colon), 65535, &port) && name.n < sizeof host;
    if (ok)
        memcpy(host, name.p, name.n);
    struct sockaddr_in *in = (struct sockaddr_in *)&out->address;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&out->address;
    if (ok && !bracketed && inet_pton(AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)port);
        out->size = sizeof *in;
        return true;
    }
    if (ok && bracketed && inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)port);
        out->size = sizeof *in6;
        return true;
    }
    ok = buf_addf(why,
                  "\"%.*s\" is no address to listen on (want 127.0.0.1:8080, [::1]:8080 or "
                  "unix:/path)",
                  STR_ARG(text));
    (void)ok;
    return false;
}

/* A socket file that nobody listens on is left over from a crash. */
static void remove_stale(const struct listen_address *address)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&address->address;
    struct stat st;
    if (lstat(un->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)un, address->size) != 0 && errno == ECONNREFUSED)
        unlink(un->sun_path);
    close(fd);
}

int listen_open(const struct listen_address *address, bool reuse, struct buf *why, bool *busy)
{
    const struct sockaddr *where = (const struct sockaddr *)&address->address;
    int one = 1;
    bool told;
    *busy = false;
    int fd = socket(where->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        goto fail;
    if (address->is_unix)
        remove_stale(address);
    else if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
             (reuse && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0))
        goto fail;
    if (bind(fd, where, address->size) != 0 || listen(fd, BACKLOG) != 0)
        goto fail;
    return fd;
fail:
    *busy = errno == EADDRINUSE;
    told = buf_add_str(why, STR("cannot listen: ")) && buf_add_str(why, str_of(strerror(errno)));
    (void)told;
    if (fd >= 0)
        close(fd);
    return -1;
}

void listen_learn_port(int fd, struct listen_address *address)
{
    socklen_t size = sizeof address->address;
    getsockname(fd, (struct sockaddr *)&address->address, &size);
}

bool listen_url(const struct listen_address *address, struct buf *out)
{
    char text[INET6_ADDRSTRLEN];
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address->address;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address->address;
    if (address->is_unix)
        return buf_addf(out, "unix:%s", ((const struct sockaddr_un *)in)->sun_path);
    if (in->sin_family == AF_INET)
        return buf_addf(out, "http://%s:%u", inet_ntop(AF_INET, &in->sin_addr, text, sizeof text),
                        ntohs(in->sin_port));
    return buf_addf(out, "http://[%s]:%u", inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text),
                    ntohs(in6->sin6_port));
}

/* --- accepting -----------------------------------------------------------------------------------
 */

static bool listener_watch(struct listener *listener)
{
    /* Several loops share a unix listener: one of them wakes for each connection. */
    return loop_watch(listener->worker->loop, &listener->watch, listener->fd,
                      EPOLLIN | EPOLLEXCLUSIVE);
}

/* Over its share of connections, or out of descriptors: the kernel's backlog waits. */
static void listener_stop(struct listener *listener)
{
    loop_unwatch(listener->worker->loop, &listener->watch);
    listener->stopped = true;
    log_limited(&listener->log_gate, LOG_WARNING, "server",
                "not accepting for now: %lld connections are open",
                (long long)http_connections(listener->worker->http));
}

void listener_check(struct listener *listener)
{
    if (listener == NULL || !listener->stopped)
        return;
    if ((listener->is_admin || !worker_is_full(listener->worker)) && listener_watch(listener))
        listener->stopped = false;
}

static void on_events(struct watch *watch, uint32_t events)
{
    struct listener *listener = CONTAINER_OF(watch, struct listener, watch);
    struct worker *worker = listener->worker;
    (void)events;
    for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof peer;
        if (!listener->is_admin && worker_is_full(worker)) {
            listener_stop(listener);
            return;
        }
        int fd =
            accept4(listener->fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            http_add(worker->http, fd, (struct sockaddr *)&peer, size, listener->is_admin);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            listener_stop(listener);
        if (fd < 0)
            return;
    }
}

enum fault listener_new(struct listener **out, struct worker *worker, int fd, bool is_admin)
{
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL)
        return FAULT_GATEWAY_MEMORY;
    listener->worker = worker;
    listener->fd = fd;
    listener->is_admin = is_admin;
    listener->watch = (struct watch){.fd = -1, .on_events = on_events};
    if (!listener_watch(listener)) {
        listener->fd = -1;
        listener_free(&listener);
        return FAULT_GATEWAY_INTERNAL;
    }
    *out = listener;
    return FAULT_NONE;
}

void listener_free(struct listener **listener)
{
    struct listener *l = *listener;
    if (l == NULL)
        return;
    loop_unwatch(l->worker->loop, &l->watch);
    if (l->fd >= 0)
        close(l->fd);
    free(l);
    *listener = NULL;
}
