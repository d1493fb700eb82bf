/* Reads an answer in pieces and keeps what it gave, for the tests and the fuzzer. */
#ifndef TESTS_UNIT_HTTP_READ_H
#define TESTS_UNIT_HTTP_READ_H

#include <stdlib.h>
#include <string.h>

#include "relay/http_answer.h"

#define HTTP_READ_MAX 8192

struct http_read {
    enum http_step end; /* what stopped it; MORE = nothing did */
    int status;
    bool may_go_on, head;
    size_t taken;
    char fields[HTTP_READ_MAX], body[HTTP_READ_MAX]; /* fields: "name=value\n" */
    size_t fields_n, body_n;
};

static inline void http_read_add(char *room, size_t *n, struct str s)
{
    if (*n + s.n > HTTP_READ_MAX)
        abort();
    memcpy(room + *n, s.p, s.n);
    *n += s.n;
}

/* A sink without room: every other piece of the body is taken by half, and comes again. */
static inline size_t http_read_body(struct http_read *r, struct http_answer *answer, bool refuse)
{
    struct str piece = answer->piece;
    size_t used = refuse ? piece.n / 2 : piece.n;
    if (piece.n == 0)
        abort();
    http_read_add(r->body, &r->body_n, str_slice(piece, 0, used));
    if (used < piece.n)
        http_answer_put_back(answer, piece.n - used);
    return piece.n - used;
}

/* One piece, from a block of its own, so that a sanitizer sees any look beyond it. */
static inline void http_read_piece(struct http_read *r, struct http_answer *answer, struct str text,
                                   bool refuse)
{
    char *block = malloc(text.n > 0 ? text.n : 1);
    if (block == NULL)
        abort();
    memcpy(block, text.p, text.n);
    struct str rest = {block, text.n};
    r->end = HTTP_FIELD;
    while (r->end == HTTP_FIELD || r->end == HTTP_HEAD || r->end == HTTP_BODY) {
        r->end = http_answer_next(answer, &rest);
        r->head |= r->end == HTTP_HEAD;
        if (r->end == HTTP_FIELD) {
            http_read_add(r->fields, &r->fields_n, answer->name);
            http_read_add(r->fields, &r->fields_n, STR("="));
            http_read_add(r->fields, &r->fields_n, answer->value);
            http_read_add(r->fields, &r->fields_n, STR("\n"));
        } else if (r->end == HTTP_BODY) {
            size_t back = http_read_body(r, answer, refuse);
            rest = (struct str){rest.p - back, rest.n + back};
            refuse = !refuse;
        }
    }
    r->taken += text.n - rest.n;
    free(block);
}

/* In pieces of 1 to piece_max bytes by `seed` (0: of all that there is), cut once more at `cut`. */
static inline void http_read(struct http_read *r, struct str text, size_t cut, size_t piece_max,
                             uint32_t seed)
{
    struct http_answer answer;
    memset(r, 0, sizeof *r);
    http_answer_init(&answer);
    for (size_t at = 0; at < text.n && r->end == HTTP_MORE;) {
        seed = seed * 1664525 + 1013904223;
        size_t n = piece_max == 0 ? text.n : 1 + (seed >> 8) % piece_max;
        if (at < cut && n > cut - at)
            n = cut - at;
        http_read_piece(r, &answer, str_slice(text, at, at + n), (seed & 1) != 0);
        at += n;
    }
    if (r->end == HTTP_MORE)
        r->end = http_answer_eof(&answer);
    r->status = answer.status;
    r->may_go_on = r->end == HTTP_END && answer.may_go_on;
    http_answer_release(&answer);
}

#endif
