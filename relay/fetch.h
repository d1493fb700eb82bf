/* One GET of bytes that lie somewhere: at a provider's own path, or at an address that it has told.
 * Redirects are followed by rules of ours: at most FETCH_HOPS, http(s) only, never from https to
 * http; each hop's address is checked as it is resolved; a provider's key goes to its own host
 * alone, and never again once that was left.
 *
 * Life: fetch_start .. (sink calls) .. fetch_free, which is never called from a sink. */
#ifndef RELAY_FETCH_H
#define RELAY_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/fault.h"
#include "base/loop.h"
#include "base/str.h"
#include "relay/attempt.h"
#include "relay/url.h"

#define FETCH_HOPS 5

struct fetch_order {
    const struct provider *provider; /* kept until fetch_free */
    const char *path;                /* behind its base URL; or NULL */
    const char *url;                 /* then: absolute, or relative to its base URL */
    struct str key_headers;          /* "Name: value\n"..., for the provider's own host only */
    struct str headers;              /* for whoever has it */
    int64_t head_ms;                 /* until the head of the last hop is here */
};

struct fetch {
    struct engine *engine;
    struct sink sink;
    const struct provider *provider;
    struct attempt *attempt; /* of the present hop; its head is the answer's once `landed` */
    bool landed;             /* a head is here that is no redirect */
    bool began_at_home;      /* at the provider's own host */
    enum fault fault;        /* a hop was refused, or could not begin: it is over */
    /* Private to fetch.c. */
    struct url at, own; /* own: the provider's base */
    char *path;         /* of the first hop, behind the provider's base; or NULL */
    char *key_headers, *headers;
    bool keyed; /* the provider's host was never left */
    unsigned hops;
    int64_t deadline_ms;
    struct ready ready;
};

/* Begins it.  sink.body gets the bytes of the last hop, with back-pressure as an attempt has it;
 * sink.changed is told of its head and of every end.  Faults: GATEWAY_MEMORY, UPSTREAM_INVALID (an
 * address that is refused). */
MUST_USE enum fault fetch_start(struct fetch **out, struct engine *engine,
                                const struct fetch_order *order, const struct sink *sink);
/* At whatever point it is; NULL-safe; nulls the pointer. */
void fetch_free(struct fetch **fetch);
/* There is room again. */
void fetch_resume(struct fetch *fetch);
/* Nothing more will come. */
bool fetch_is_over(const struct fetch *fetch);

#endif
