/* A copy of the open database into a new file, made a piece at a time.
 *
 * Between the pieces the connection may read and write as always: what changes meanwhile is in the
 * copy, too.  The file has its name only when it is whole and on disk; until then it is FILE.part.
 */
#ifndef STORE_SQLITE_BACKUP_H
#define STORE_SQLITE_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "store/sqlite.h"

#define BACKUP_SUFFIX ".part" /* of the file that is being made */

struct backup;

/* Begins one.  NULL with one line for people in *why, and *exists when
 * there is such a file already.  It must end before the connection does. */
MUST_USE struct backup *backup_begin(struct db *db, const char *path, struct buf *why,
                                     bool *exists);

enum backup_step { BACKUP_MORE, BACKUP_COPIED, BACKUP_FAILED /* with one line in *why */ };
/* The next piece, some milliseconds of work. */
MUST_USE enum backup_step backup_step(struct backup *backup, struct buf *why);
/* What is copied is made durable and gets its name; as slow as its disk, and in any thread.  False
 * with one line in *why. */
MUST_USE bool backup_finish(struct backup *backup, struct buf *why);
/* Or it is for reading only, without a name: NULL with one line in *why. */
MUST_USE struct db *backup_read(struct backup *backup, struct buf *why);
/* When it is finished. */
int64_t backup_bytes(const struct backup *backup);
const char *backup_path(const struct backup *backup);
/* What is not done leaves no file.  NULL-safe; nulls the pointer. */
void backup_end(struct backup **backup);
/* All of it at once, where nobody waits. */
MUST_USE bool backup_make(struct db *db, const char *path, struct buf *why);

#endif
