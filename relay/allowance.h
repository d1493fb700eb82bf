/* What a caller is told of the limits that he runs on. */
#ifndef RELAY_ALLOWANCE_H
#define RELAY_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "relay/failure.h"
#include "store/book.h"

/* "17ms", "1s", "41.724s", "6m0s", "1h0m0s": as OpenAI writes it, milliseconds rounded up. */
MUST_USE bool duration_format(int64_t us, struct buf *text);
/* The lines x-ratelimit-limit-requests, -remaining-, -reset- (the time until it is full), and the
 * same of tokens; none for what has no limit. */
MUST_USE bool allowances_write(const struct allowances *allowances, struct buf *lines);
/* Why a limit refuses, and when to come back, into *failure. */
void failure_set_limit(struct failure *failure, enum fault fault,
                       const struct limit_refusal *refusal);

#endif
