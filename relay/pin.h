/* A request that goes on from objects at a provider is pinned to that provider. */
#ifndef RELAY_PIN_H
#define RELAY_PIN_H

#include <stdbool.h>

#include "base/check.h"
#include "base/fault.h"

struct request;
struct ledger_entry;

/* It names some: they must be looked up before anything is planned. */
bool pin_is_needed(const struct request *request);
/* It named some, which have been looked up. */
bool pin_is_taken(const struct request *request);
/* Asks the store; the state is LOOKING_UP, and the exchange is woken when request_is_looked_up. */
void pin_look_up(struct request *request);
/* Then: takes what the store found over into the request.  Faults: REFERENCE_NOT_FOUND (an id was
 * not given to this user, or they live apart), STORE_UNAVAILABLE. */
MUST_USE enum fault pin_take(struct request *request);
/* In place of plan_make.  Faults: REFERENCE_NOT_FOUND (the model is not to be had there),
 * NO_PROVIDER (not now). */
MUST_USE enum fault pin_plan(struct request *request);

/* What the answer has given out, for the books: borrowed from the tap. */
void pin_issue(const struct request *request, struct ledger_entry *entry);

#endif
