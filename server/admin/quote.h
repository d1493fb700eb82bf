/* `price show` and `price quote`: what a model costs, and the arithmetic of a request that uses
 * so and so much, as it would be charged. */
#ifndef SERVER_ADMIN_QUOTE_H
#define SERVER_ADMIN_QUOTE_H

#include "server/admin/admin.h"

/* {model} -> [{counter, usd, per, above?, tier?, quality?, size?, quantum?, minimum?}] */
void admin_price_show(struct admin_call *call);
/* {model, counts: "in_text=1000,out_text=500", ratio?, user_ratio?, tier?, quality?, size?} ->
 * {model, bill: [{counter, quantity, price, cost}], base, ratio, user_ratio, charge} */
void admin_price_quote(struct admin_call *call);

#endif
