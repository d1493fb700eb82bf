/* An HTTP/1 answer, read as it comes, at any cuts: its head line by line, its body as views of what
 * was fed, its end, and whether the connection may carry another.
 *
 * It is strict: what two readers could understand differently is invalid.  Interim heads (1xx) are
 * left out; 101 is invalid, as no upgrade is ever asked for.  Lines may end with LF alone.
 * Source: RFC 9112. */
#ifndef RELAY_HTTP_ANSWER_H
#define RELAY_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"
#include "relay/http_chunks.h"

/* Of all heads together, and of the trailers. */
#define HTTP_HEAD_BYTES_MAX ((size_t)32 << 10)
#define HTTP_HEAD_LINES_MAX 200

enum http_step {
    HTTP_MORE,  /* all is taken, and it is not the end */
    HTTP_FIELD, /* a line of the final head: name and value, valid until the next call */
    HTTP_HEAD,  /* the final head is complete */
    HTTP_BODY,  /* piece: the next bytes of the body, a view of what was fed */
    HTTP_END,   /* the answer is complete; what is left of the bytes is not of it */
    HTTP_CUT,   /* only of http_answer_eof: the body broke off, or nothing came at all */
    HTTP_INVALID,
    HTTP_NO_MEMORY
};

struct http_answer {
    int status; /* of the last head that was seen; 0 = none yet */
    struct str name, value, piece;
    bool may_go_on;    /* after HTTP_END: the connection may be used again */
    size_t head_bytes; /* taken so far; 0 = the peer has not said a word */
    /* Private. */
    struct buf line; /* the beginning of a line whose end has not come; freed after the head */
    size_t lines, trailer_bytes;
    unsigned place;
    unsigned framing;
    bool line_used, has_length, is_old;
    uint64_t length; /* what is left of it, once the head is complete */
    struct http_chunks chunks;
};

/* Allocates nothing. */
void http_answer_init(struct http_answer *answer);
/* Frees the line; safe at any point, also twice. */
void http_answer_release(struct http_answer *answer);
/* Takes the beginning of *rest and says what it was.  After END and INVALID nothing is taken. */
MUST_USE enum http_step http_answer_next(struct http_answer *answer, struct str *rest);
/* After HTTP_HEAD: answer->length is that of the body. */
bool http_answer_tells_length(const struct http_answer *answer);
/* The last n bytes of the last piece were not used: they will be fed again. */
void http_answer_put_back(struct http_answer *answer, size_t n);
/* The peer has closed the connection: END where that ends the body, INVALID in the middle of a
 * head, else CUT. */
MUST_USE enum http_step http_answer_eof(struct http_answer *answer);

#endif
