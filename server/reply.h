/* The only writer of error bodies and of their headers. */
#ifndef SERVER_REPLY_H
#define SERVER_REPLY_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/check.h"
#include "config/settings.h"
#include "relay/failure.h"

/* The status of the answer (the error dialect may differ from the table). */
int reply_status(const struct failure *failure, const struct settings *settings);
/* {"error":{...}}: message, type, code first, in that order, as the API page shows them; or as
 * OpenAI does, see relay/error_dialect.
 * message_beside: the message stands a second time beside `error`, where clients of Cohere look. */
MUST_USE bool reply_body(const struct failure *failure, const struct settings *settings,
                         const char *request_id, bool message_beside, struct buf *body);
/* The headers that go with it, "name: value\n" a line: www-authenticate, retry-after,
 * retry-after-ms, x-should-retry. */
MUST_USE bool reply_headers(const struct failure *failure, struct buf *lines);
/* The connection must close after the answer. */
bool reply_closes(const struct failure *failure);

#endif
