#include "store/sqlite_ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/bill.h"
#include "store/counters_text.h"
#include "store/sqlite_accounts.h"

#define FLAGS_TEXT_SIZE 320
#define TOUCHED_MAX (LEDGER_BATCH_MAX * HOLD_ACCOUNTS_MAX) /* accounts of one batch */
#define PLACES ((size_t)1 << 16)

_Static_assert(TOUCHED_MAX < PLACES / 2, "a batch fits while the table is at most half full");

/* How a charge names an account. */
struct named {
    enum account_kind kind;
    int64_t owner_id;
    const char *period;
};

/* An account that charges have named. */
struct touched {
    int64_t id; /* 0 = free place */
    int64_t owner_id;
    enum account_kind kind;
    char period[PERIOD_TEXT_SIZE];
    bool is_dirty;
    int64_t spent; /* what the batch adds */
};

/* Ids of accounts never change, so places stay from batch to batch and spare a look-up each.  Open
 * addressing; a batch begins with room for all that it can touch. */
struct ledger_batch {
    struct ident_source *ids;
    struct rollup rollup;
    struct touched *places; /* PLACES of them */
    size_t n;               /* places in use */
    uint32_t dirty[TOUCHED_MAX];
    size_t dirty_count;
};

struct ledger_batch *ledger_batch_new(struct ident_source *ids)
{
    struct ledger_batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL)
        return NULL;
    batch->ids = ids;
    batch->places = calloc(PLACES, sizeof *batch->places);
    if (batch->places == NULL)
        ledger_batch_free(&batch);
    return batch;
}

void ledger_batch_free(struct ledger_batch **batch)
{
    if (*batch != NULL)
        free((*batch)->places);
    free(*batch);
    *batch = NULL;
}

void ledger_batch_forget(struct ledger_batch *batch)
{
    if (batch->n > 0)
        memset(batch->places, 0, PLACES * sizeof *batch->places);
    batch->n = 0;
    batch->dirty_count = 0;
    batch->rollup.known = false;
}

struct rollup *ledger_rollup(struct ledger_batch *batch)
{
    return &batch->rollup;
}

void ledger_batch_begin(struct ledger_batch *batch)
{
    CHECK(batch->dirty_count == 0);
    if (batch->n + TOUCHED_MAX > PLACES / 2)
        ledger_batch_forget(batch);
}

static struct touched *place_of(const struct ledger_batch *batch, const struct named *named)
{
    uint64_t hash = ((uint64_t)named->owner_id ^ (uint64_t)named->kind << 60) * 0x9e3779b97f4a7c15u;
    size_t at = (size_t)(hash >> 32) & (PLACES - 1);
    for (;; at = (at + 1) & (PLACES - 1)) {
        struct touched *place = &batch->places[at];
        if (place->id == 0)
            return place;
        if (place->owner_id == named->owner_id && place->kind == named->kind &&
            strcmp(place->period, named->period) == 0)
            return place;
    }
}

/* The account's id, made in the database when new; 0 on failure. */
static int64_t touch(struct db *db, struct ledger_batch *batch, const struct named *named)
{
    struct touched *place = place_of(batch, named);
    if (place->id != 0)
        return place->id;
    struct account_row row;
    if (!account_find(db, named->kind, named->owner_id, named->period, &row)) {
        row.id = ident_next(batch->ids, clock_wall_ms());
        account_insert(db, named->kind, named->owner_id, named->period, row.id);
    }
    if (db_trouble(db) != DB_FINE)
        return 0;
    *place = (struct touched){.id = row.id, .owner_id = named->owner_id, .kind = named->kind};
    snprintf(place->period, sizeof place->period, "%s", named->period);
    batch->n++;
    return place->id;
}

/* --- the charge ------------------------------------------------------------------------------- */

/* The accounts of a charge, one of a kind at most.  Every charge names user, key, group and the
 * user in the group, with or without a limit there, so that what they spent can be shown and counts
 * for a limit to come; where there is one the hold says which period's account it is. */
