/* Rows of the customer side: groups, users, keys, accounts.
 *
 * Reading functions return false when there is no such row or the connection failed (db_trouble
 * tells).  Writing ones report at db_commit. */
#ifndef STORE_SQLITE_ACCOUNTS_H
#define STORE_SQLITE_ACCOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/secret.h"
#include "base/str.h"
#include "store/book.h"
#include "store/sqlite.h"

#define ROW_NAME_SIZE 129
#define ROW_HINT_SIZE 16 /* "sk-abc" + U+2026 + "wxyz" + NUL */
#define GROUP_DEFAULT_ID 1

struct group_row {
    int64_t id;
    char name[ROW_NAME_SIZE];
    bool enabled;
    uint32_t ratio_ppm;
    uint32_t endpoints; /* bits of enum endpoint; all set = any */
    struct quota quota, user_quota;
    int64_t created_ms;
};

struct user_row {
    int64_t id;
    char name[ROW_NAME_SIZE];
    bool enabled;
    int64_t group_id;
    uint32_t ratio_ppm;
    int64_t created_ms;
    char group_name[ROW_NAME_SIZE]; /* read only */
};

struct key_row {
    int64_t id;
    int64_t user_id;
    int64_t group_id; /* 0 = the user's */
    uint8_t hash[SECRET_HASH_SIZE];
    char hint[ROW_HINT_SIZE];
    char name[ROW_NAME_SIZE];
    bool enabled;
    int64_t revoked_ms, expires_ms; /* 0 = not */
    struct quota limit;
    int64_t created_ms;
    int64_t group_now;                                        /* read only: the effective group */
    char user_name[ROW_NAME_SIZE], group_name[ROW_NAME_SIZE]; /* read only */
};

struct account_row {
    int64_t id, credited, spent;
};

MUST_USE bool group_by_name(struct db *db, struct str name, struct group_row *row);
MUST_USE bool group_by_id(struct db *db, int64_t id, struct group_row *row);
void group_insert(struct db *db, const struct group_row *row);
void group_update(struct db *db, const struct group_row *row);
/* Each in turn by name: for (q = group_each(db); group_next(q, &row);) */
struct query *group_each(struct db *db);
MUST_USE bool group_next(struct query *query, struct group_row *row);

MUST_USE bool user_by_name(struct db *db, struct str name, struct user_row *row);
MUST_USE bool user_by_id(struct db *db, int64_t id, struct user_row *row);
void user_insert(struct db *db, const struct user_row *row);
void user_update(struct db *db, const struct user_row *row);
/* Those behind a name, in the order of names. */
struct query *user_after(struct db *db, struct str name, int64_t most);
MUST_USE bool user_next(struct query *query, struct user_row *row);

MUST_USE bool key_by_id(struct db *db, int64_t id, struct key_row *row);
MUST_USE bool key_by_hash(struct db *db, const uint8_t hash[SECRET_HASH_SIZE], struct key_row *row);
/* How many keys show this hint; the row is of one of them. */
int key_by_hint(struct db *db, struct str hint, struct key_row *row);
/* The same by id, when the name is one, else by hint. */
int key_by_name(struct db *db, struct str name, struct key_row *row);
void key_insert(struct db *db, const struct key_row *row);
void key_update(struct db *db, const struct key_row *row);
/* Those behind an id, revoked ones too, oldest first; user_id 0 = everyone's. */
struct query *key_after(struct db *db, int64_t user_id, int64_t id, int64_t most);
MUST_USE bool key_next(struct query *query, struct key_row *row);

/* Lists of texts that belong to a group or key, in order. */
enum row_list { LIST_GROUP_MODELS, LIST_KEY_MODELS, LIST_KEY_NETWORKS };
/* "!gpt-*" denies; networks as written. */
void list_add(struct db *db, enum row_list list, int64_t owner_id, int position, struct str text);
void list_clear(struct db *db, enum row_list list, int64_t owner_id);
struct query *list_each(struct db *db, enum row_list list, int64_t owner_id);
MUST_USE bool list_next(struct query *query, struct str *text, bool *deny);

/* The owner of a group_user account: one number for the pair.  Mixed, not counted, so that it needs
 * no table; 62 bits keep two pairs apart for all purposes. */
int64_t group_user_owner(int64_t group_id, int64_t user_id);
/* Zeros and false when there is no such account yet. */
MUST_USE bool account_find(struct db *db, enum account_kind kind, int64_t owner_id,
                           const char *period, struct account_row *row);
/* What each user has been credited in all. */
struct query *credits_each(struct db *db);
MUST_USE bool credits_next(struct query *query, int64_t *user_id, int64_t *credited);
void account_insert(struct db *db, enum account_kind kind, int64_t owner_id, const char *period,
                    int64_t id);
/* Adds to both sums. */
void account_add(struct db *db, int64_t id, int64_t credited, int64_t spent);

/* "*" or "chat,images" as bits and back. */
MUST_USE bool endpoints_parse(struct str text, uint32_t *bits);
MUST_USE bool endpoints_format(uint32_t bits, struct buf *text);
#define ENDPOINTS_ALL UINT32_MAX

#endif
