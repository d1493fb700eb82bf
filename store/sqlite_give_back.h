/* The other side of a charge: the one row of the ledger that may give some of it back. */
#ifndef STORE_SQLITE_GIVE_BACK_H
#define STORE_SQLITE_GIVE_BACK_H

#include <stdint.h>

#include "base/check.h"
#include "store/book.h"
#include "store/sqlite.h"
#include "store/sqlite_ledger.h"

/* Gives `nusd` > 0 of a charge back, to the accounts of the charge: its slot 1.  `note` says why.
 * *given_back is filled in for the book: with LEDGER_PUT, unless it was in the ledger already.
 * CONFLICT also when there is no charge of at least so much. */
MUST_USE enum ledger_put ledger_give_back(struct db *db, int64_t id, int64_t now_ms, int64_t nusd,
                                          const char *note, struct give_back *given_back);

#endif
