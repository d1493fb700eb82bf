/* How a failure is told: as the API page says (five statuses, an integer code), or as OpenAI does,
 * for frameworks that go by its statuses and slugs ([server] error_dialect). */
#ifndef RELAY_ERROR_DIALECT_H
#define RELAY_ERROR_DIALECT_H

#include "relay/failure.h"

struct error_told {
    int status; /* HTTP status; 0 = the connection closes without an answer */
    const char *type;
    const char *code; /* error.code; NULL = the status, as an integer.  Borrowed of the failure */
};

/* `dialect`: ERROR_DIALECT_*.  CHECK: there is a fault. */
struct error_told error_tell(const struct failure *failure, int dialect);

#endif
