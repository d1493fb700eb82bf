/* What comes of an attempt at an offer: copied into the request's stream, read by its tap on the
 * way, and marked.  What it means is decided in the settle step (relay/dispatch). */
#ifndef RELAY_INTAKE_H
#define RELAY_INTAKE_H

#include <stdbool.h>

#include "relay/attempt.h"

struct request;

/* Of request->attempt. */
struct sink intake_sink(struct request *request);
/* Its head says so. */
bool attempt_is_success(const struct attempt *attempt);

#endif
