/* A client's body: its original bytes, in memory or (above 1 MiB) in an unnamed file, and a
 * short list of edits that are spliced in when it is sent upstream.  The original is never changed,
 * so that each attempt may edit it differently. */
#ifndef RELAY_BODY_H
#define RELAY_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"
#include "relay/spool.h"

#define BODY_MEMORY_MAX ((size_t)1 << 20)
#define BODY_EDITS_MAX 512

struct body_edit {
    uint64_t begin, end; /* of the original; begin == end inserts */
    char *text;          /* heap; NULL = nothing */
    size_t n;
};

struct body {
    struct buf memory;   /* everything, while there is no spool */
    struct spool *spool; /* NULL = none */
    uint64_t bytes;
    uint64_t max;
    const char *spool_dir;   /* borrowed for the body's life, as is the next */
    struct mailbox *sweeper; /* where the spool ends; NULL = here */
    struct body_edit *edits; /* heap; sorted, disjoint */
    unsigned edit_count, edit_room;
};

/* Where a reader stands in the edited body. */
struct body_cursor {
    uint64_t at;    /* in the original */
    unsigned edit;  /* the next edit */
    size_t edit_at; /* bytes of that edit already given */
};

enum body_result { BODY_OK, BODY_TOO_LARGE, BODY_FAILED /* memory or disk */ };

/* Keeps folder and mailbox for the body's life. */
void body_init(struct body *body, uint64_t max, const char *spool_dir, struct mailbox *sweeper);
/* Frees the bytes when nothing will be sent again; size and edits are gone too. */
void body_release(struct body *body);
/* TOO_LARGE takes nothing; after FAILED the body is only good for body_release. */
MUST_USE enum body_result body_add(struct body *body, const char *p, size_t n);

/* Replaces [begin, end) of the original by a copy of `text` on the way out.  False when out of
 * memory.  CHECK: at most BODY_EDITS_MAX, none overlaps another. */
MUST_USE bool body_edit(struct body *body, uint64_t begin, uint64_t end, struct str text);
void body_clear_edits(struct body *body);
/* Copies n bytes of the original from `at` on; false on a read error.  CHECK: they are there. */
MUST_USE bool body_read_original(const struct body *body, uint64_t at, char *into, size_t n);
/* Bytes that will be sent. */
uint64_t body_size(const struct body *body);
/* Copies the next bytes of the edited body; *got is 0 at the end.  False on a read error. */
MUST_USE bool body_read(const struct body *body, struct body_cursor *cursor, char *into, size_t n,
                        size_t *got);

#endif