static unsigned list_named(const struct ledger_entry *entry, struct named named[HOLD_ACCOUNTS_MAX])
{
    const int64_t owners[] = {[ACCOUNT_USER] = entry->user_id,
                              [ACCOUNT_KEY] = entry->key_id,
                              [ACCOUNT_GROUP] = entry->group_id,
                              [ACCOUNT_GROUP_USER] =
                                  entry->user_id != 0 && entry->group_id != 0
                                      ? group_user_owner(entry->group_id, entry->user_id)
                                      : 0};
    bool have[HOLD_ACCOUNTS_MAX] = {false};
    unsigned n = 0;
    for (unsigned i = 0; i < entry->hold.n; i++) {
        const struct account *account = entry->hold.accounts[i];
        enum account_kind kind = account_kind(account);
        CHECK(!have[kind]);
        have[kind] = true;
        named[n++] = (struct named){kind, account_owner(account), account_period(account)};
    }
    for (unsigned kind = 0; kind < COUNT(owners); kind++) {
        if (!have[kind] && owners[kind] != 0)
            named[n++] = (struct named){(enum account_kind)kind, owners[kind], ""};
    }
    return n;
}

static void add_spent(struct ledger_batch *batch, const struct named *named, int64_t nusd)
{
    struct touched *place = place_of(batch, named);
    place->spent += nusd;
    if (place->is_dirty)
        return;
    CHECK(batch->dirty_count < TOUCHED_MAX);
    place->is_dirty = true;
    batch->dirty[batch->dirty_count++] = (uint32_t)(place - batch->places);
}

static void bind_account(struct query *query, int at, int64_t id)
{
    if (id != 0)
        query_i64(query, at, id);
    else
        query_null(query, at);
}

static bool is_same(struct db *db, const struct ledger_entry *entry,
                    const int64_t ids[HOLD_ACCOUNTS_MAX])
{
    struct query *query = db_query(db, "SELECT amount, user_account, key_account, group_account, "
                                       "group_user_account FROM ledger WHERE id = ?1");
    query_i64(query, 1, entry->id);
    bool same = query_row(query) && query_get_i64(query, 0) == entry->charge_nusd;
    for (int i = 0; same && i < HOLD_ACCOUNTS_MAX; i++)
        same = query_get_i64(query, i + 1) == ids[i];
    query_end(query);
    return same;
}

static enum ledger_put put_charge(struct db *db, struct ledger_batch *batch,
                                  const struct ledger_entry *entry)
{
    struct named named[HOLD_ACCOUNTS_MAX];
    unsigned n = list_named(entry, named);
    int64_t ids[HOLD_ACCOUNTS_MAX] = {0};
    for (unsigned i = 0; i < n; i++) {
        ids[named[i].kind] = touch(db, batch, &named[i]);
        if (ids[named[i].kind] == 0)
            return LEDGER_FAILED;
    }
    struct query *query = db_query(
        db, "INSERT INTO ledger (id, ts, kind, user_account, key_account, group_account, "
            "group_user_account, amount, request_id) "
            "VALUES (?1, ?2, 'charge', ?3, ?4, ?5, ?6, ?7, ?1) ON CONFLICT (id) DO NOTHING");
    query_i64(query, 1, entry->id);
    query_i64(query, 2, entry->admitted_ms);
    bind_account(query, 3, ids[ACCOUNT_USER]);
    bind_account(query, 4, ids[ACCOUNT_KEY]);
    bind_account(query, 5, ids[ACCOUNT_GROUP]);
    bind_account(query, 6, ids[ACCOUNT_GROUP_USER]);
    query_i64(query, 7, entry->charge_nusd);
    if (!query_run(query))
        return LEDGER_FAILED;
    if (db_changes(db) == 1) {
        for (unsigned i = 0; i < n; i++)
            add_spent(batch, &named[i], entry->charge_nusd);
        return LEDGER_PUT;
    }
    /* A second writer of the slot: harmless when it says the same. */
    if (is_same(db, entry, ids))
        return LEDGER_PUT;
    return db_trouble(db) == DB_FINE ? LEDGER_CONFLICT : LEDGER_FAILED;
}

