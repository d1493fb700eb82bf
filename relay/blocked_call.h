/* A request and the prompts that were refused a moment ago. */
#ifndef RELAY_BLOCKED_CALL_H
#define RELAY_BLOCKED_CALL_H

#include "base/check.h"
#include "base/fault.h"

struct request;

/* UPSTREAM_BLOCKED, told in request->failure, if the same was refused just now. */
MUST_USE enum fault blocked_call_check(struct request *request);
/* A provider's policy has refused it, and that is what its caller is told. */
void blocked_call_note(struct request *request);

#endif
