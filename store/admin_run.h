/* One run of an admin operation inside the store thread: its arguments, result and effects.
 *
 * Changes run in the batch's transaction, each in its own savepoint; what they mean for keyring and
 * book is kept as effects and applied after the commit, before the reply. */
#ifndef STORE_ADMIN_RUN_H
#define STORE_ADMIN_RUN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"
#include "store/book.h"
#include "store/ident.h"
#include "store/keyring.h"
#include "store/sqlite.h"
#include "store/sqlite_accounts.h"
#include "store/store.h"
#include "store/task_moves.h"

enum admin_effect_kind {
    EFFECT_FORGET_KEY,
    EFFECT_FORGET_USER,
    EFFECT_FORGET_GROUP,
    EFFECT_CREDIT
};

struct admin_effect {
    enum admin_effect_kind kind;
    int64_t id;
    int64_t nusd;
    /* A negative credit is taken from the book before the commit, so that nobody can spend it in
     * between, and given back if the commit fails. */
    bool applied;
};

#define ADMIN_EFFECTS_MAX 4

enum admin_limit_change { ADMIN_LIMIT_NONE, ADMIN_LIMIT_SET, ADMIN_LIMIT_END };

/* What the operations work with; the same for all runs of a batch. */
struct admin_room {
    struct db *db;
    struct book *book;
    struct keyring *keyring;
    struct ident_source *ids;
    struct task_room *tasks; /* NULL for reads */
    int64_t now_ms;          /* wall clock */
    int64_t started_id;      /* the newest id when the process began */
};

struct admin_run {
    const struct admin_room *room;
    struct db *db; /* = room->db */
    struct store_admin *call;
    const json_t *arguments;
    enum store_code code;
    json_t *result; /* owned */
    json_t *before; /* owned; for the audit */
    struct admin_effect effects[ADMIN_EFFECTS_MAX];
    unsigned effect_count;
    struct give_back give_back; /* for the book, after the commit */
    struct limit limit;         /* the same */
    enum admin_limit_change limit_change;
    uint8_t new_hash[SECRET_HASH_SIZE]; /* a key that is new: its negative entry must go */
    bool has_new_hash;
};

/* --- for store.c ------------------------------------------------------------------------------ */

/* Inside the transaction (changes) or outside of one (reads).  Sets run->code; on trouble with the
 * database STORE_DOWN, and db_trouble says so. */
void admin_run(struct admin_run *run, const struct admin_room *room, struct store_admin *call);
/* The first part of it: the arguments are those of the operation.  False: run->code is set. */
MUST_USE bool admin_run_check(struct admin_run *run, const struct admin_room *room,
                              struct store_admin *call);
/* After the commit. */
void admin_run_apply(struct admin_run *run);
/* The commit failed: undoes what was applied early; code becomes DOWN unless it was refused. */
void admin_run_abandon(struct admin_run *run);
/* Hands code and result to the call and frees the rest. */
void admin_run_finish(struct admin_run *run);

/* --- for the operations ----------------------------------------------------------------------- */

