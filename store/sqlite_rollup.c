#include "store/sqlite_rollup.h"

#include "store/counters_text.h"
#include "store/ident.h"

#define DAY_MS INT64_C(86400000)
#define FAILED_FROM 400

static int64_t day_of(int64_t id)
{
    return ident_wall_ms(id) / DAY_MS;
}

static int64_t sum(const struct counters *counters, enum counter from, enum counter to)
{
    int64_t n = 0;
    for (unsigned i = from; i <= (unsigned)to; i++)
        n += counters->n[i];
    return n;
}

static void add(struct db *db, const struct rollup_part *part)
{
    struct query *query = db_query(
        db, "INSERT INTO rollup_day (day, user_id, key_id, group_id, model, provider, requests, "
            "failed, tokens_in, tokens_out, charged, given_back) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) "
            "ON CONFLICT (day, user_id, key_id, group_id, model, provider) DO UPDATE SET "
            "requests = requests + excluded.requests, failed = failed + excluded.failed, "
            "tokens_in = tokens_in + excluded.tokens_in, "
            "tokens_out = tokens_out + excluded.tokens_out, "
            "charged = charged + excluded.charged, given_back = given_back + excluded.given_back");
    query_i64(query, 1, day_of(part->id));
    query_i64(query, 2, part->user_id);
    query_i64(query, 3, part->key_id);
    query_i64(query, 4, part->group_id);
    query_text(query, 5, part->model != NULL ? part->model : "");
    query_text(query, 6, part->provider != NULL ? part->provider : "");
    query_i64(query, 7, part->requests);
    query_i64(query, 8, part->status >= FAILED_FROM ? part->requests : 0);
    query_i64(query, 9, sum(&part->counters, COUNTER_in_text, COUNTER_in_audio_cached));
    query_i64(query, 10, sum(&part->counters, COUNTER_out_text, COUNTER_out_image));
    query_i64(query, 11, part->charged_nusd);
    query_i64(query, 12, part->given_back_nusd);
    (void)query_run(query);
}

/* --- the cursor ------------------------------------------------------------------------------- */

static int64_t read_cursor(struct db *db)
{
    struct query *query = db_query(db, "SELECT value FROM meta WHERE key = 'rolled_up'");
    int64_t cursor = query_row(query) ? query_get_i64(query, 0) : 0;
    query_end(query);
    return cursor;
}

static int64_t cursor_of(struct db *db, struct rollup *rollup)
{
    if (!rollup->known) {
        rollup->cursor = read_cursor(db);
        rollup->known = db_trouble(db) == DB_FINE;
    }
    return rollup->cursor;
}

static void move_cursor(struct db *db, struct rollup *rollup, int64_t id)
{
    struct query *query = db_query(db, "UPDATE meta SET value = ?1 WHERE key = 'rolled_up'");
    query_i64(query, 1, id);
    (void)query_run(query);
    rollup->cursor = id;
}

/* Whose it is: the first columns of each query here, in this order. */
static struct rollup_part part_of_row(struct query *query)
{
    return (struct rollup_part){.id = query_get_i64(query, 0),
                                .user_id = query_get_i64(query, 1),
                                .key_id = query_get_i64(query, 2),
                                .group_id = query_get_i64(query, 3),
                                .model = query_get_text(query, 4),
                                .provider = query_get_text(query, 5)};
}

void rollup_step(struct db *db, struct rollup *rollup, int64_t until_id, int64_t most, bool *left)
{
    int64_t cursor = cursor_of(db, rollup), n = 0, last = cursor;
    *left = false;
    if (until_id <= cursor + 1)
        return;
    struct query *query = db_query(
        db, "SELECT r.id, r.user_id, r.key_id, r.group_id, r.model, r.provider, r.status, "
            "r.counters, r.charge, COALESCE(-b.amount, 0), r.\"end\" = 'open' FROM requests r "
            "LEFT JOIN ledger b ON b.id = r.id + 1 WHERE r.id > ?1 AND r.id < ?2 "
            "ORDER BY r.id LIMIT ?3");
    query_i64(query, 1, cursor);
    query_i64(query, 2, until_id);
    query_i64(query, 3, most);
    while (query_row(query)) {
        n++;
        last = query_get_i64(query, 0);
        if (query_get_i64(query, 10) != 0)
            continue; /* its end will be noted */
        struct rollup_part part = part_of_row(query);
        part.requests = 1;
        part.status = query_get_i64(query, 6);
        part.charged_nusd = query_get_i64(query, 8);
        part.given_back_nusd = query_get_i64(query, 9);
        counters_parse(str_of(query_get_text(query, 7)), &part.counters);
        add(db, &part);
    }
    *left = n == most;
    if (n > 0)
        move_cursor(db, rollup, last);
}

