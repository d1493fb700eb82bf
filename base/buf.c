#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALLEST 64

void buf_init(struct buf *b, size_t max)
{
    CHECK(max > 0);
    *b = (struct buf){.max = max};
}

void buf_release(struct buf *b)
{
    free(b->p);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->failed = false;
}

static bool fail(struct buf *b)
{
    buf_release(b);
    b->failed = true;
    return false;
}

/* The capacity that holds `needed` bytes and a NUL: half as much again each time, within the
 * ceiling. 0 when it does not fit a size_t. */
static size_t grown_capacity(const struct buf *b, size_t needed)
{
    size_t wanted = b->capacity < SMALLEST ? SMALLEST : b->capacity;
    if (!size_add(wanted, b->capacity / 2, &wanted) || wanted > b->max)
        wanted = b->max;
    if (wanted < needed)
        wanted = needed;
    return size_add(wanted, 1, &wanted) ? wanted : 0;
}

bool buf_reserve(struct buf *b, size_t n)
{
    size_t needed = 0;
    if (b->failed || !size_add(b->n, n, &needed) || needed > b->max)
        return fail(b);
    if (needed < b->capacity) /* one byte is kept for the NUL of buf_take and buf_addf */
        return true;
    size_t capacity = grown_capacity(b, needed);
    char *grown = capacity > 0 ? realloc(b->p, capacity) : NULL;
    if (!grown)
        return fail(b);
    b->p = grown;
    b->capacity = capacity;
    return true;
}

bool buf_add(struct buf *b, const void *bytes, size_t n)
{
    CHECK(bytes || n == 0);
    if (!buf_reserve(b, n))
        return false;
    if (n > 0)
        memcpy(b->p + b->n, bytes, n);
    b->n += n;
    return true;
}

bool buf_add_str(struct buf *b, struct str s)
{
    return buf_add(b, s.p, s.n);
}

bool buf_add_char(struct buf *b, char c)
{
    return buf_add(b, &c, 1);
}

bool buf_addv(struct buf *b, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    /* Into the room that is there; only what does not fit is written twice. */
    size_t room = b->failed ? 0 : b->capacity - b->n;
    int n = vsnprintf(room > 0 ? b->p + b->n : NULL, room, format, args);
    bool ok = n >= 0 && buf_reserve(b, (size_t)n);
    if (ok) {
        if ((size_t)n >= room)
            vsnprintf(b->p + b->n, (size_t)n + 1, format, again);
        b->n += (size_t)n;
    }
    va_end(again);
    return ok || fail(b);
}

bool buf_addf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool ok = buf_addv(b, format, args);
    va_end(args);
    return ok;
}

/* The length of the valid UTF-8 sequence at p, or 0. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
    size_t length = p[0] < 0x80                    ? 1
                    : p[0] >= 0xc2 && p[0] <= 0xdf ? 2
                    : (p[0] & 0xf0) == 0xe0        ? 3
                    : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
                                                   : 0;
    if (length == 0 || length > n)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool outside = (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f);
    return overlong || outside ? 0 : length;
}

static bool add_escaped(struct buf *b, unsigned char c)
{
    static const char *const named[] = {
        ['"'] = "\\\"", ['\\'] = "\\\\", ['\b'] = "\\b", ['\f'] = "\\f",
        ['\n'] = "\\n", ['\r'] = "\\r",  ['\t'] = "\\t"};
    if (c < COUNT(named) && named[c] != NULL)
        return buf_add_str(b, str_of(named[c]));
    return buf_addf(b, "\\u%04x", c);
}

bool buf_add_json(struct buf *b, struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t done = 0; /* [done, at) goes in as it is */
    size_t at = 0;
    bool ok = !b->failed;
    while (ok && at < s.n) {
        size_t length = utf8_length(p + at, s.n - at);
        bool plain = length > 1 || (p[at] >= 0x20 && p[at] < 0x7f && p[at] != '"' && p[at] != '\\');
        if (plain) {
            at += length;
            continue;
        }
        ok = buf_add_str(b, str_slice(s, done, at)) &&
             (length > 0 ? add_escaped(b, p[at]) : buf_add_str(b, STR("\xef\xbf\xbd")));
        done = ++at;
    }
    return ok && buf_add_str(b, str_from(s, done));
}

void buf_consume(struct buf *b, size_t n)
{
    buf_remove(b, 0, n);
}

void buf_remove(struct buf *b, size_t at, size_t n)
{
    CHECK(at <= b->n && n <= b->n - at);
    if (n > 0)
        memmove(b->p + at, b->p + at + n, b->n - at - n);
    b->n -= n;
}

struct str buf_str(const struct buf *b)
{
    return b->n == 0 ? STR_EMPTY : (struct str){b->p, b->n};
}

char *buf_take(struct buf *b, size_t *n)
{
    if (b->failed || !buf_reserve(b, 0))
        return NULL;
    char *bytes = b->p;
    bytes[b->n] = '\0';
    *n = b->n;
    *b = (struct buf){.max = b->max};
    return bytes;
}
