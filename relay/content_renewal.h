/* A result's address anew, from the provider: signed ones expire.  What it says is put down in the
 * task as well, whose state that cannot change. */
#ifndef RELAY_CONTENT_RENEWAL_H
#define RELAY_CONTENT_RENEWAL_H

#include "base/check.h"
#include "config/provider.h"

struct content_renewal;
struct request;

/* Asks `provider` after request->task.  `over` is called once with the addresses, one a line, or
 * NULL when it tells none.  It is the request's: stop it when the request ends, free it when all of
 * the request's mail is back.  NULL when out of memory. */
MUST_USE struct content_renewal *
content_renewal_new(struct request *request, const struct provider *provider,
                    void (*over)(struct request *request, const char *urls));
/* Nothing is asked or told any more.  NULL-safe. */
void content_renewal_stop(struct content_renewal *renewal);
/* NULL-safe; nulls the pointer. */
void content_renewal_free(struct content_renewal **renewal);

#endif
