/* The wanted members of base/jspan: matches paths, gathers small values and copies, reports.  It is
 * told what the grammar meets, in order, and knows no grammar itself.
 *
 * `depth` is the number of containers that are open around a value, which is also the length of its
 * path; a container's own members have its depth + 1. */
#ifndef BASE_JSPAN_WANTS_H
#define BASE_JSPAN_WANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/jspan.h"
#include "base/jspan_plan.h"
#include "base/str.h"

#define JSPAN_NAME_MAX 32 /* bytes of a name given to sink->text */
#define JSPAN_NAMES 16    /* levels whose names are remembered */

/* An open container that is wanted or that wanted paths lead through. */
struct jspan_level {
    uint64_t live; /* wants whose path goes on into it */
    uint64_t here; /* wants that ask for itself */
    uint64_t begin, count;
};

struct jspan_name {
    uint8_t n;
    char text[JSPAN_NAME_MAX];
};

/* Sets of wants are bit masks, bit i for the i-th want. */
struct jspan_wants {
    const struct jspan_plan *plan;
    struct jspan_sink sink;

    /* levels[0 .. reach-1] are open and followed; a value deeper than reach concerns nobody. */
    size_t reach;
    struct jspan_level levels[JSPAN_PATH_MAX + 1];
    uint64_t next;       /* wants that the member whose name was just read may match */
    uint64_t other;      /* of the top-level member: matched only without regard to case */
    uint64_t open;       /* JSPAN_STRINGS and JSPAN_INSIDE wants around the current value */
    size_t inside_depth; /* of the JSPAN_INSIDE value that is open */

    /* The scalar or name that is being read.  `listen`: its pieces are to be given. */
    bool listen, is_name, first, text_cut;
    bool within; /* it is for sink->inside */
    enum jspan_type type;
    uint64_t here, speak; /* wants that ask for it, and for its pieces */
    uint64_t begin, count;
    size_t depth, text_n, key_n; /* key_n counts bytes that the key had no room for, too */

    /* By depth of the member; the deepest levels share the last. */
    struct jspan_name names[JSPAN_NAMES];

    /* The outermost copy: bytes [copy_begin, copy_to) are in it. */
    struct buf copy;
    size_t copy_max, copy_depth;
    bool copying, copy_cut;
    uint64_t copy_begin, copy_to;
    const char *piece; /* the input at hand, from offset piece_begin on */
    uint64_t piece_begin;

    /* Only their first text_n and key_n bytes mean anything. */
    char text[JSPAN_TEXT_MAX];
    char key[JSPAN_KEY_MAX];
};

/* See jspan_new. */
void jspan_wants_init(struct jspan_wants *w, const struct jspan_plan *plan,
                      const struct jspan_sink *sink, size_t copy_max);
void jspan_wants_release(struct jspan_wants *w);
void jspan_wants_reset(struct jspan_wants *w);

/* Input from `offset` on is borrowed until jspan_wants_input_end, `offset` then being the end of
 * what was scanned. */
void jspan_wants_input(struct jspan_wants *w, const char *piece, uint64_t offset);
void jspan_wants_input_end(struct jspan_wants *w, uint64_t offset);

/* Whether anybody cares about a value or name at this depth; if not, the calls below may be left
 * out, but for jspan_wants_ignore in place of a begin. */
static inline bool jspan_wants_care(const struct jspan_wants *w, size_t depth)
{
    return depth <= w->reach || w->open != 0;
}

static inline void jspan_wants_ignore(struct jspan_wants *w)
{
    w->listen = false;
    w->within = false;
    w->here = 0;
}

void jspan_wants_name_begin(struct jspan_wants *w, size_t depth);
void jspan_wants_name_end(struct jspan_wants *w);
/* A scalar begins, or a container opens.  `is_element`: in an array. */
void jspan_wants_begin(struct jspan_wants *w, size_t depth, bool is_element, enum jspan_type type,
                       uint64_t offset);
/* Decoded bytes of the name, string or number that has begun; only if `listen`. */
void jspan_wants_piece(struct jspan_wants *w, struct str piece);
void jspan_wants_scalar_end(struct jspan_wants *w, uint64_t offset);
void jspan_wants_close(struct jspan_wants *w, size_t depth, enum jspan_type type, uint64_t offset);

#endif
