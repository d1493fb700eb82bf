/* A request's turn at a provider: what its operator's limits for the provider leave.
 *
 * A provider whose limit is used up is passed over; only where that is so of all of them is the
 * caller told to come back.  The turn is asked for when the offers are planned, and taken with each
 * attempt, when another request may have been faster. */
#ifndef RELAY_PROVIDER_TURN_H
#define RELAY_PROVIDER_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/fault.h"
#include "config/provider.h"
#include "store/book.h"

struct request;

/* For the plan: a request of so many tokens for a model would get its turn there now; false: in
 * *wait_us, unless that is sooner. */
bool provider_turn_is_free(struct book *book, const struct provider *provider,
                           const struct demand *demand, int64_t *wait_us);
/* Takes the offers out of the request's plan whose providers are used up.  Fault PROVIDERS_COOLING,
 * with request->failure: all of them. */
MUST_USE enum fault provider_turn_skim(struct request *request);
/* Its turn at this provider, after the end of one that it may have elsewhere; false:
 * request->failure says so, of several what verdict_merge makes of them. */
MUST_USE bool provider_turn_take(struct request *request, const struct provider *provider);
/* It has used so many tokens there.  Nothing to do when no turn is taken. */
void provider_turn_end(struct request *request, int64_t tokens);

#endif
