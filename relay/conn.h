/* One connection to an origin, from its making to its close.  libcurl makes it; a plain one is then
 * a socket of ours, over TLS it stays with its libcurl handle.  It belongs to one user at a time:
 * an attempt, or the pool. */
#ifndef RELAY_CONN_H
#define RELAY_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/loop.h"
#include "base/timer.h"
#include "config/provider.h"
#include "relay/dialer.h"
#include "relay/origin.h"

struct engine;

/* Whom it tells. */
struct conn_user {
    void (*opened)(void *context, enum dial_end end);
    /* Something can be read or written (EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR). */
    void (*ready)(void *context, uint32_t events);
    void *context;
};

enum conn_io {
    CONN_OK,
    CONN_AGAIN, /* not now */
    CONN_EOF,   /* closed in due form */
    CONN_BROKEN /* reset, or a TLS end that nobody signed */
};

struct conn {
    struct watch watch; /* fd: -1 while nothing is wanted of it */
    struct engine *engine;
    struct origin *origin; /* ours, until the close */
    struct conn_user user;
    int fd;                          /* -1 while it is being made */
    void *easy;                      /* CURL *: while it is being made, and all the time over TLS */
    struct multi *multi;             /* dialer.c's */
    const struct provider *provider; /* borrowed while it is being made */
    struct timer again;              /* see conn_read_on; before, lookup.c's */
    struct conn *next_waiting;       /* lookup.c's, as the next */
    bool is_waiting;
    int64_t dial_until_ms;
    struct conn *newer, *older; /* pool.c's */
    int64_t idle_since_ms;
    struct grave grave;
};

/* Begins to make one for `provider`, whose connect timeout holds; tells user->opened later.  Keeps
 * `provider` until then.  NULL when out of memory. */
MUST_USE struct conn *conn_open(struct engine *engine, struct origin *origin,
                                const struct provider *provider, const struct conn_user *user);
/* lookup.c: now it may be made; may tell at once that it is not. */
void conn_dial(struct conn *conn);
/* dialer.c, lookup.c: it is made, or not. */
void conn_opened(struct conn *conn, enum dial_end end);
/* At whatever point it is; NULL-safe; nulls the pointer. */
void conn_close(struct conn **conn);

/* Neither blocks.  Over TLS, what was tried to be sent must be tried again after AGAIN, from the
 * same memory. */
MUST_USE enum conn_io conn_send(struct conn *conn, const char *p, size_t n, size_t *sent);
MUST_USE enum conn_io conn_recv(struct conn *conn, char *into, size_t n, size_t *got);
/* Which events the user is told of; 0 = none, not even that the peer has gone.  False when epoll
 * refuses. */
MUST_USE bool conn_want(struct conn *conn, uint32_t events);
/* Tells `ready` of EPOLLIN in the next turn, whatever epoll sees: bytes that TLS has decrypted
 * already are no event. */
void conn_read_on(struct conn *conn);

#endif
