/* What a request may use at most, what it has used, and what both cost. */
#ifndef RELAY_COUNT_H
#define RELAY_COUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "relay/charge.h"

struct request;
struct ledger_entry;

/* An upper bound of the cost, for the hold.  CHARGE_UNPRICED: the model has no price for what is
 * asked (a size, say); CHARGE_OVERFLOW: it does not fit. */
MUST_USE enum charge_result count_hold(struct request *request, int64_t *nusd);
/* The tokens that limits count before it is answered: those sent, and of the answer's what was
 * allowed but for a share that few answers need.  Both 0 where tokens are not what is counted. */
void count_demand(const struct request *request, int64_t *tokens, int64_t *prompt_tokens);
/* And those that it has used by its entry: what the provider had kept is not counted again. */
int64_t count_used_tokens(const struct request *request, const struct ledger_entry *entry);
/* Fills counters, source, charge and flags of an admitted request whose answer is over; all stay
 * zero when there is nothing to charge for. */
void count_charge(struct request *request, struct ledger_entry *entry);

#endif
