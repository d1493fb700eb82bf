/* What was used on each day, by user, key, group, model and provider, added up from the requests.
 *
 * A cursor goes through the requests by their ids, a slice at a time.  What ends or is given back
 * behind it is added on the spot, in the transaction of its own row: so each request is counted
 * once, and the sums are those of the ledger at every commit. */
#ifndef STORE_SQLITE_ROLLUP_H
#define STORE_SQLITE_ROLLUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "config/price.h"
#include "store/sqlite.h"

/* The cursor as the database has it; known = it need not be read. */
struct rollup {
    bool known;
    int64_t cursor;
};

/* How much a request adds. */
struct rollup_part {
    int64_t id;
    int64_t user_id, key_id, group_id;
    const char *model, *provider; /* NULL or "" = none */
    int64_t requests;             /* 1; 0 where it was counted before */
    int64_t status;
    struct counters counters;
    int64_t charged_nusd, given_back_nusd;
};

/* All inside a transaction; after one that failed, `known` must be made false. */

/* The next requests below `until_id`, at most `most`; *left = there are more. */
void rollup_step(struct db *db, struct rollup *rollup, int64_t until_id, int64_t most, bool *left);
/* A request that has just ended. */
void rollup_note_end(struct db *db, struct rollup *rollup, const struct rollup_part *part);
/* Its charge or a part of it was given back. */
void rollup_note_give_back(struct db *db, int64_t id, int64_t nusd);
/* Those that are open are about to be ended without a charge. */
void rollup_note_crash(struct db *db);

/* A row of the sums, and where it stands among them: they are in the order of these members, up to
 * the provider.  Texts are valid until the next row. */
struct rollup_row {
    int64_t day, user_id, key_id, group_id;
    const char *model, *provider;
    int64_t requests, failed, tokens_in, tokens_out, charged_nusd, given_back_nusd;
};
/* The rows behind `row`, whether or not there is one, of days up to `until_day`; `most` of them. */
struct query *rollup_after(struct db *db, const struct rollup_row *row, int64_t until_day,
                           int64_t most);
MUST_USE bool rollup_next(struct query *query, struct rollup_row *row);

#endif
