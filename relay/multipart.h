/* A push scanner for multipart/form-data bodies (RFC 7578, RFC 2046): fed each piece as it arrives,
 * O(1) memory.  It never changes a byte: it says where each part's value stands and what its header
 * lines tell; a value is replaced by an edit of [begin, end) of the body.
 *
 * What two readers could read in two ways is invalid.  Allowed: a preamble, an epilogue, no part
 * at all, white space behind a delimiter, header lines and parameters in any order and case.
 * Invalid:
 * - a line that ends with LF or CR alone, before or behind a delimiter or among header lines;
 * - `--boundary` at the beginning of any other line, or with more than white space or `--` behind
 *   it (a shorter beginning of it is data like all else);
 * - a header line that is folded, has no colon, holds a control byte, or comes twice though it
 *   means something; a Content-Transfer-Encoding that would change the value;
 * - a part without `Content-Disposition: form-data` or without a name; a name given twice, as
 *   `name*`, or with escapes but those of quote and backslash; a parameter whose text holds
 *   `name=`;
 * - more than MULTIPART_PARTS_MAX parts, header lines of more than MULTIPART_HEAD_MAX bytes. */
#ifndef RELAY_MULTIPART_H
#define RELAY_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/str.h"
#include "relay/multipart_boundary.h"
#include "relay/multipart_head.h"

#define MULTIPART_PARTS_MAX 1000

struct multipart_part {
    struct str name;         /* escapes decoded, cut at MULTIPART_NAME_MAX; may be empty */
    bool name_cut;           /* name is only the beginning: none that means anything here */
    bool has_filename;       /* as filename or filename*: a file, not a field */
    struct str content_type; /* of the part; empty if none */
    uint64_t head_begin;     /* absolute offset of the first header line, behind the delimiter's */
    uint64_t begin;          /* of the value */
};

struct multipart_sink {
    /* A part's header lines are complete; its views are valid for the call.  No function may call
     * the scanner; each but this one may be NULL. */
    void (*part)(void *context, const struct multipart_part *part);
    /* Bytes of that part's value, cut anywhere, never empty. */
    void (*data)(void *context, struct str piece);
    /* The value is complete: [begin, end) of the body; the CRLF before the delimiter is not in
     * it. */
    void (*end)(void *context, uint64_t begin, uint64_t end);
    void *context;
};

enum multipart_state { MULTIPART_MORE, MULTIPART_DONE, MULTIPART_BAD };

struct multipart; /* see multipart.c; about 9 KiB */

/* Keeps the sink's context until freed.  NULL when out of memory.  CHECK: boundary comes from
 * multipart_boundary. */
MUST_USE struct multipart *multipart_new(const char *boundary, const struct multipart_sink *sink);
/* NULL-safe; nulls the pointer. */
void multipart_free(struct multipart **multipart);

/* Feeds the next piece.  DONE: the closing delimiter `--boundary--` was seen (white space, CRLF and
 * an epilogue may follow).  BAD stays. */
enum multipart_state multipart_feed(struct multipart *multipart, const char *p, size_t n);
/* No more bytes: true when the body is valid and its closing delimiter was seen. */
MUST_USE bool multipart_end(const struct multipart *multipart);
/* The offset of the first fault: of the byte, or of the beginning of the header line; or of the
 * body's end, when it came too early. */
uint64_t multipart_offset(const struct multipart *multipart);
/* Where another part, from `--boundary` to the CRLF behind its value, may be inserted: before the
 * first delimiter, also if it is the closing one.  CHECK: a delimiter was seen, as always after a
 * true multipart_end. */
uint64_t multipart_insert_at(const struct multipart *multipart);

#endif
