/* One `offer =` line. */
#ifndef CONFIG_OFFER_H
#define CONFIG_OFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"
#include "config/snapshot.h"

/* Parses "PROVIDER/UPSTREAM_NAME [priority=N] [weight=N]", split at the first '/', into *offer,
 * whose upstream_model is then the caller's.  False with the reason in *why and the offset of the
 * offending word in *at. */
MUST_USE bool offer_parse(struct str text, const struct snapshot *snapshot, struct offer *offer,
                          size_t *at, struct buf *why);

#endif
