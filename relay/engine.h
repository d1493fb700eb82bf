/* The loop's HTTP client: curl multi handles, their sockets and timers in the loop's epoll.
 *
 * libcurl's remove, prune and look-up walk all connections of a multi, so transfers are spread over
 * many, streams apart from short answers: a new one goes to the first multi of its kind with fewer
 * than ENGINE_MULTI_TRANSFERS (the connection cache is per multi: spreading evenly would pay a TLS
 * handshake a stream). */
#ifndef RELAY_ENGINE_H
#define RELAY_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/fault.h"
#include "base/loop.h"

#define ENGINE_MULTI_TRANSFERS 256
#define ENGINE_MULTIS 128

struct engine;
struct attempt;

/* Once a process, before threads.  False when libcurl does not start. */
MUST_USE bool engine_open_library(void);
/* `sandbox_url` replaces the base URL "builtin:sandbox"; NULL = there is none.  A multi keeps up to
 * `pooled` connections for the next transfer (within bounds of its own).  Keeps the loop. */
MUST_USE enum fault engine_new(struct engine **out, struct loop *loop, const char *sandbox_url,
                               long pooled);
/* CHECK: no attempt is left.  NULL-safe; nulls the pointer. */
void engine_free(struct engine **engine);
/* Finished transfers: sets their end and tells their sinks.  Once a turn. */
void engine_collect(struct engine *engine);
struct loop *engine_loop(struct engine *engine);
/* How many attempts there are. */
unsigned engine_attempts(const struct engine *engine);

/* --- for attempt.c -------------------------------------------------------------------------------
 */

struct prepared; /* a parsed URL and a header list, shared by calls that send the same */

/* The URL and header list of a call; NULL when out of memory. */
MUST_USE struct prepared *engine_prepare(struct engine *engine, const char *base_url,
                                         const char *path, struct str headers);
void *prepared_url(struct prepared *prepared);     /* CURLU * */
void *prepared_headers(struct prepared *prepared); /* struct curl_slist * */
void engine_unprepare(struct engine *engine, struct prepared **prepared);
const char *engine_sandbox_url(const struct engine *engine);

/* A pooled easy handle (never reset: every attempt sets what it needs), or NULL. */
MUST_USE void *engine_take_easy(struct engine *engine);
/* Only a handle whose transfer came to its end is used again: one that failed before it connected
 * keeps its buffer, and libcurl 7.88 refuses CURLOPT_BUFFERSIZE while there is one. */
void engine_give_easy(struct engine *engine, void *easy, bool complete);
/* Hands the configured handle to a multi. */
MUST_USE bool engine_add(struct engine *engine, struct attempt *attempt);
void engine_remove(struct engine *engine, struct attempt *attempt);

#endif
