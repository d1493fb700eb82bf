/* The offers of a request's model that are asked, in their order: those that stand well, by what
 * the process has learned of them and by what the operator's limits for their providers leave. */
#ifndef RELAY_CHOOSE_H
#define RELAY_CHOOSE_H

#include <stdbool.h>

#include "base/check.h"
#include "base/fault.h"

struct request;

/* Makes request->plan.  Faults, told in request->failure: NO_PROVIDER (none is enabled, or all
 * fail), PROVIDERS_COOLING (all that do not fail limit). */
MUST_USE enum fault choose_offers(struct request *request);
/* The same with the offer at this provider alone.  *elsewhere: the model has none there, and the
 * fault is NO_PROVIDER. */
MUST_USE enum fault choose_offer_at(struct request *request, const char *provider, bool *elsewhere);

#endif