/* --- behind the cursor ------------------------------------------------------------------------ */

void rollup_note_end(struct db *db, struct rollup *rollup, const struct rollup_part *part)
{
    if (part->id <= cursor_of(db, rollup))
        add(db, part);
}

static bool add_given_back(struct db *db, struct query *query, int64_t nusd)
{
    bool found = query_row(query);
    if (found) {
        struct rollup_part part = part_of_row(query);
        part.given_back_nusd = nusd;
        add(db, &part);
    }
    query_end(query);
    return found;
}

void rollup_note_give_back(struct db *db, int64_t id, int64_t nusd)
{
    if (id > read_cursor(db))
        return;
    struct query *query = db_query(db, "SELECT id, user_id, key_id, group_id, model, provider FROM "
                                       "requests WHERE id = ?1");
    query_i64(query, 1, id);
    if (add_given_back(db, query, nusd))
        return;
    /* Its row has been forgotten; the task knows the same. */
    query = db_query(db, "SELECT id, user_id, key_id, group_id, model, provider FROM "
                         "tasks WHERE id = ?1");
    query_i64(query, 1, id);
    (void)add_given_back(db, query, nusd);
}

void rollup_note_crash(struct db *db)
{
    /* Left alone, SQLite goes through all ids up to the cursor. */
    struct query *query =
        db_query(db, "SELECT id, user_id, key_id, group_id, model, provider, status FROM requests "
                     "INDEXED BY requests_open WHERE \"end\" = 'open' AND id <= ?1");
    query_i64(query, 1, read_cursor(db));
    while (query_row(query)) {
        struct rollup_part part = part_of_row(query);
        part.requests = 1;
        part.status = query_get_i64(query, 6);
        add(db, &part);
    }
}

/* --- sums ------------------------------------------------------------------------------------- */

struct query *rollup_after(struct db *db, const struct rollup_row *row, int64_t until_day,
                           int64_t most)
{
    struct query *query = db_query(
        db, "SELECT day, user_id, key_id, group_id, model, provider, requests, failed, tokens_in, "
            "tokens_out, charged, given_back FROM rollup_day "
            "WHERE (day, user_id, key_id, group_id, model, provider) > (?1, ?2, ?3, ?4, ?5, ?6) "
            "AND day <= ?7 ORDER BY day, user_id, key_id, group_id, model, provider LIMIT ?8");
    query_i64(query, 1, row->day);
    query_i64(query, 2, row->user_id);
    query_i64(query, 3, row->key_id);
    query_i64(query, 4, row->group_id);
    query_text(query, 5, row->model);
    query_text(query, 6, row->provider);
    query_i64(query, 7, until_day);
    query_i64(query, 8, most);
    return query;
}

bool rollup_next(struct query *query, struct rollup_row *row)
{
    if (!query_row(query))
        return false;
    *row = (struct rollup_row){.day = query_get_i64(query, 0),
                               .user_id = query_get_i64(query, 1),
                               .key_id = query_get_i64(query, 2),
                               .group_id = query_get_i64(query, 3),
                               .model = query_get_text(query, 4),
                               .provider = query_get_text(query, 5),
                               .requests = query_get_i64(query, 6),
                               .failed = query_get_i64(query, 7),
                               .tokens_in = query_get_i64(query, 8),
                               .tokens_out = query_get_i64(query, 9),
                               .charged_nusd = query_get_i64(query, 10),
                               .given_back_nusd = query_get_i64(query, 11)};
    return true;
}
