/* `provider test`: asks a provider for its list of models, the way requests go there (its key, its
 * limits, its network), and tells what came.  Nothing of the key is told, and it costs nothing. */
#ifndef SERVER_ADMIN_PROBE_H
#define SERVER_ADMIN_PROBE_H

#include "config/snapshot.h"
#include "relay/engine.h"
#include "server/admin/admin.h"

/* With each of its keys, one after the other.
 *
 * Begins it and ends the call: OK with {name, url, keys, status, ms, models, missing[]} (how many
 * models the list has, and which that the configuration offers from there it has not), else FAILED
 * with what went wrong.  In the thread of the engine's loop.  `provider` is one of the snapshot's,
 * of which a reference is kept. */
void probe_begin(struct admin_call *call, struct engine *engine, struct snapshot *snapshot,
                 const struct provider *provider);

#endif
