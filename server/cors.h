/* CORS, for pages that call /v1 from a browser ([server] cors = on).
 *
 * Keys go in a header and there are no cookies, so any origin may ask: who has no key gets nothing,
 * from whatever page.  A preflight is answered before routing and authority: browsers send none of
 * what these go by, and show a refused preflight as a network error, while the refusal of the call
 * itself can be read.  Source: https://fetch.spec.whatwg.org/#http-cors-protocol. */
#ifndef SERVER_CORS_H
#define SERVER_CORS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/check.h"
#include "server/guard.h"

bool cors_is_preflight(const struct head *head);
/* Adds the headers of a preflight's answer, "name: value\n" a line: of the headers that it asks for
 * those that the API has a use for. */
MUST_USE bool cors_preflight(const struct head *head, struct buf *lines);
/* Adds those of every answer. */
MUST_USE bool cors_answer(struct buf *lines);

#endif
