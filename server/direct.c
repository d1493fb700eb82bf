#include "server/direct.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

static void frame_begin(struct direct *direct, size_t bytes)
{
    static const char digits[] = "0123456789abcdef";
    unsigned shift = 0;
    while (shift + 4 < sizeof bytes * 8 && bytes >> (shift + 4) != 0)
        shift += 4;
    size_t n = 0;
    for (; shift > 0; shift -= 4)
        direct->head[n++] = digits[bytes >> shift & 0xf];
    direct->head[n++] = digits[bytes & 0xf];
    direct->head[n++] = '\r';
    direct->head[n++] = '\n';
    direct->head_n = n;
    direct->head_at = 0;
    direct->payload_left = bytes;
    direct->tail_at = 0;
    direct->in_frame = true;
}

static size_t advance(size_t *at, size_t end, size_t sent)
{
    size_t left = end - *at;
    size_t step = sent < left ? sent : left;
    *at += step;
    return sent - step;
}

static void frame_advance(struct direct *direct, struct stream *stream, size_t sent)
{
    sent = advance(&direct->head_at, direct->head_n, sent);
    size_t payload = sent < direct->payload_left ? sent : direct->payload_left;
    stream_skip(stream, payload);
    direct->payload_left -= payload;
    sent = advance(&direct->tail_at, 2, sent - payload);
    CHECK(sent == 0);
    if (direct->head_at == direct->head_n && direct->payload_left == 0 && direct->tail_at == 2)
        direct->in_frame = false;
}

static ssize_t frame_send(const struct direct *direct, int fd, const struct stream *stream)
{
    static char end[2] = {'\r', '\n'};
    struct str payload = stream_peek(stream);
    char head[sizeof direct->head];
    for (size_t i = 0; i < direct->head_n; i++)
        head[i] = direct->head[i];
    struct iovec parts[3] = {
        {head + direct->head_at, direct->head_n - direct->head_at},
        {stream->bytes.p + stream->head, direct->payload_left},
        {end + direct->tail_at, 2 - direct->tail_at},
    };
    CHECK(payload.n >= direct->payload_left);
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

enum direct_result direct_write(struct direct *direct, int fd, struct stream *stream, bool *wrote)
{
    *wrote = false;
    direct->blocked = false;
    for (;;) {
        if (!direct->in_frame) {
            if (stream_ready(stream) == 0)
                return DIRECT_IDLE;
            frame_begin(direct, stream_ready(stream));
        }
        ssize_t sent = frame_send(direct, fd, stream);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            direct->blocked = true;
            return DIRECT_BLOCKED;
        }
        if (sent < 0)
            return DIRECT_BROKEN;
        *wrote = true;
        frame_advance(direct, stream, (size_t)sent);
    }
}

bool direct_is_clean(const struct direct *direct)
{
    return !direct->in_frame;
}
