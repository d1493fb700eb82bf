/* A listening socket in a worker's loop: accepts, and stops before the descriptors run out. */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/fault.h"
#include "base/str.h"

struct listener;
struct worker;

/* Where to listen, resolved. */
struct listen_address {
    struct sockaddr_storage address;
    socklen_t size;
    bool is_unix;
};

/* "127.0.0.1:8080", "[::1]:8080", "unix:/path".  False: *why says what is wrong. */
MUST_USE bool listen_parse(struct str text, struct listen_address *out, struct buf *why);
/* Binds and listens.  `reuse` = SO_REUSEPORT, for one socket a worker.  -1: *why says why and
 * *busy whether the address is in use. */
MUST_USE int listen_open(const struct listen_address *address, bool reuse, struct buf *why,
                         bool *busy);
/* Port 0 becomes the port that the socket got. */
void listen_learn_port(int fd, struct listen_address *address);
/* "http://127.0.0.1:8080" or "unix:/path". */
MUST_USE bool listen_url(const struct listen_address *address, struct buf *out);

/* Takes the descriptor into the worker's loop. */
MUST_USE enum fault listener_new(struct listener **out, struct worker *worker, int fd,
                                 bool is_admin);
/* Closes it.  NULL-safe; nulls the pointer. */
void listener_free(struct listener **listener);
/* Descriptors have become free again: goes on accepting if it had stopped. */
void listener_check(struct listener *listener);

#endif
