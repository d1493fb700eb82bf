/* A request as it goes to one provider: what of its body changes, which headers go with it, how
 * long the provider may take. */
#ifndef RELAY_OUTBOUND_H
#define RELAY_OUTBOUND_H

#include <stdint.h>

#include "base/check.h"
#include "base/fault.h"
#include "relay/attempt.h"

struct request;
struct word_list;

/* Makes the call for request->offer, which may take `left_ms` at most; it borrows from the request.
 * Faults, told in request->failure: DUPLICATE_PARAMETER, GATEWAY_MEMORY. */
MUST_USE enum fault outbound_prepare(struct request *request, int64_t left_ms, struct call *call);

/* The members of this request that its model does not take and that are left out: none of a form,
 * whose parts all pass. */
const struct word_list *outbound_drop(const struct request *request);

#endif