/* --- the request's row ------------------------------------------------------------------------ */

static const char *const source_names[] = {[USAGE_NONE] = "none",
                                           [USAGE_UPSTREAM] = "upstream",
                                           [USAGE_MERGED] = "merged",
                                           [USAGE_ESTIMATED] = "estimated"};

static void format_flags(unsigned flags, char text[FLAGS_TEXT_SIZE])
{
    static const char *const names[] = {
#define X(name) #name,
        ENTRY_FLAGS(X)
#undef X
    };
    size_t n = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < COUNT(names); i++) {
        if (!(flags >> i & 1))
            continue;
        n += (size_t)snprintf(text + n, FLAGS_TEXT_SIZE - n, "%s%s", n > 0 ? " " : "", names[i]);
        CHECK(n < FLAGS_TEXT_SIZE);
    }
}

#define REQUEST_VALUES                                                                             \
    " INTO requests (id, ts, user_id, key_id, group_id, endpoint, model, provider, "               \
    "upstream_model, stream, status, reason, \"end\", attempts, counters, source, hold, charge, "  \
    "group_ppm, user_ppm, flags, t_first, t_total, bill) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, " \
    "?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)"

static bool put_request(struct query *query, const struct ledger_entry *entry, const char *end)
{
    char counters[COUNTERS_TEXT_SIZE];
    char flags[FLAGS_TEXT_SIZE];
    char bill[BILL_TEXT_SIZE];
    bill_format(&entry->bill, bill);
    counters_format(&entry->counters, counters);
    format_flags(entry->flags, flags);
    query_i64(query, 1, entry->id);
    query_i64(query, 2, entry->admitted_ms);
    query_i64(query, 3, entry->user_id);
    query_i64(query, 4, entry->key_id);
    query_i64(query, 5, entry->group_id);
    query_text(query, 6, entry->endpoint);
    query_text(query, 7, entry->model);
    query_text(query, 8, entry->provider);
    query_text(query, 9, entry->upstream_model);
    query_i64(query, 10, entry->stream);
    query_i64(query, 11, entry->status);
    query_text(query, 12, entry->reason);
    query_text(query, 13, end);
    query_i64(query, 14, entry->attempts);
    query_text(query, 15, counters);
    query_text(query, 16, source_names[entry->source]);
    query_i64(query, 17, entry->hold_nusd);
    query_i64(query, 18, entry->charge_nusd);
    query_i64(query, 19, entry->group_ppm);
    query_i64(query, 20, entry->user_ppm);
    query_text(query, 21, flags);
    query_i64(query, 22, entry->first_ms);
    query_i64(query, 23, entry->total_ms);
    query_text(query, 24, bill);
    return query_run(query);
}

static bool is_open(struct db *db, int64_t id)
{
    struct query *query = db_query(db, "SELECT \"end\" = 'open' FROM requests WHERE id = ?1");
    query_i64(query, 1, id);
    bool open = query_row(query) && query_get_i64(query, 0) != 0;
    query_end(query);
    return open;
}

static void note_end(struct db *db, struct ledger_batch *batch, const struct ledger_entry *entry)
{
    rollup_note_end(db, &batch->rollup,
                    &(struct rollup_part){.id = entry->id,
                                          .user_id = entry->user_id,
                                          .key_id = entry->key_id,
                                          .group_id = entry->group_id,
                                          .model = entry->model,
                                          .provider = entry->provider,
                                          .requests = 1,
                                          .status = entry->status,
                                          .counters = entry->counters,
                                          .charged_nusd = entry->charge_nusd});
}

