/* One connection to the database file, its prepared statements and transactions.
 *
 * The connection owns the file alone (exclusive lock) and belongs to one thread at a time.  The
 * first failure sticks: what follows in the same transaction does nothing and reports failure, so
 * that callers may look once, at db_commit.  Constraint violations count as failures: callers look
 * before they insert, which is sound with one writer. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"

struct db;
struct query; /* a prepared statement, owned by the connection */

/* What kind of failure sticks. */
enum db_trouble {
    DB_FINE,
    DB_FULL,   /* disk or quota */
    DB_IO,     /* the connection cannot be trusted any more: close and open again */
    DB_BUSY,   /* another process has the lock */
    DB_DENIED, /* read-only or not to be opened */
    DB_MEMORY,
    DB_DAMAGED, /* not a database, or a broken one */
    DB_OTHER
};

/* Opens the file, creates it (mode 0600) when it is not there, and takes the lock.  On failure NULL
 * with one line for the operator in *why; *in_use tells a second owner apart. */
MUST_USE struct db *db_open(const char *path, bool process_durability, struct buf *why,
                            bool *in_use);
/* Opens a copy that nobody writes, to read it; it may be unlinked at once.  NULL with one line in
 * *why. */
MUST_USE struct db *db_open_copy(const char *path, struct buf *why);
/* Closes; the last checkpoint is made unless a failure sticks.  NULL-safe; nulls the pointer. */
void db_close(struct db **db);

/* The kind and text of the failure that sticks. */
enum db_trouble db_trouble(const struct db *db);
const char *db_error(const struct db *db);
/* Forgets a failure outside of a transaction (a failed read). */
void db_forgive(struct db *db);

/* From another thread: all that is read from now on fails. */
void db_interrupt(struct db *db);

/* SQLite's own handle, for the files that make something of all of the database. */
struct sqlite3;
struct sqlite3 *db_handle(struct db *db);

/* --- transactions: at most one, savepoints inside it ------------------------------------------ */

MUST_USE bool db_begin(struct db *db);
/* False when anything since db_begin failed: then call db_rollback. */
MUST_USE bool db_commit(struct db *db);
/* Undoes the transaction and forgets the failure (unless even that failed: then it is DB_IO). */
void db_rollback(struct db *db);
/* One savepoint at a time; db_undo returns to it, db_keep goes on without it. */
MUST_USE bool db_savepoint(struct db *db);
void db_undo(struct db *db);
void db_keep(struct db *db);
/* Several statements of a literal; no results. */
bool db_run(struct db *db, const char *sql);

/* --- statements: sql must be a literal, it is the key of the cache ---------------------------- */

/* The statement, ready to be bound; NULL when the connection has failed.  All query_ functions take
 * NULL and then do nothing. */
struct query *db_query(struct db *db, const char *sql);
/* Parameters count from 1.  Texts and blobs are borrowed until the query ends; NULL binds NULL. */
void query_i64(struct query *query, int at, int64_t value);
void query_text(struct query *query, int at, const char *text);
void query_str(struct query *query, int at, struct str text);
void query_blob(struct query *query, int at, const void *bytes, size_t n);
void query_null(struct query *query, int at);
/* True with the next row; false at the end or on failure (the query is over then). */
bool query_row(struct query *query);
/* Runs a statement without rows to its end. */
bool query_run(struct query *query);
/* Ends a query before its last row. */
void query_end(struct query *query);
/* Columns count from 0.  Texts are "" for NULL and valid until the next row. */
int64_t query_get_i64(struct query *query, int column);
const char *query_get_text(struct query *query, int column);
bool query_get_null(struct query *query, int column);
/* Copies exactly n bytes; false, nothing copied, when the blob has another size. */
MUST_USE bool query_get_blob(struct query *query, int column, void *bytes, size_t n);
/* Rows that the last statement changed. */
int64_t db_changes(const struct db *db);

/* --- upkeep ----------------------------------------------------------------------------------- */

/* Pages in the write-ahead log that no checkpoint has moved yet. */
int64_t db_wal_pages(const struct db *db);
/* Moves what can be moved without waiting; false (and no failure sticks) when it did not work. */
bool db_checkpoint(struct db *db);
/* SQLite's own structure check.  With a bound, max_ms > 0, it is cut off then, leaves the entries
 * of indexes alone and looks, of a large database, only at tables that do not grow with the
 * requests.  False with the first finding in *why; running out of time counts as fine. */
MUST_USE bool db_is_sound(struct db *db, int64_t max_ms, struct buf *why);

#endif
