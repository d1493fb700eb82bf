/* The bounded byte pipe from an attempt to its client.
 *
 * Everything that arrives is pushed; the client's side pulls released bytes only.  What has not
 * been released can still be taken back (a withheld event, half an event before a failure), so the
 * client never sees it.  Offsets count the bytes of this stream, from its first. */
#ifndef RELAY_STREAM_H
#define RELAY_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"

/* Released bytes that wait for the client: above HIGH the upstream is paused, below LOW it goes on.
 * An event of up to EVENT_MAX may stand unreleased; a longer one goes on raw. */
#define STREAM_HIGH ((size_t)64 << 10)
#define STREAM_LOW ((size_t)16 << 10)
#define STREAM_EVENT_MAX ((size_t)256 << 10)

struct stream {
    struct buf bytes; /* bytes[head..] are not pulled yet */
    size_t head;
    uint64_t pulled;   /* offset of bytes[head] */
    uint64_t released; /* offset up to which may be pulled */
    bool ended;        /* nothing more will be pushed */
    bool aborted;      /* after the released bytes the connection must break, not end */
};

/* `max` bounds the bytes that are in it at any time. */
void stream_init(struct stream *stream, size_t max);
void stream_release_memory(struct stream *stream);

/* False, stream unchanged, when the bytes do not fit.  False and aborted when memory is out. */
MUST_USE bool stream_push(struct stream *stream, const char *p, size_t n);
/* The offset behind the last byte pushed. */
uint64_t stream_size(const struct stream *stream);
/* Lets everything before `offset` go.  Never takes back. */
void stream_release(struct stream *stream, uint64_t offset);
void stream_release_all(struct stream *stream);
/* Removes [begin, end).  CHECK: not released. */
void stream_remove(struct stream *stream, uint64_t begin, uint64_t end);
/* Drops what is not released. */
void stream_cut(struct stream *stream);
void stream_end(struct stream *stream);
void stream_abort(struct stream *stream);

/* Bytes that may be pulled now. */
size_t stream_ready(const struct stream *stream);
/* Pulls up to n bytes; returns how many. */
size_t stream_pull(struct stream *stream, char *into, size_t n);
/* Looks at them without pulling; then stream_skip(n). */
struct str stream_peek(const struct stream *stream);
void stream_skip(struct stream *stream, size_t n);
/* Ended, and every byte pulled. */
bool stream_is_done(const struct stream *stream);

#endif