enum ledger_put ledger_put(struct db *db, struct ledger_batch *batch,
                           const struct ledger_entry *entry)
{
    CHECK(entry->id > 0 && entry->charge_nusd >= 0);
    if (entry->charge_nusd > 0) {
        enum ledger_put put = put_charge(db, batch, entry);
        if (put != LEDGER_PUT)
            return put;
    }
    /* Replacing costs a savepoint and a look-up in each index, and the row is hardly ever there:
     * only a request that was noted as open has one, and an entry whose commit was in doubt. */
    struct query *query = db_query(db, "INSERT" REQUEST_VALUES " ON CONFLICT (id) DO NOTHING");
    bool is_new = true, ok = put_request(query, entry, entry->end);
    if (ok && db_changes(db) == 0) {
        is_new = is_open(db, entry->id);
        ok = put_request(db_query(db, "REPLACE" REQUEST_VALUES), entry, entry->end);
    }
    if (ok && is_new)
        note_end(db, batch, entry);
    return ok && db_trouble(db) == DB_FINE ? LEDGER_PUT : LEDGER_FAILED;
}

void ledger_put_open(struct db *db, const struct ledger_entry *entry)
{
    (void)put_request(db_query(db, "INSERT" REQUEST_VALUES " ON CONFLICT (id) DO NOTHING"), entry,
                      "open");
}

bool ledger_flush(struct db *db, struct ledger_batch *batch)
{
    for (size_t i = 0; i < batch->dirty_count; i++) {
        struct touched *place = &batch->places[batch->dirty[i]];
        account_add(db, place->id, 0, place->spent);
        place->spent = 0;
        place->is_dirty = false;
    }
    batch->dirty_count = 0;
    return db_trouble(db) == DB_FINE;
}

/* --- credits and start ------------------------------------------------------------------------ */

/* NOLINTNEXTLINE(readability-function-size): the columns of one row. */
void ledger_credit(struct db *db, int64_t id, int64_t now_ms, int64_t account_id,
                   int64_t amount_nusd, const char *ref)
{
    struct query *query =
        db_query(db, "INSERT INTO ledger (id, ts, kind, user_account, amount, ref) "
                     "VALUES (?1, ?2, 'credit', ?3, ?4, ?5)");
    query_i64(query, 1, id);
    query_i64(query, 2, now_ms);
    query_i64(query, 3, account_id);
    query_i64(query, 4, amount_nusd);
    query_text(query, 5, ref);
    (void)query_run(query);
    account_add(db, account_id, amount_nusd, 0);
}

bool ledger_find_ref(struct db *db, int64_t account_id, const char *ref, int64_t *nusd)
{
    struct query *query =
        db_query(db, "SELECT amount FROM ledger WHERE user_account = ?1 AND ref = ?2");
    query_i64(query, 1, account_id);
    query_text(query, 2, ref);
    bool found = query_row(query);
    if (found)
        *nusd = query_get_i64(query, 0);
    query_end(query);
    return found;
}

struct query *credits_of(struct db *db, int64_t account_id, int64_t below_id, int64_t most)
{
    struct query *query =
        db_query(db, "SELECT id, ts, amount, ref FROM ledger INDEXED BY ledger_credits "
                     "WHERE user_account = ?1 AND kind = 'credit' AND id < ?2 "
                     "ORDER BY id DESC LIMIT ?3");
    query_i64(query, 1, account_id);
    query_i64(query, 2, below_id);
    query_i64(query, 3, most);
    return query;
}

bool credit_next(struct query *query, struct credit_row *row)
{
    if (!query_row(query))
        return false;
    *row = (struct credit_row){.id = query_get_i64(query, 0),
                               .ts_ms = query_get_i64(query, 1),
                               .nusd = query_get_i64(query, 2),
                               .ref = query_get_text(query, 3)};
    return true;
}

int64_t ledger_close_open(struct db *db)
{
    rollup_note_crash(db);
    struct query *query = db_query(
        db, "UPDATE requests SET \"end\" = 'crash', charge = 0, flags = CASE flags WHEN '' "
            "THEN 'crash' ELSE flags || ' crash' END WHERE \"end\" = 'open'");
    return query_run(query) ? db_changes(db) : 0;
}

