/* Which provider made an object that users name by its id (a response, an item of its output), and
 * to whom the id was given. */
#ifndef STORE_SQLITE_PINS_H
#define STORE_SQLITE_PINS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "store/sqlite.h"
#include "store/store.h"

#define PIN_DAYS 30

/* Writes entry->issued, in the transaction of its charge; what is there of an id is replaced. */
void pins_put(struct db *db, const struct ledger_entry *entry, int64_t now_ms);
/* Fills provider, tokens and missing; false when one of get->ids is not this user's, has expired,
 * or lives at another provider than the first (or the connection failed: db_trouble tells). */
MUST_USE bool pins_find(struct db *db, struct store_pins_get *get, int64_t now_ms);
/* Deletes expired ones, about `most` at a time.  Returns how many. */
int64_t pins_sweep(struct db *db, int64_t now_ms, int64_t most);

#endif
