/* struct buf: growing bytes with a mandatory ceiling.
 *
 * A failed add (ceiling or memory) empties the buffer, frees its memory and marks it failed: a
 * half-built text is never used by accident.  buf_clear makes it usable again. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>

#include "base/check.h"
#include "base/str.h"

struct buf {
    char *p;
    size_t n;
    size_t capacity;
    size_t max; /* the ceiling of n */
    bool failed;
};

/* Allocates nothing.  CHECK: max > 0. */
void buf_init(struct buf *b, size_t max);
/* Frees the bytes; the buffer is empty and usable again with the same ceiling. */
void buf_release(struct buf *b);
/* Empties it, keeps the memory, forgets a failure. */
void buf_clear(struct buf *b);

/* Each returns false when the buffer has failed, now or before. */
MUST_USE bool buf_add(struct buf *b, const void *bytes, size_t n);
MUST_USE bool buf_add_str(struct buf *b, struct str s);
MUST_USE bool buf_add_char(struct buf *b, char c);
MUST_USE bool buf_addf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
MUST_USE bool buf_addv(struct buf *b, const char *format, va_list args) PRINTF_LIKE(2, 0);
/* Adds `s` as the inside of a JSON string: quotes, backslash and control bytes escaped, invalid
 * UTF-8 replaced by U+FFFD.  No quotes around it. */
MUST_USE bool buf_add_json(struct buf *b, struct str s);
/* Makes room for n more bytes behind the end without adding them. */
MUST_USE bool buf_reserve(struct buf *b, size_t n);

/* Drops the first n bytes.  CHECK: n <= b->n. */
void buf_consume(struct buf *b, size_t n);
/* Removes n bytes at `at`.  CHECK: inside. */
void buf_remove(struct buf *b, size_t at, size_t n);
/* The bytes, valid until the next change. */
struct str buf_str(const struct buf *b);
/* Gives the bytes, with a NUL behind them, to the caller (free), and empties the buffer; NULL
 * when it has failed or memory is out. */
MUST_USE char *buf_take(struct buf *b, size_t *n);

#endif