/* Writes the one line of text and returns the code. */
enum store_code admin_refuse(struct admin_run *run, enum store_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* OK, or DOWN when the database is in trouble. */
enum store_code admin_done(struct admin_run *run);
void admin_effect(struct admin_run *run, enum admin_effect_kind kind, int64_t id, int64_t nusd);

/* Arguments; their types have been checked against the table.  Absent: "" or false. */
bool admin_has(const struct admin_run *run, const char *name);
struct str admin_text(const struct admin_run *run, const char *name);
const char *admin_ztext(const struct admin_run *run, const char *name); /* NULL when absent */
int64_t admin_number(const struct admin_run *run, const char *name, int64_t absent);
/* Each is true when absent (the value stays) or well formed; false: `why` is written. */
MUST_USE bool admin_read_ratio(struct admin_run *run, const char *name, uint32_t *ppm);
MUST_USE bool admin_read_usd(struct admin_run *run, const char *name, int64_t *nusd);
MUST_USE bool admin_read_quota(struct admin_run *run, const char *name, struct quota *quota);
MUST_USE bool admin_read_endpoints(struct admin_run *run, uint32_t *bits);
MUST_USE bool admin_read_name(struct admin_run *run, char name[ROW_NAME_SIZE]);
MUST_USE bool admin_check_patterns(struct admin_run *run, const char *name);

#define ADMIN_ROWS_DEFAULT 50
#define ADMIN_ROWS_MAX 1000
/* "limit": how many rows a list may have.  False: `why` is written. */
MUST_USE bool admin_read_rows(struct admin_run *run, int64_t absent, int64_t *most);

/* False, with `wanted` told, when nothing is named but the object itself. */
MUST_USE bool admin_has_change(struct admin_run *run, const char *wanted);

#define ADMIN_DAY_MS INT64_C(86400000)
/* Which requests a report is of: "user", "since" and "until". */
struct usage_filter {
    int64_t user_id;              /* 0 = everyone's */
    int64_t since_day, until_day; /* since 1970, both included */
};
/* False: run->code is set. */
MUST_USE bool admin_read_filter(struct admin_run *run, struct usage_filter *filter);

/* New JSON values; NULL when out of memory (json_object_set_new then fails too). */
json_t *admin_usd(int64_t nusd);
json_t *admin_ratio(uint32_t ppm);
json_t *admin_quota(struct quota quota);
json_t *admin_time(int64_t wall_ms); /* null for 0 */
json_t *admin_id(int64_t id);        /* digits: a JSON number would lose some above 2^53 */
json_t *admin_list(struct db *db, enum row_list list, int64_t owner_id);
/* NULL for a NULL. */
json_t *admin_string(const char *text);

json_t *admin_words(struct str text); /* "a b" as an array */

/* Replaces a list by the array argument. */
void admin_store_list(struct admin_run *run, enum row_list list, int64_t owner_id,
                      const char *argument);
/* The user's account, made when it is new. */
MUST_USE bool admin_user_account(struct admin_run *run, int64_t user_id, struct account_row *row);

/* A key by its id in digits, or by its hint. */
enum store_code admin_find_key(struct admin_run *run, struct str text, struct key_row *row);

enum store_code admin_user_add(struct admin_run *run);
enum store_code admin_user_list(struct admin_run *run);
enum store_code admin_user_show(struct admin_run *run);
enum store_code admin_user_credit(struct admin_run *run);
enum store_code admin_user_credits(struct admin_run *run);
enum store_code admin_user_set(struct admin_run *run);
enum store_code admin_user_disable(struct admin_run *run);
enum store_code admin_user_enable(struct admin_run *run);
enum store_code admin_key_create(struct admin_run *run);
enum store_code admin_key_list(struct admin_run *run);
enum store_code admin_key_show(struct admin_run *run);
enum store_code admin_key_set(struct admin_run *run);
enum store_code admin_key_revoke(struct admin_run *run);
enum store_code admin_key_disable(struct admin_run *run);
enum store_code admin_key_enable(struct admin_run *run);
enum store_code admin_group_add(struct admin_run *run);
enum store_code admin_group_set(struct admin_run *run);
enum store_code admin_group_list(struct admin_run *run);
enum store_code admin_group_show(struct admin_run *run);
enum store_code admin_limit_set(struct admin_run *run);
enum store_code admin_limit_rm(struct admin_run *run);
enum store_code admin_limit_list(struct admin_run *run);
enum store_code admin_task_list(struct admin_run *run);
enum store_code admin_task_show(struct admin_run *run);
enum store_code admin_task_cancel(struct admin_run *run);
enum store_code admin_usage_list(struct admin_run *run);
enum store_code admin_usage_show(struct admin_run *run);
enum store_code admin_usage_export(struct admin_run *run);
enum store_code admin_db_check(struct admin_run *run);

#endif
