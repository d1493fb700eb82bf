#include "store/sqlite_give_back.h"

#include <stdio.h>

#include "store/ident.h"
#include "store/sqlite_accounts.h"
#include "store/sqlite_rollup.h"

/* The accounts of the charge; false when it is not there or is less than `nusd`. */
static bool find_charge(struct db *db, int64_t id, int64_t nusd, int64_t ids[HOLD_ACCOUNTS_MAX])
{
    struct query *query =
        db_query(db, "SELECT amount, user_account, key_account, group_account, "
                     "group_user_account FROM ledger WHERE id = ?1 AND kind = 'charge'");
    query_i64(query, 1, id);
    bool found = query_row(query) && query_get_i64(query, 0) >= nusd;
    for (int i = 0; found && i < HOLD_ACCOUNTS_MAX; i++)
        ids[i] = query_get_i64(query, i + 1);
    query_end(query);
    return found;
}

static bool insert_give_back(struct db *db, int64_t id, int64_t now_ms, int64_t nusd,
                             const char *note)
{
    struct query *query = db_query(
        db, "INSERT INTO ledger (id, ts, kind, user_account, key_account, group_account, "
            "group_user_account, amount, request_id, note) "
            "SELECT ?2, ?3, 'give_back', user_account, key_account, group_account, "
            "group_user_account, ?4, ?1, ?5 FROM ledger WHERE id = ?1 ON CONFLICT (id) DO NOTHING");
    query_i64(query, 1, id);
    query_i64(query, 2, ident_give_back(id));
    query_i64(query, 3, now_ms);
    query_i64(query, 4, -nusd);
    query_text(query, 5, note);
    return query_run(query);
}

static bool has_given_back(struct db *db, int64_t id, int64_t nusd)
{
    struct query *query = db_query(db, "SELECT amount FROM ledger WHERE id = ?1");
    query_i64(query, 1, ident_give_back(id));
    bool same = query_row(query) && query_get_i64(query, 0) == -nusd;
    query_end(query);
    return same;
}

static void name_account(struct db *db, int64_t account_id, struct give_back *given_back)
{
    struct query *query = db_query(db, "SELECT kind, owner_id, period FROM accounts WHERE id = ?1");
    query_i64(query, 1, account_id);
    if (query_row(query)) {
        struct give_back_account *named = &given_back->accounts[given_back->n++];
        named->kind = (enum account_kind)query_get_i64(query, 0);
        named->owner_id = query_get_i64(query, 1);
        snprintf(named->period, sizeof named->period, "%s", query_get_text(query, 2));
    }
    query_end(query);
}

/* NOLINTNEXTLINE(readability-function-size): the columns of one row. */
enum ledger_put ledger_give_back(struct db *db, int64_t id, int64_t now_ms, int64_t nusd,
                                 const char *note, struct give_back *given_back)
{
    int64_t ids[HOLD_ACCOUNTS_MAX] = {0};
    CHECK(nusd > 0);
    *given_back = (struct give_back){0};
    if (!find_charge(db, id, nusd, ids))
        return db_trouble(db) == DB_FINE ? LEDGER_CONFLICT : LEDGER_FAILED;
    if (!insert_give_back(db, id, now_ms, nusd, note))
        return LEDGER_FAILED;
    if (db_changes(db) == 0) {
        bool same = has_given_back(db, id, nusd);
        return same ? LEDGER_PUT : db_trouble(db) == DB_FINE ? LEDGER_CONFLICT : LEDGER_FAILED;
    }
    for (int i = 0; i < HOLD_ACCOUNTS_MAX; i++) {
        if (ids[i] == 0)
            continue;
        account_add(db, ids[i], 0, -nusd);
        name_account(db, ids[i], given_back);
    }
    rollup_note_give_back(db, id, nusd);
    given_back->nusd = nusd;
    return db_trouble(db) == DB_FINE ? LEDGER_PUT : LEDGER_FAILED;
}
