/* What chat and text completions share of their requests. */
#ifndef RELAY_CHAT_CALL_H
#define RELAY_CHAT_CALL_H

#include <stdbool.h>

#include "base/check.h"
#include "base/fault.h"
#include "relay/module.h"

#define OUTPUT_TOKENS_MAX ((int64_t)1 << 24)

/* stream, n, the limits of the output, stream_options.  Faults: INVALID_TYPE, INVALID_VALUE. */
MUST_USE enum fault chat_call_check(struct request *request, struct failure *failure);
/* The `edit` hook: the model's name, and the wish for usage in a stream that has none. */
MUST_USE bool chat_call_edit(struct request *request, const char *upstream_model);
/* Tokens that one choice may have at most: as asked, else `unsaid`, within the model's own limit.
 */
int64_t chat_call_output(const struct request *request, int64_t unsaid);

#endif
