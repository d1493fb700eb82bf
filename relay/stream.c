#include "relay/stream.h"

#include <string.h>

void stream_init(struct stream *stream, size_t max)
{
    memset(stream, 0, sizeof *stream);
    buf_init(&stream->bytes, max);
}

void stream_release_memory(struct stream *stream)
{
    buf_release(&stream->bytes);
    stream->head = 0;
}

/* Pulled bytes are dropped lazily: when nothing is left (the buffer goes, so that a quiet stream
 * costs none) or when they are most of the buffer. */
static void stream_compact(struct stream *stream)
{
    if (stream->head == stream->bytes.n) {
        buf_release(&stream->bytes);
        stream->head = 0;
    } else if (stream->head > stream->bytes.n / 2) {
        buf_consume(&stream->bytes, stream->head);
        stream->head = 0;
    }
}

/* A failed buf_add empties its buffer, so growing happens in a new one: what is held must outlive
 * a push that was refused. */
static bool make_room(struct stream *stream, size_t n)
{
    struct buf *bytes = &stream->bytes, grown;
    size_t held = bytes->n - stream->head;
    if (n > bytes->max - held)
        return false;
    if (bytes->n + n < bytes->capacity)
        return true;
    buf_init(&grown, bytes->max);
    size_t spare = bytes->max - held - n < held / 2 ? bytes->max - held - n : held / 2;
    if (!buf_reserve(&grown, held + n + spare) ||
        !buf_add_str(&grown, str_from(buf_str(bytes), stream->head)))
        return false;
    buf_release(bytes);
    *bytes = grown;
    stream->head = 0;
    return true;
}

bool stream_push(struct stream *stream, const char *p, size_t n)
{
    CHECK(!stream->ended);
    return make_room(stream, n) && buf_add(&stream->bytes, p, n);
}

uint64_t stream_size(const struct stream *stream)
{
    return stream->pulled + (stream->bytes.n - stream->head);
}

void stream_release(struct stream *stream, uint64_t offset)
{
    CHECK(offset <= stream_size(stream));
    if (offset > stream->released)
        stream->released = offset;
}

void stream_release_all(struct stream *stream)
{
    stream_release(stream, stream_size(stream));
}

void stream_remove(struct stream *stream, uint64_t begin, uint64_t end)
{
    CHECK(stream->released <= begin && begin <= end && end <= stream_size(stream));
    size_t at = stream->head + (size_t)(begin - stream->pulled);
    buf_remove(&stream->bytes, at, (size_t)(end - begin));
}

void stream_cut(struct stream *stream)
{
    stream_remove(stream, stream->released, stream_size(stream));
}

void stream_end(struct stream *stream)
{
    stream->ended = true;
}

void stream_abort(struct stream *stream)
{
    stream->ended = true;
    stream->aborted = true;
}

size_t stream_ready(const struct stream *stream)
{
    return (size_t)(stream->released - stream->pulled);
}

struct str stream_peek(const struct stream *stream)
{
    if (stream_ready(stream) == 0)
        return STR_EMPTY;
    return (struct str){stream->bytes.p + stream->head, stream_ready(stream)};
}

void stream_skip(struct stream *stream, size_t n)
{
    CHECK(n <= stream_ready(stream));
    stream->head += n;
    stream->pulled += n;
    stream_compact(stream);
}

size_t stream_pull(struct stream *stream, char *into, size_t n)
{
    struct str ready = stream_peek(stream);
    size_t got = ready.n < n ? ready.n : n;
    if (got > 0) {
        memcpy(into, ready.p, got);
        stream_skip(stream, got);
    }
    return got;
}

bool stream_is_done(const struct stream *stream)
{
    return stream->ended && stream_ready(stream) == 0;
}
