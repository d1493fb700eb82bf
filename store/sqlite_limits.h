/* Rows of the limits that operators have set. */
#ifndef STORE_SQLITE_LIMITS_H
#define STORE_SQLITE_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "store/book.h"
#include "store/limit.h"
#include "store/sqlite.h"

/* Adds the limit, or gives one that is there its amounts; reports at db_commit. */
void limit_put(struct db *db, const struct limit *limit);
/* Ends it; period_us < 0: of every period.  How many there were. */
int64_t limit_delete(struct db *db, const struct limit *limit);
/* Each in turn: by scope, owner, names.  Rows that this program does not understand are passed
 * over. */
struct query *limit_each(struct db *db);
MUST_USE bool limit_next(struct query *query, struct limit *limit);
int64_t limit_count(struct db *db);
/* Makes those of the book the ones of the database.  False: the connection failed, or memory was
 * out; those that were read are in force. */
MUST_USE bool limits_load(struct db *db, struct book *book);

#endif
