/* A request on its way out: its head and body in pieces of memory, the first of which holds all of
 * an ordinary request. */
#ifndef RELAY_OUTGOING_H
#define RELAY_OUTGOING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"
#include "relay/body.h"
#include "relay/conn.h"
#include "relay/origin.h"

#define OUTGOING_PIECE ((size_t)64 << 10)

struct outgoing {
    struct buf piece;        /* freed once everything is sent */
    size_t at;               /* of the piece: what is sent */
    const struct body *body; /* what of it is not in the piece; NULL = it is not read any more */
    struct body_cursor cursor;
};

/* Builds the head and reads the first piece.  `headers` has "Name: value" lines, each ended by LF;
 * body NULL = a GET.  Keeps `body` until outgoing->body is NULL.  False when memory is out or the
 * body cannot be read; outgoing_release is due either way. */
MUST_USE bool outgoing_init(struct outgoing *outgoing, const struct origin *origin,
                            const char *path, struct str headers, const struct body *body);
void outgoing_release(struct outgoing *outgoing);
/* Sends what the connection takes now, one piece at the most.  OK = everything is sent; AGAIN = go
 * on when it is writable; EOF: the body cannot be read. */
MUST_USE enum conn_io outgoing_send(struct outgoing *outgoing, struct conn *conn);

#endif
