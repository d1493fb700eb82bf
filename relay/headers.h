/* Which headers cross, both ways.  Allow-lists: whatever is not named here is dropped, hop-by-hop
 * fields and secrets first of all. */
#ifndef RELAY_HEADERS_H
#define RELAY_HEADERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"
#include "config/provider.h"
#include "config/snapshot.h"

/* The client's headers that matter after its connection has moved on; copies. */
struct client_headers {
    char *accept; /* NULL = none */
    char *content_type;
    char *openai_beta;
    char *client_request_id;
    char *idempotency_key;
    char *range, *if_range;
    struct buf allowed; /* those that some provider lets through, and Connection: head lines */
};

void client_headers_init(struct client_headers *headers);
/* Keeps a copy if the relay or a provider of the snapshot has a use for it; false when out of
 * memory, or when those that providers let through are longer than 15 KiB together. */
MUST_USE bool client_headers_take(struct client_headers *headers, const struct snapshot *snapshot,
                                  struct str name, struct str value);
void client_headers_release(struct client_headers *headers);

/* What the head of a request to a provider is made of.  `user_id` keeps idempotency keys of two
 * users of one provider account apart. */
struct upstream_head {
    const struct client_headers *client;
    const struct provider *provider;
    unsigned key; /* which of its keys; 0 also where it has none */
    const char *content_type;
    int64_t user_id;
    bool stream; /* an event stream is asked for */
};

/* Adds one such line; nothing for a value that is NULL, empty, or no header's.  False when out of
 * memory. */
MUST_USE bool headers_add_line(struct buf *lines, const char *name, const char *value);
/* Adds one "Name: value" a line, each line ended by LF: the allowed ones of the client, the content
 * type, the provider's own.  False when out of memory. */
MUST_USE bool headers_upstream(const struct upstream_head *head, struct buf *lines);

/* True for an answer's header that passes to the client as it is; `file`: those that describe a
 * file are among them. */
bool headers_pass_down(struct str name, bool file);
/* Only visible ASCII, space and tab: a value that may go into a header. */
bool headers_value_ok(struct str value);

#endif
