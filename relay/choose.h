/* The offers of a request's model that are asked, in their order: those that stand well, by what
 * the process has learned of them and by what the operator's limits for their providers leave. */
#ifndef RELAY_CHOOSE_H
#define RELAY_CHOOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/fault.h"
#include "config/model.h"
#include "relay/plan.h"

struct request;

/* Makes request->plan.  Faults, told in request->failure: NO_PROVIDER (none is enabled, or all
 * fail), PROVIDERS_COOLING (all that do not fail limit). */
MUST_USE enum fault choose_offers(struct request *request);
/* The same with the offer at this provider alone.  *elsewhere: the model has none there, and the
 * fault is NO_PROVIDER. */
MUST_USE enum fault choose_offer_at(struct request *request, const char *provider, bool *elsewhere);
/* How an offer of its model stands now; *wait_ms: for how long, if it is passed over. */
enum plan_standing choose_standing(const struct request *request, const struct offer *offer,
                                   int64_t *wait_ms);

#endif
