#include "store/migrate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/sqlite_backup.h"

#define APPLICATION_ID 0x67617465 /* "gate" */
#define PRAGMA_TEXT_SIZE 80

/* A schema is one literal, longer than what ISO C asks of every compiler. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
static const struct migration migrations[] = {
#include "store_schema.inc"
};
#pragma GCC diagnostic pop

static int64_t number_of(struct db *db, const char *sql)
{
    struct query *query = db_query(db, sql);
    int64_t number = query_row(query) ? query_get_i64(query, 0) : 0;
    query_end(query);
    return number;
}

static bool back_up(struct db *db, const char *path, int64_t version, struct buf *why)
{
    struct buf name;
    buf_init(&name, 8192);
    bool ok = buf_addf(&name, "%s.schema-%" PRId64 "-%" PRId64 ".backup%c", path, version,
                       clock_wall_ms(), '\0') &&
              backup_make(db, name.p, why);
    if (ok)
        log_write(LOG_INFO, "store", "the database was copied to %s before its migration", name.p);
    buf_release(&name);
    return ok;
}

/* A step and its number become true together. */
static bool apply(struct db *db, const struct migration *step, struct buf *why)
{
    char pragmas[PRAGMA_TEXT_SIZE];
    snprintf(pragmas, sizeof pragmas, "PRAGMA application_id=%d; PRAGMA user_version=%d;",
             APPLICATION_ID, step->number);
    bool ok = db_begin(db) && db_run(db, step->text) && db_run(db, pragmas);
    if (ok && db_commit(db))
        return true;
    (void)!buf_addf(why, "migration %s failed: %s", step->name, db_error(db));
    db_rollback(db);
    return false;
}

/* What the file is. */
struct state {
    int64_t version;
    bool is_empty;
};

/* `n` = the newest version known.  False, with one line in *why, when it is not for this program.
 */
static bool read_state(struct db *db, const char *path, size_t n, struct state *state,
                       struct buf *why)
{
    int64_t application = number_of(db, "PRAGMA application_id");
    state->version = number_of(db, "PRAGMA user_version");
    state->is_empty = number_of(db, "SELECT COUNT(*) FROM sqlite_schema") == 0;
    if (db_trouble(db) != DB_FINE) {
        (void)!buf_addf(why, "cannot read %s: %s", path, db_error(db));
        return false;
    }
    if (application != APPLICATION_ID && !(application == 0 && state->is_empty)) {
        (void)!buf_addf(why, "%s is a database of another program", path);
        return false;
    }
    if (state->version < 0 || state->version > (int64_t)n) {
        (void)!buf_addf(why,
                        "%s has schema %" PRId64 ", this program knows up to %zu: install the "
                        "newer program again, or restore %s.schema-%zu-*.backup",
                        path, state->version, n, path, n);
        return false;
    }
    return true;
}

bool migrate_with(struct db *db, const char *path, const struct migration *list, size_t n,
                  struct buf *why)
{
    struct state state;
    if (!read_state(db, path, n, &state, why))
        return false;
    if (state.version == (int64_t)n)
        return true;
    if (!state.is_empty && !back_up(db, path, state.version, why))
        return false;
    for (size_t i = (size_t)state.version; i < n; i++) {
        CHECK(list[i].number == (int)i + 1);
        if (!apply(db, &list[i], why))
            return false;
    }
    return true;
}

bool migrate_database(struct db *db, const char *path, struct buf *why)
{
    return migrate_with(db, path, migrations, COUNT(migrations), why);
}

bool migrate_is_done(struct db *db, const char *path, struct buf *why)
{
    struct state state;
    if (!read_state(db, path, COUNT(migrations), &state, why))
        return false;
    if (state.version < (int64_t)COUNT(migrations))
        (void)!buf_addf(why,
                        "%s has schema %" PRId64 ", this program's is %zu: a server that is "
                        "started with it converts it",
                        path, state.version, COUNT(migrations));
    return state.version == (int64_t)COUNT(migrations);
}
