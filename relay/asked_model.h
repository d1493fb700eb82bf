/* Which model a request is for: the one that it names, that of the task which it is about, or the
 * default of its endpoint. */
#ifndef RELAY_ASKED_MODEL_H
#define RELAY_ASKED_MODEL_H

#include "base/check.h"
#include "base/fault.h"

struct request;
struct failure;

/* Of modules' `check`.  Faults: MISSING_PARAMETER, INVALID_TYPE. */
MUST_USE enum fault asked_model_check(const struct request *request, struct failure *failure);
/* Its public name, once checked; borrowed from the request's fields or its snapshot. */
const char *asked_model_name(const struct request *request);

#endif
