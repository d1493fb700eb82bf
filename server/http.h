/* libmicrohttpd in a worker's loop: small daemons in external-epoll mode, fed by accepted sockets.
 *
 * A resume walks all suspended connections of its daemon, so there are many daemons.  Daemons have
 * no thread, no listening socket and no timeout of their own: deadlines are this room's. */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/loop.h"

struct worker;
struct http;
struct http_daemon;
struct exchange;

/* One accepted connection: known to the loop's own epoll too, since libmicrohttpd does not see the
 * client of a suspended connection leave. */
struct client {
    struct worker *worker;
    struct http_daemon *daemon;
    struct watch watch; /* EPOLLRDHUP, and EPOLLOUT for direct writes */
    struct timer timer; /* the deadline of what the connection is doing */
    struct ready ready;
    struct grave grave;
    int fd;
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d; all zero for a unix peer */
    bool is_admin, is_unix;
    bool gone;                 /* hung up, or killed by us */
    bool closed;               /* libmicrohttpd has let go of it */
    struct exchange *exchange; /* the request in progress, or NULL */
};

MUST_USE enum fault http_new(struct http **out, struct worker *worker, int64_t header_memory);
/* CHECK: no connection is left.  NULL-safe; nulls the pointer. */
void http_free(struct http **http);
/* Takes the descriptor: it belongs to libmicrohttpd now, or is closed.  `peer` as from accept4. */
void http_add(struct http *http, int fd, const struct sockaddr *peer, socklen_t peer_size,
              bool is_admin);
/* Runs the daemons that have something to do.  Once a turn. */
void http_run(struct http *http);
/* A daemon has something to do that no descriptor tells. */
bool http_is_busy(const struct http *http);
int64_t http_connections(const struct http *http);
/* Closes connections without a request in progress; those that have one close after it. */
void http_close_idle(struct http *http);
/* Closes every connection. */
void http_kill_all(struct http *http);

/* The connection's daemon must run in this turn (after a resume). */
void client_kick(struct client *client);
/* Breaks the connection; libmicrohttpd cleans up when it sees that. */
void client_kill(struct client *client);
/* Sets the deadline of what comes next; the exchange (or an idle limit) decides what it means. */
void client_arm(struct client *client, int64_t ms);
void client_disarm(struct client *client);

#endif
