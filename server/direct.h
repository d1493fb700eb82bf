/* Direct mode: after the first chunk of an event stream its connection stays suspended in
 * libmicrohttpd, and chunk frames are written to the client's socket right here.  One resume for
 * the end instead of one for each event.  HTTP/1.1 event streams only; libmicrohttpd has sent
 * everything it had when it asked its reader, so its state stays right. */
#ifndef SERVER_DIRECT_H
#define SERVER_DIRECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "relay/stream.h"

/* The frame that is being written; zero between frames. */
struct direct {
    bool on;
    char head[20]; /* "1f4\r\n" */
    size_t head_n, head_at;
    size_t payload_left; /* bytes of the stream that belong to the frame */
    size_t tail_at;      /* of "\r\n" */
    bool in_frame;
    bool blocked; /* the socket was full: wait until it is writable */
};

enum direct_result { DIRECT_IDLE, DIRECT_BLOCKED, DIRECT_BROKEN };

/* Writes what is released until the stream is empty or the socket full.  Pulls from the stream;
 * *wrote is set when bytes went out. */
MUST_USE enum direct_result direct_write(struct direct *direct, int fd, struct stream *stream,
                                         bool *wrote);
/* No frame is half written. */
bool direct_is_clean(const struct direct *direct);

#endif
