/* HTTP framing refusals, from the parsed head of a request.
 *
 * libmicrohttpd 0.9.75 takes far too much (the first of two Content-Lengths, any Transfer-Encoding,
 * `Content-Length :`, folded lines glued to names, lines cut at NUL): whatever two parsers could
 * read in two ways is refused here, before anything else looks at it.  Rules: RFC 9112,
 * sections 2.2, 3, 5, 6. */
#ifndef SERVER_GUARD_H
#define SERVER_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/fault.h"
#include "base/str.h"
#include "relay/failure.h"

#define HEAD_FIELDS_MAX 100

struct head_field {
    struct str name, value;
};

/* A request's head, as views. */
struct head {
    struct str method, target, version;
    struct head_field fields[HEAD_FIELDS_MAX];
    size_t count;
    bool too_many;
    /* Where libmicrohttpd has read it: from the method's place, `bytes` up to behind the blank
     * line. `target` is a copy; this is its place.  0 bytes: the places tell nothing. */
    const char *target_place;
    size_t bytes;
};

/* Faults: BAD_FRAMING, LENGTH_REQUIRED, TRANSFER_ENCODING; each is answered and closes. */
MUST_USE enum fault guard_check(const struct head *head, struct failure *failure);

/* The value of the first field of that name; false when there is none. */
bool head_find(const struct head *head, struct str name, struct str *value);
unsigned head_count(const struct head *head, struct str name);
/* The announced length of the body: Content-Length, or UINT64_MAX for a chunked one; 0 if none. */
uint64_t head_body_bytes(const struct head *head);

/* The path of a checked target, cut off from authority and query. */
struct str head_path(const struct head *head);
/* What stands behind the "?" of a target; empty if nothing does. */
struct str head_query(const struct head *head);

#endif
