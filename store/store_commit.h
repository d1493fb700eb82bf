/* The store thread's transactions, and how the database is. */
#ifndef STORE_STORE_COMMIT_H
#define STORE_STORE_COMMIT_H

#include <stdbool.h>

#include "base/check.h"
#include "store/admin_run.h"
#include "store/store_thread.h"

/* True when there is a connection, opened again if one was closed and its time has come. */
MUST_USE bool store_has_db(struct store *store);
/* After a failure that sticks: degrades the store, closes a connection that cannot be trusted. */
void store_note_db_trouble(struct store *store);
/* The same after a read: what was read is thrown away, and the rest may be well. */
void store_note_failed_read(struct store *store);
/* What operators' operations work with; `tasks` NULL for reads. */
struct admin_room store_admin_room(struct store *store, struct task_room *tasks);
/* One transaction.  When it fails, entries stay queued, moves and changes are answered DOWN. */
void store_commit(struct store *store);
/* At the end, the database did not come back in time: what is still queued is lost, and says so. */
void store_give_up(struct store *store);

#endif
