/* A price as text, so that what was admitted at it can be settled at it after the configuration has
 * changed, and after a restart. */
#ifndef CONFIG_FROZEN_PRICE_H
#define CONFIG_FROZEN_PRICE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"
#include "config/price.h"

/* Adds a `price =` line for each rate.  False when `text` has failed. */
MUST_USE bool price_freeze(const struct price *price, struct buf *text);
/* The same price again; release it with frozen_price_release.  False, with nothing to release, when
 * a line is no rate or memory is out. */
MUST_USE bool price_thaw(struct str text, struct price *price);
void frozen_price_release(struct price *price);

#endif