int64_t ledger_newest_id(struct db *db)
{
    struct query *query =
        db_query(db, "SELECT MAX(id) FROM (SELECT MAX(id) AS id FROM requests "
                     "UNION ALL SELECT MAX(id) FROM ledger UNION ALL SELECT MAX(id) FROM accounts "
                     "UNION ALL SELECT MAX(id) FROM tasks "
                     "UNION ALL SELECT MAX(id) FROM audit UNION ALL SELECT MAX(id) FROM users "
                     "UNION ALL SELECT MAX(id) FROM keys UNION ALL SELECT MAX(id) FROM groups)");
    int64_t newest = query_row(query) ? query_get_i64(query, 0) : 0;
    query_end(query);
    return newest;
}

/* --- the log ---------------------------------------------------------------------------------- */

#define USAGE_ROWS                                                                                 \
    "SELECT r.id, r.ts, u.name, r.key_id, g.name, r.endpoint, r.model, r.provider, "               \
    "r.upstream_model, r.stream, r.status, r.reason, r.\"end\", r.attempts, r.counters, "          \
    "r.source, r.hold, r.charge, r.flags, r.t_first, r.t_total, r.bill, r.group_ppm, r.user_ppm, " \
    "COALESCE(-b.amount, 0) FROM requests r LEFT JOIN users u ON u.id = r.user_id "                \
    "LEFT JOIN groups g ON g.id = r.group_id LEFT JOIN ledger b ON b.id = r.id + 1 "

struct query *usage_each(struct db *db, const struct usage_range *range, bool oldest_first)
{
    /* Four texts: the user's index is chosen only where a user is named. */
    static const char newest[] = USAGE_ROWS "WHERE r.id > ?1 AND r.id < ?2 "
                                            "ORDER BY r.id DESC LIMIT ?3";
    static const char newest_of[] = USAGE_ROWS "WHERE r.user_id = ?4 AND r.id > ?1 AND r.id < ?2 "
                                               "ORDER BY r.id DESC LIMIT ?3";
    static const char oldest[] = USAGE_ROWS "WHERE r.id > ?1 AND r.id < ?2 "
                                            "AND r.\"end\" <> 'open' ORDER BY r.id LIMIT ?3";
    static const char oldest_of[] = USAGE_ROWS "WHERE r.user_id = ?4 AND r.id > ?1 AND r.id < ?2 "
                                               "AND r.\"end\" <> 'open' ORDER BY r.id LIMIT ?3";
    bool is_one = range->user_id != 0;
    struct query *query = db_query(db, oldest_first ? is_one ? oldest_of : oldest
                                       : is_one     ? newest_of
                                                    : newest);
    query_i64(query, 1, range->above_id);
    query_i64(query, 2, range->below_id);
    query_i64(query, 3, range->most);
    if (is_one)
        query_i64(query, 4, range->user_id);
    return query;
}

struct query *usage_one(struct db *db, int64_t id)
{
    struct query *query = db_query(db, USAGE_ROWS "WHERE r.id = ?1");
    query_i64(query, 1, id);
    return query;
}

bool usage_next(struct query *query, struct usage_row *row)
{
    if (!query_row(query))
        return false;
    row->id = query_get_i64(query, 0);
    row->ts_ms = query_get_i64(query, 1);
    row->user = query_get_text(query, 2);
    row->key_id = query_get_i64(query, 3);
    row->group = query_get_text(query, 4);
    row->endpoint = query_get_text(query, 5);
    row->model = query_get_text(query, 6);
    row->provider = query_get_text(query, 7);
    row->upstream_model = query_get_text(query, 8);
    row->stream = query_get_i64(query, 9) != 0;
    row->status = query_get_i64(query, 10);
    row->reason = query_get_text(query, 11);
    row->end = query_get_text(query, 12);
    row->attempts = query_get_i64(query, 13);
    row->counters = query_get_text(query, 14);
    row->source = query_get_text(query, 15);
    row->hold_nusd = query_get_i64(query, 16);
    row->charge_nusd = query_get_i64(query, 17);
    row->flags = query_get_text(query, 18);
    row->first_ms = query_get_i64(query, 19);
    row->total_ms = query_get_i64(query, 20);
    row->bill = query_get_text(query, 21);
    row->group_ppm = query_get_i64(query, 22);
    row->user_ppm = query_get_i64(query, 23);
    row->given_back_nusd = query_get_i64(query, 24);
    return true;
}
