/* What the books must say of themselves: all of a database is read, row by row. */
#ifndef STORE_BOOKS_CHECK_H
#define STORE_BOOKS_CHECK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "store/sqlite.h"

/* The structure of the file; every account against the ledger, and the sums by day against both;
 * the charge of every request and task in its slot; at most one give-back of each; no row that is
 * open and as old as `started_id`, the newest when the process began that wrote here (0: open rows
 * are only counted).
 *
 * Memory grows with the accounts and users, time with the rows: nothing here is for a thread that
 * somebody waits for.  The caller owns the result, {ok, errors[], accounts, ledger_rows,
 * open_rows}, with one line in errors for each finding, up to 100; what cannot be read is one too.
 * NULL when memory is out. */
MUST_USE json_t *books_check(struct db *db, int64_t started_id);

/* The same of a file that nobody has open, only read: a backup.  NULL with one line in *why when it
 * cannot be opened, or is not of this program's schema. */
MUST_USE json_t *books_check_copy(const char *path, struct buf *why);

#endif
