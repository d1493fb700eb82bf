#include "relay/outgoing.h"

#include <inttypes.h>
#include <stdio.h>

#define HEAD_BYTES ((size_t)1024) /* an ordinary one */
#define HEAD_BYTES_MAX ((size_t)64 << 10)

/* The same lines as ever, in the same order: an upstream may look at them. */
static bool add_head(struct buf *head, const struct origin *origin, const char *path,
                     struct str headers, const struct body *body)
{
    bool ok = buf_add_str(head, body != NULL ? STR("POST ") : STR("GET ")) &&
              buf_add_str(head, str_of(origin->prefix)) && buf_add_str(head, str_of(path)) &&
              buf_add_str(head, STR(" HTTP/1.1\r\nHost: ")) &&
              buf_add_str(head, str_of(origin->host)) &&
              buf_add_str(head, STR("\r\nAccept-Encoding: identity\r\n"));
    struct str line;
    while (ok && str_cut(&headers, '\n', &line)) {
        if (line.n > 0)
            ok = buf_add_str(head, line) && buf_add(head, "\r\n", 2);
    }
    ok = ok && buf_add_str(head, STR("User-Agent: gateway/" GATEWAY_VERSION "\r\n"));
    if (ok && body != NULL) {
        char length[48];
        int n = snprintf(length, sizeof length, "Content-Length: %" PRIu64 "\r\n", body_size(body));
        ok = buf_add(head, length, (size_t)n);
    }
    return ok && buf_add(head, "\r\n", 2);
}

/* The next bytes of the body, behind what the piece has. */
static bool fill(struct outgoing *outgoing)
{
    struct buf *piece = &outgoing->piece;
    uint64_t size = body_size(outgoing->body);
    size_t room = size < OUTGOING_PIECE ? (size_t)size : OUTGOING_PIECE, got = 0;
    if (!buf_reserve(piece, room) ||
        !body_read(outgoing->body, &outgoing->cursor, piece->p + piece->n, room, &got))
        return false;
    piece->n += got;
    if (size <= OUTGOING_PIECE || got < room)
        outgoing->body = NULL;
    return true;
}

bool outgoing_init(struct outgoing *outgoing, const struct origin *origin, const char *path,
                   struct str headers, const struct body *body)
{
    *outgoing = (struct outgoing){.body = body};
    buf_init(&outgoing->piece, HEAD_BYTES_MAX + OUTGOING_PIECE);
    return buf_reserve(&outgoing->piece, HEAD_BYTES) &&
           add_head(&outgoing->piece, origin, path, headers, body) &&
           (body == NULL || fill(outgoing));
}

void outgoing_release(struct outgoing *outgoing)
{
    buf_release(&outgoing->piece);
    outgoing->body = NULL;
}

enum conn_io outgoing_send(struct outgoing *outgoing, struct conn *conn)
{
    struct buf *piece = &outgoing->piece;
    size_t sent;
    enum conn_io io = conn_send(conn, piece->p + outgoing->at, piece->n - outgoing->at, &sent);
    outgoing->at += sent;
    if (io != CONN_OK)
        return io;
    if (outgoing->at < piece->n)
        return CONN_AGAIN;
    if (outgoing->body != NULL) {
        buf_clear(piece);
        outgoing->at = 0;
        if (!fill(outgoing))
            return CONN_EOF;
        if (piece->n > 0)
            return CONN_AGAIN;
    }
    outgoing_release(outgoing);
    return CONN_OK;
}
