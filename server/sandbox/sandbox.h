/* The built-in upstream `builtin:sandbox`: a small OpenAI-compatible server on a loopback port, so
 * that the first minute needs no provider key and faults can be seen on purpose.
 *
 * A blocking MHD daemon with a thread per connection: it is reached over real HTTP like any
 * provider and shares nothing with the event loops.  Its answers say that they are a sandbox. */
#ifndef SERVER_SANDBOX_SANDBOX_H
#define SERVER_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

struct sandbox;

/* Starts it on 127.0.0.1 and a free port; false when that fails.  *port is where it listens; its
 * base URL is http://127.0.0.1:PORT/v1. */
MUST_USE bool sandbox_start(struct sandbox **out, uint16_t *port);
/* Ends it and its connections.  NULL-safe; nulls the pointer. */
void sandbox_stop(struct sandbox **sandbox);

#endif
