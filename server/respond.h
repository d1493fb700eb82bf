/* An exchange's response: from an answer, a refusal or an admin result to libmicrohttpd. */
#ifndef SERVER_RESPOND_H
#define SERVER_RESPOND_H

#include <stdbool.h>

#include "base/check.h"
#include "server/exchange.h"

/* There is something that respond_queue can hand over. */
bool respond_is_ready(const struct exchange *exchange);
/* Queues it: the only door through which a response goes.  Called from the access handler.  False:
 * the connection must close. */
MUST_USE bool respond_queue(struct exchange *exchange);

#endif
