/* How a request's answer is let go by: the commit point, and every way in which its last bytes are
 * handed to the settlement. */
#ifndef RELAY_DELIVERY_H
#define RELAY_DELIVERY_H

#include <stdbool.h>

#include "base/check.h"

struct failure;
struct request;

/* From here on the answer is this attempt's, whatever happens: failover is over. */
void delivery_commit(struct request *request, const char *why);
/* The whole document is here: it is shown when its charge is committed. */
void delivery_whole(struct request *request);
/* An answer that tells in its proper form that it failed is delivered, true: unless it speaks of
 * the operator's account, or `another` offer is left for a failure that may not be there. */
MUST_USE bool delivery_of_failed(struct request *request, const struct failure *failure,
                                 bool another);
/* The stream has come to its proper end. */
void delivery_complete(struct request *request);
/* The stream broke after the commit point: whole events, then one event that says so, then a clean
 * end (a reset would reach SDK users as no API error at all). */
void delivery_broken(struct request *request);
/* A document that is too long to be held has been let go by and is now complete, or is not. */
void delivery_long_end(struct request *request);
/* It ends now, in the middle, for request->failure. */
void delivery_cut(struct request *request);

#endif
