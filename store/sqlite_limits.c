#include "store/sqlite_limits.h"

#include <stdio.h>

static void bind_name(struct query *query, const struct limit *limit)
{
    query_text(query, 1, limit_scope_name(limit->scope));
    query_i64(query, 2, limit->owner);
    query_text(query, 3, limit->model);
    query_text(query, 4, limit->provider);
    query_text(query, 5, limit_metric_name(limit->metric));
    query_i64(query, 6, limit->size.period_us);
}

void limit_put(struct db *db, const struct limit *limit)
{
    struct query *query =
        db_query(db, "INSERT INTO limits (scope, owner_id, model, provider, metric, period_us, "
                     "amount, burst) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
                     "ON CONFLICT (scope, owner_id, model, provider, metric, period_us) "
                     "DO UPDATE SET amount = excluded.amount, burst = excluded.burst");
    bind_name(query, limit);
    query_i64(query, 7, limit->size.amount);
    query_i64(query, 8, limit->size.burst);
    (void)query_run(query);
}

int64_t limit_delete(struct db *db, const struct limit *limit)
{
    struct query *query =
        db_query(db, "DELETE FROM limits WHERE scope = ?1 AND owner_id = ?2 AND model = ?3 AND "
                     "provider = ?4 AND metric = ?5 AND (?6 < 0 OR period_us = ?6)");
    bind_name(query, limit);
    return query_run(query) ? db_changes(db) : 0;
}

struct query *limit_each(struct db *db)
{
    return db_query(db, "SELECT scope, owner_id, model, provider, metric, period_us, amount, burst "
                        "FROM limits ORDER BY scope, owner_id, model, provider, metric, period_us");
}

/* False: a word or a number of a later program. */
static bool read_limit(struct query *query, struct limit *limit)
{
    *limit = (struct limit){.owner = query_get_i64(query, 1)};
    snprintf(limit->model, sizeof limit->model, "%s", query_get_text(query, 2));
    snprintf(limit->provider, sizeof limit->provider, "%s", query_get_text(query, 3));
    limit->size = (struct bucket_size){.amount = query_get_i64(query, 6),
                                       .period_us = query_get_i64(query, 5),
                                       .burst = query_get_i64(query, 7)};
    const struct bucket_size *size = &limit->size;
    if (!limit_scope_find(str_of(query_get_text(query, 0)), &limit->scope) ||
        !limit_metric_find(str_of(query_get_text(query, 4)), &limit->metric) || size->amount < 1 ||
        size->amount > BUCKET_AMOUNT_MAX)
        return false;
    if (limit->metric == LIMIT_CONCURRENT)
        return size->period_us == 0;
    return limit_period_name(size->period_us)[0] != '\0' && size->burst >= 1 &&
           size->burst <= BUCKET_AMOUNT_MAX;
}

bool limit_next(struct query *query, struct limit *limit)
{
    while (query_row(query)) {
        if (read_limit(query, limit))
            return true;
    }
    return false;
}

int64_t limit_count(struct db *db)
{
    struct query *query = db_query(db, "SELECT COUNT(*) FROM limits");
    int64_t n = query_row(query) ? query_get_i64(query, 0) : 0;
    query_end(query);
    return n;
}

bool limits_load(struct db *db, struct book *book)
{
    struct limit limit;
    bool ok = true;
    struct query *query = limit_each(db);
    /* Nobody may pass between the one that was and the same one that will be. */
    book_lock(book);
    struct meters *meters = book_meters(book);
    meters_begin_again(meters);
    while (limit_next(query, &limit))
        ok = meters_set(meters, &limit) && ok;
    ok = ok && db_trouble(db) == DB_FINE;
    if (ok)
        meters_end_again(meters);
    book_unlock(book);
    return ok;
}
