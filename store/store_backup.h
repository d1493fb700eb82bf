/* The backup that an operator waits for: a piece in each turn of the store thread. */
#ifndef STORE_STORE_BACKUP_H
#define STORE_STORE_BACKUP_H

#include "store/store_thread.h"

/* Serves `db backup` {file}: a call is answered when the copy is made, or at once when it cannot
 * begin. */
void store_backup_begin(struct store *store, struct store_call *call);
/* The next piece of the backup in hand, if there is one. */
void store_backup_step(struct store *store);
/* Gives it up: the connection is about to be closed. */
void store_backup_abandon(struct store *store);

#endif
