/* Schema versions: numbered SQL files, compiled in, each applied once in a transaction of its own.
 *
 * The version is the file's user_version; application_id tells our databases from others. */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/check.h"
#include "store/sqlite.h"

struct migration {
    int number; /* 1, 2, 3... without a gap */
    const char *name;
    const char *text;
};

/* Brings the database at `path`, open as `db`, to the newest schema that this program knows.  An
 * existing one is copied to PATH.schema-N-TIME.backup first.  False with one line in *why: another
 * program's file, a newer schema, a failing step. */
MUST_USE bool migrate_database(struct db *db, const char *path, struct buf *why);
/* True when it has that schema already; else false with one line in *why. */
MUST_USE bool migrate_is_done(struct db *db, const char *path, struct buf *why);
/* migrate_database with a given list, for tests. */
MUST_USE bool migrate_with(struct db *db, const char *path, const struct migration *list, size_t n,
                           struct buf *why);

#endif
