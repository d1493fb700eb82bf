/* The inside of one JSON string for base/jspan: finds its end, checks its UTF-8, decodes its
 * escapes, over any cuts. */
#ifndef BASE_JSPAN_STRING_H
#define BASE_JSPAN_STRING_H

#include <stdint.h>

#include "base/check.h"
#include "base/str.h"

enum jspan_string_result {
    JSPAN_STRING_PIECE, /* go on while there are bytes */
    JSPAN_STRING_END,   /* the closing quote has been taken */
    JSPAN_STRING_BAD    /* *p is the byte that broke the grammar */
};

/* All zero just behind the opening quote. */
struct jspan_string {
    uint8_t need;       /* continuation bytes that the UTF-8 sequence still lacks */
    uint8_t low, high;  /* bounds of the next of them */
    uint8_t escape;     /* see jspan_string.c; 0 outside an escape */
    uint16_t unit;      /* the hexadecimal digits so far */
    uint16_t surrogate; /* a high surrogate escape that waits for its other half, or 0 */
    char decoded[8];
};

/* Scans on from *p, moves it, and gives the next decoded piece (it may be empty, and come with the
 * end).  The piece borrows from the input or from `s` and is valid until the next call.  A lone
 * surrogate escape is decoded as U+FFFD.  CHECK: *p < end. */
MUST_USE enum jspan_string_result jspan_string_next(struct jspan_string *s, const char **p,
                                                    const char *end, struct str *piece);

#endif
