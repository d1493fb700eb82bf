/* What a request asks a provider for: path and query behind its base URL. */
#ifndef RELAY_TARGET_H
#define RELAY_TARGET_H

#include "base/buf.h"
#include "base/check.h"
#include "config/provider.h"

/* `usual` itself where the provider keeps the endpoint there and wants no query, else a text in
 * `room`, which is cleared first.  The names of the model and of the object (NULL = it is about
 * none) go into a path percent-encoded.  NULL when out of memory. */
MUST_USE const char *target_of(const struct provider *provider, const char *usual,
                               const char *upstream_model, const char *upstream_id,
                               struct buf *room);

#endif
