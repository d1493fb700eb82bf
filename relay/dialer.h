/* libcurl in the loop: what makes connections.  Its multi handles, their sockets and timers in the
 * loop's epoll; names, addresses, TLS and its verification are libcurl's.
 *
 * A plain connection leaves libcurl as soon as it is there; one over TLS stays with its handle in
 * its multi.  libcurl looks such a one up among all of the multi's for every read and write, so a
 * multi has at most DIALER_HANDLES of them. */
#ifndef RELAY_DIALER_H
#define RELAY_DIALER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "base/loop.h"

#define DIALER_HANDLES 64
#define DIALER_MULTIS 1024
#define DIALER_IDLE_EASY_MAX 64

struct conn;
struct dialer_socket;
struct multi;

enum dial_end {
    DIAL_OPEN,
    DIAL_UNREACHABLE, /* no name, refused, no route, not permitted */
    DIAL_TLS,
    DIAL_TIMEOUT,
    DIAL_FAILED /* memory, or trouble of our own */
};

struct dialer {
    struct loop *loop;
    void *share; /* CURLSH *: DNS answers and TLS sessions, for all multis of the loop */
    struct multi *multis[DIALER_MULTIS];
    unsigned multi_count;
    bool has_done;
    struct dialer_socket **sockets; /* by descriptor */
    size_t socket_capacity;
    void *idle_easy[DIALER_IDLE_EASY_MAX];
    unsigned idle_easy_count;
    int taken_fd; /* libcurl shall forget this one, but it stays open; -1 = none */
    bool taken;
};

/* False when out of memory; dialer_release is due either way.  Keeps the loop. */
MUST_USE bool dialer_init(struct dialer *dialer, struct loop *loop);
/* CHECK: no connection is left with it. */
void dialer_release(struct dialer *dialer);
/* Reads the certificates that TLS trusts, which libcurl does with the first connection of a multi
 * and then once a day: it takes tens of milliseconds, and no loop should wait for it.  Before the
 * loop turns. */
void dialer_warm(struct dialer *dialer);
/* Begins to connect conn->easy. */
MUST_USE bool dialer_add(struct dialer *dialer, struct conn *conn);
/* Takes conn->easy out of its multi, whose connection libcurl then closes. */
void dialer_remove(struct dialer *dialer, struct conn *conn);
/* As dialer_remove, but `fd`, the handle's, stays open and is the caller's.  False when libcurl did
 * not let go of it. */
MUST_USE bool dialer_take(struct dialer *dialer, struct conn *conn, int fd);
/* Somebody else watches this descriptor from now on. */
void dialer_forget(struct dialer *dialer, int fd);
/* Connections that are made, or not: tells conn_opened.  Once a turn. */
void dialer_collect(struct dialer *dialer);

/* A configured handle (never reset), or NULL. */
MUST_USE void *dialer_take_easy(struct dialer *dialer);
/* Only one that came to its end is used again. */
void dialer_give_easy(struct dialer *dialer, void *easy, bool complete);
/* libcurl is about to close a socket that it made by easy.c's rules. */
void dialer_close_socket(struct dialer *dialer, int fd);

#endif
