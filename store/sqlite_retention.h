/* Rows of the log of usage that are old enough go; what they cost stays in the ledger, and what
 * they add up to in the sums by day. */
#ifndef STORE_SQLITE_RETENTION_H
#define STORE_SQLITE_RETENTION_H

#include <stdint.h>

#include "store/sqlite.h"
#include "store/sqlite_rollup.h"

/* Deletes requests of UTC days that ended before `before_ms` (wall clock), about `most` at a time,
 * once all of those days are in the sums.  Returns how many.  Inside a transaction. */
int64_t retention_sweep(struct db *db, const struct rollup *rollup, int64_t before_ms,
                        int64_t most);

#endif
