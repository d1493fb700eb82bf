/* Which module a request's target means.
 *
 * There is one reading of a path, and both routing and authority go by it: percent-decoded once,
 * doubled and trailing slashes taken off. */
#ifndef SERVER_ROUTE_H
#define SERVER_ROUTE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/fault.h"
#include "base/str.h"
#include "relay/failure.h"
#include "relay/module.h"
#include "server/guard.h"

struct route {
    const struct module *module;
    struct str subject; /* of a path like /models/{id}; points into `path` */
    struct buf path;
};

/* Fills in *route (release it in any case) from a checked head.  `aliases`: /v1/v1/... and paths
 * without /v1 are taken, too.  Faults, told in *failure: UNKNOWN_PATH (with the nearest route, if
 * one is near), METHOD_NOT_ALLOWED, GATEWAY_MEMORY. */
MUST_USE enum fault route_find(struct route *route, const struct head *head, bool aliases,
                               struct failure *failure);
void route_release(struct route *route);

#endif
