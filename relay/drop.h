/* Members of a JSON request that a model does not take: they are left out on the way up, each with
 * one comma; all other bytes stay. */
#ifndef RELAY_DROP_H
#define RELAY_DROP_H

#include <stdint.h>

#include "base/check.h"
#include "config/word_list.h"
#include "relay/body.h"

enum drop_result { DROP_DONE, DROP_TOO_MANY, DROP_FAILED /* memory or disk */ };

/* Edits every top-level member out whose name, its escapes decoded, is one of `names`, however
 * often it stands there; *dropped is how many those are.  The body is a valid JSON object and has
 * no edit yet.  One pass over it, a spooled one too: only for models that need it. */
MUST_USE enum drop_result drop_members(struct body *body, const struct word_list *names,
                                       uint64_t *dropped);

#endif
