/* A request's turn at an offer: what its operator's limits for the provider leave, and what is
 * learned of the offer.
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
#include "config/model.h"
#include "relay/offer_health.h"
#include "store/book.h"

struct failure;
struct request;

/* For the plan: a request of so many tokens for a model would get its turn there now; false: in
 * *wait_us, unless that is sooner. */
bool provider_turn_is_free(struct book *book, const struct provider *provider,
                           const struct demand *demand, int64_t *wait_us);
/* Its turn at this offer, after the end of one that it may have elsewhere; false:
 * request->failure says so, of several what verdict_merge makes of them. */
MUST_USE bool provider_turn_take(struct request *request, const struct offer *offer);
/* With which keys it may ask: what a provider keeps is asked of its first, which has made it. */
enum offer_keys provider_turn_keys(const struct request *request);
/* Its present attempt has failed so that it may be made at once with another key there. */
bool provider_turn_has_other_key(const struct request *request, const struct failure *failure);
/* What has come of it: a good answer, or a failure as the verdict gave it.  A stream that began
 * well may break later. */
void provider_turn_good(struct request *request);
void provider_turn_failed(struct request *request, const struct failure *failure);
/* It has used so many tokens there.  Nothing to do when no turn is taken. */
void provider_turn_end(struct request *request, int64_t tokens);

#endif
