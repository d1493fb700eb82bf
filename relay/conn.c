#include "relay/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "relay/easy.h"
#include "relay/engine.h"

static void on_events(struct watch *watch, uint32_t events)
{
    struct conn *conn = CONTAINER_OF(watch, struct conn, watch);
    conn->user.ready(conn->user.context, events);
}

static void on_again(struct timer *timer)
{
    struct conn *conn = CONTAINER_OF(timer, struct conn, again);
    conn->user.ready(conn->user.context, EPOLLIN);
}

static struct timers *timers_of(const struct conn *conn)
{
    return loop_timers(conn->engine->loop);
}

static void conn_free(struct grave *grave)
{
    free(CONTAINER_OF(grave, struct conn, grave));
}

static bool dial(struct conn *conn)
{
    int64_t left_ms = conn->dial_until_ms - clock_ms();
    timer_init(&conn->again, on_again);
    return easy_prepare(conn->easy, conn, left_ms > 1 ? (long)left_ms : 1) &&
           dialer_add(&conn->engine->dialer, conn);
}

void conn_dial(struct conn *conn)
{
    if (!dial(conn))
        conn_opened(conn, DIAL_FAILED);
}

struct conn *conn_open(struct engine *engine, struct origin *origin,
                       const struct provider *provider, const struct conn_user *user)
{
    struct conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL)
        return NULL;
    conn->watch = (struct watch){.fd = -1, .on_events = on_events};
    conn->engine = engine;
    conn->user = *user;
    conn->fd = -1;
    conn->provider = provider;
    conn->grave.release = conn_free;
    timer_init(&conn->again, on_again);
    conn->origin = origin_retain(origin);
    conn->dial_until_ms = clock_ms() + provider->connect_timeout_ms;
    conn->easy = dialer_take_easy(&engine->dialer);
    if (conn->easy == NULL || (lookup_begin(conn) && !dial(conn)))
        conn_close(&conn);
    return conn;
}

static void give_easy(struct conn *conn, bool complete)
{
    if (conn->easy != NULL)
        dialer_give_easy(&conn->engine->dialer, conn->easy, complete);
    conn->easy = NULL;
}

/* What libcurl has made becomes this connection's own. */
static bool take_over(struct conn *conn)
{
    struct dialer *dialer = &conn->engine->dialer;
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (curl_easy_getinfo(conn->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK ||
        fd == CURL_SOCKET_BAD)
        return false;
    dialer_forget(dialer, fd);
    if (!conn->origin->is_tls) {
        if (!dialer_take(dialer, conn, fd))
            return false;
        give_easy(conn, true);
    }
    conn->fd = fd;
    return true;
}

void conn_opened(struct conn *conn, enum dial_end end)
{
    lookup_end(conn, end);
    if (end == DIAL_OPEN && !take_over(conn))
        end = DIAL_FAILED;
    conn->provider = NULL;
    conn->user.opened(conn->user.context, end);
}

void conn_close(struct conn **conn)
{
    struct conn *c = *conn;
    if (c == NULL)
        return;
    lookup_end(c, DIAL_OPEN);
    timer_disarm(timers_of(c), &c->again);
    loop_unwatch(c->engine->loop, &c->watch);
    dialer_remove(&c->engine->dialer, c);
    give_easy(c, c->fd >= 0);
    if (c->fd >= 0 && !c->origin->is_tls)
        close(c->fd);
    origin_drop(&c->origin);
    loop_bury(c->engine->loop, &c->grave);
    *conn = NULL;
}

static enum conn_io io_of_errno(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? CONN_AGAIN : CONN_BROKEN;
}

static enum conn_io io_of_code(CURLcode code)
{
    return code == CURLE_OK ? CONN_OK : code == CURLE_AGAIN ? CONN_AGAIN : CONN_BROKEN;
}

enum conn_io conn_send(struct conn *conn, const char *p, size_t n, size_t *sent)
{
    *sent = 0;
    if (conn->origin->is_tls)
        return io_of_code(curl_easy_send(conn->easy, p, n, sent));
    ssize_t done = send(conn->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (done < 0)
        return io_of_errno();
    *sent = (size_t)done;
    return CONN_OK;
}

enum conn_io conn_recv(struct conn *conn, char *into, size_t n, size_t *got)
{
    *got = 0;
    if (conn->origin->is_tls) {
        enum conn_io io = io_of_code(curl_easy_recv(conn->easy, into, n, got));
        return io == CONN_OK && *got == 0 ? CONN_EOF : io;
    }
    ssize_t done = recv(conn->fd, into, n, MSG_DONTWAIT);
    if (done < 0)
        return io_of_errno();
    *got = (size_t)done;
    return done == 0 ? CONN_EOF : CONN_OK;
}

bool conn_want(struct conn *conn, uint32_t events)
{
    struct loop *loop = conn->engine->loop;
    if (events == 0) {
        timer_disarm(timers_of(conn), &conn->again);
        loop_unwatch(loop, &conn->watch);
        return true;
    }
    if (conn->watch.fd >= 0 && conn->watch.events == events)
        return true;
    return loop_watch(loop, &conn->watch, conn->fd, events);
}

void conn_read_on(struct conn *conn)
{
    timer_arm(timers_of(conn), &conn->again, clock_ms());
}
