/* The few bytes of a client's body that change on the way up.  Everything else arrives as sent. */
#ifndef RELAY_EDIT_H
#define RELAY_EDIT_H

#include <stdbool.h>

#include "base/check.h"
#include "base/str.h"

struct request;

/* Splices the upstream's name for the model in, and `behind` (JSON members, each with a comma
 * before it) behind it.  False when out of memory. */
MUST_USE bool edit_model(struct request *request, const char *upstream_model, struct str behind);
/* The `edit` hook of modules that change nothing else. */
MUST_USE bool edit_model_only(struct request *request, const char *upstream_model);

#endif
