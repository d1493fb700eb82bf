/* A push scanner for JSON: fed each piece of a body, reply or event as it arrives, O(1) memory.
 *
 * It accepts exactly the JSON grammar of RFC 8259 (UTF-8 checked, no BOM, nothing behind the value,
 * depth to 512; numbers of any size, \u0000 and lone surrogate escapes are legal) and reports the
 * members its caller asked for: their absolute byte spans, small values and, if wanted, a copy of
 * their bytes.  Everything else passes unseen.  Keys are compared after their escapes are decoded.
 */
#ifndef BASE_JSPAN_H
#define BASE_JSPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"

#define JSPAN_DEPTH_MAX 512
#define JSPAN_PATH_MAX 6 /* steps of a wanted path, each of at most 64 bytes */
#define JSPAN_WANTS_MAX 64
#define JSPAN_INSIDE_MAX 4 /* levels of members that JSPAN_INSIDE sees */
#define JSPAN_TEXT_MAX 512 /* decoded bytes of a string value that are kept */

enum jspan_type {
    JSPAN_NULL,
    JSPAN_FALSE,
    JSPAN_TRUE,
    JSPAN_NUMBER,
    JSPAN_STRING,
    JSPAN_ARRAY,
    JSPAN_OBJECT
};

enum jspan_flag {
    JSPAN_POLICY = 1, /* of a one-step path: keys that differ only in ASCII case are reported too */
    JSPAN_COPY = 2,   /* raw holds the value's bytes, up to the scanner's copy ceiling; of nested
                         JSPAN_COPY values only the outermost is copied, and raw of the inner ones
                         is a view into it */
    JSPAN_STRINGS = 4, /* every string and member name inside is given to sink->text */
    JSPAN_INSIDE = 8   /* every value inside an object is given to sink->inside; not to be asked
                          for one inside another */
};

/* One member that is asked for.  path: member names from the top; "[]" stands for any element of an
 * array; unused steps are NULL.  {NULL} as the first step is the top-level value itself. */
struct jspan_want {
    const char *path[JSPAN_PATH_MAX];
    unsigned flags;
};

struct jspan_value {
    unsigned want; /* index into the table of wants */
    enum jspan_type type;
    uint64_t begin, end; /* absolute offsets of the value, end exclusive */
    uint64_t count;      /* array: elements; object: members; string: decoded bytes; else 0 */
    struct str text;     /* string: decoded; number: as spelled; at most JSPAN_TEXT_MAX bytes */
    struct str raw;      /* the copy, if wanted and not cut */
    bool text_cut;       /* text is only the beginning */
    bool raw_cut;        /* the copy would have passed its ceiling, or memory was out */
    bool other_case;     /* the key equals the policy key only without regard to ASCII case */
};

struct jspan_sink {
    /* Each wanted value, when its last byte has been seen (a container after its members).  The
     * views are valid for the call.  Neither function may call the scanner. */
    void (*value)(void *context, const struct jspan_value *value);
    /* Decoded pieces of the strings and names inside a JSPAN_STRINGS value.  `name` is the member
     * name directly above, that of the holder for elements of an array (or ""; cut at 32 bytes; an
     * array more than 15 levels down may forget it); `is_name` says the piece belongs to a member
     * name itself; the first piece of each string has first = true (it may be empty).  Pieces are
     * cut anywhere, also inside a UTF-8 sequence.  May be NULL. */
    void (*text)(void *context, unsigned want, struct str name, bool is_name, bool first,
                 struct str piece);
    /* Each value inside a JSPAN_INSIDE value: scalars as in `value`, without copies; containers
     * when they open (end and count are not known yet).  path[0 .. n-1] are the member names that
     * lead to it, cut at 32 bytes; an element of an array goes by the name of the array.
     * value->want is that of the outer one.  May be NULL. */
    void (*inside)(void *context, const struct str *path, size_t n,
                   const struct jspan_value *value);
    void *context;
};

enum jspan_state { JSPAN_MORE, JSPAN_DONE, JSPAN_BAD };

struct jspan_plan;
struct jspan; /* see jspan.c; about 2 KiB, plus the copy buffer while a copy is made */

/* Keeps the plan (base/jspan_plan) and the sink's context until freed; copies of raw values are
 * limited to copy_max bytes.  With a plan of no wants it only checks the grammar.  NULL when out of
 * memory. */
MUST_USE struct jspan *jspan_new(const struct jspan_plan *plan, const struct jspan_sink *sink,
                                 size_t copy_max);
/* NULL-safe; nulls the pointer. */
void jspan_free(struct jspan **scanner);
/* Begins a new document with the same wants. */
void jspan_reset(struct jspan *scanner);

/* Feeds the next piece.  JSPAN_DONE: the value is complete so far (white space may follow; a number
 * at top level is complete only at jspan_end).  JSPAN_BAD stays. */
enum jspan_state jspan_feed(struct jspan *scanner, const char *p, size_t n);
/* No more bytes: true when exactly one complete value was fed. */
MUST_USE bool jspan_end(struct jspan *scanner);
/* The offset of the first byte that broke the grammar (or of the end, when it came too early). */
uint64_t jspan_offset(const struct jspan *scanner);

/* Value helpers.  A whole number >= 0 (no fraction, exponent or sign but a leading zero-free run of
 * digits) at most max; false otherwise. */
MUST_USE bool jspan_value_u64(const struct jspan_value *value, uint64_t max, uint64_t *out);

#endif
