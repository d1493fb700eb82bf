/* Rows of the ledger and of the request log.
 *
 * A batch collects what its charges add to each account, so that an account is updated once however
 * many requests of the transaction named it. */
#ifndef STORE_SQLITE_LEDGER_H
#define STORE_SQLITE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/str.h"
#include "store/ident.h"
#include "store/sqlite.h"
#include "store/sqlite_rollup.h"
#include "store/store.h"

#define LEDGER_BATCH_MAX 4096

struct ledger_batch;

/* Keeps `ids` (for accounts that are new). */
MUST_USE struct ledger_batch *ledger_batch_new(struct ident_source *ids);
void ledger_batch_free(struct ledger_batch **batch);
/* At the start of a transaction that takes at most LEDGER_BATCH_MAX entries. */
void ledger_batch_begin(struct ledger_batch *batch);
/* After a transaction that failed: what it knows may not be in the database. */
void ledger_batch_forget(struct ledger_batch *batch);

/* Where its sums by day are (store/sqlite_rollup). */
struct rollup *ledger_rollup(struct ledger_batch *batch);

enum ledger_put {
    LEDGER_PUT,      /* or the same entry was there already */
    LEDGER_CONFLICT, /* another amount or account is in this slot: nothing was changed */
    LEDGER_FAILED    /* the transaction must be rolled back */
};
/* The request's row (in place of its open one) and, if it costs, its charge. */
MUST_USE enum ledger_put ledger_put(struct db *db, struct ledger_batch *batch,
                                    const struct ledger_entry *entry);
/* A row with end = "open"; none when the request has a row already. */
void ledger_put_open(struct db *db, const struct ledger_entry *entry);
/* Updates the accounts; before the commit.  False: roll back. */
MUST_USE bool ledger_flush(struct db *db, struct ledger_batch *batch);

/* A credit to an account, with its outside reference or NULL. */
void ledger_credit(struct db *db, int64_t id, int64_t now_ms, int64_t account_id,
                   int64_t amount_nusd, const char *ref);
/* True when the account has a credit with this reference, and what it was. */
MUST_USE bool ledger_find_ref(struct db *db, int64_t account_id, const char *ref, int64_t *nusd);
struct credit_row {
    int64_t id, ts_ms, nusd;
    const char *ref; /* "" = none; valid until the next row */
};
/* The credits of an account, the newest first, `most` of those below an id. */
struct query *credits_of(struct db *db, int64_t account_id, int64_t below_id, int64_t most);
MUST_USE bool credit_next(struct query *query, struct credit_row *row);

/* At start: what was open when the process ended costs nothing.  Returns how many. */
int64_t ledger_close_open(struct db *db);
/* The newest id of all tables; 0 when there is none. */
int64_t ledger_newest_id(struct db *db);

/* A row of the request log; texts are valid until the next row and "" for NULL. */
struct usage_row {
    int64_t id, ts_ms;
    const char *user;
    int64_t key_id;
    const char *group;
    const char *endpoint, *model, *provider, *upstream_model;
    bool stream;
    int64_t status;
    const char *reason, *end;
    int64_t attempts;
    const char *counters, *source;
    int64_t hold_nusd, charge_nusd;
    const char *flags;
    int64_t first_ms, total_ms;
    const char *bill;
    int64_t group_ppm, user_ppm;
    int64_t given_back_nusd; /* of the charge, since */
};
/* Which rows, and how many at most. */
struct usage_range {
    int64_t user_id; /* 0 = everyone's */
    int64_t above_id, below_id;
    int64_t most;
};
/* Newest first; or oldest first, and then only those that have ended. */
struct query *usage_each(struct db *db, const struct usage_range *range, bool oldest_first);
/* The one row of a request; usage_next has it or not. */
struct query *usage_one(struct db *db, int64_t id);
MUST_USE bool usage_next(struct query *query, struct usage_row *row);

#endif
