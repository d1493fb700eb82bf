#include "store/sqlite_retention.h"

#include "store/ident.h"

#define DAY_MS INT64_C(86400000)

static bool is_added_up(struct db *db, const struct rollup *rollup, int64_t below_id)
{
    struct query *query = db_query(db, "SELECT id FROM requests WHERE id > ?1 AND id < ?2 LIMIT 1");
    query_i64(query, 1, rollup->cursor);
    query_i64(query, 2, below_id);
    bool left = query_row(query);
    query_end(query);
    return rollup->known && !left && db_trouble(db) == DB_FINE;
}

static void note_from(struct db *db, int64_t from_id)
{
    struct query *query = db_query(db, "UPDATE meta SET value = ?1 WHERE key = 'log_from' AND "
                                       "CAST(value AS INTEGER) < ?1");
    query_i64(query, 1, from_id);
    (void)query_run(query);
}

int64_t retention_sweep(struct db *db, const struct rollup *rollup, int64_t before_ms, int64_t most)
{
    /* Whole days: what is left of the log can be compared with the sums of its days. */
    int64_t from_id = ident_first(before_ms / DAY_MS * DAY_MS);
    if (!is_added_up(db, rollup, from_id))
        return 0;
    note_from(db, from_id);
    struct query *query = db_query(db, "DELETE FROM requests WHERE id IN (SELECT id FROM requests "
                                       "WHERE id < ?1 AND \"end\" <> 'open' ORDER BY id LIMIT ?2)");
    query_i64(query, 1, from_id);
    query_i64(query, 2, most);
    return query_run(query) ? db_changes(db) : 0;
}
