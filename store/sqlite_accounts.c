#include "store/sqlite_accounts.h"

#include <stdio.h>
#include <string.h>

#include "config/model.h"

static void copy_text(struct query *query, int column, char *text, size_t size)
{
    snprintf(text, size, "%s", query_get_text(query, column));
}

static void bind_quota(struct query *query, int at, struct quota quota)
{
    query_i64(query, at, quota.nusd);
    query_i64(query, at + 1, quota.period);
}

static struct quota get_quota(struct query *query, int column)
{
    struct quota quota = {.nusd = query_get_i64(query, column)};
    int64_t period = query_get_i64(query, column + 1);
    quota.period = period == PERIOD_DAY     ? PERIOD_DAY
                   : period == PERIOD_MONTH ? PERIOD_MONTH
                                            : PERIOD_EVER;
    return quota;
}

bool endpoints_parse(struct str text, uint32_t *bits)
{
    uint32_t found = 0;
    struct str word;
    if (str_eq(text, STR("*"))) {
        *bits = ENDPOINTS_ALL;
        return true;
    }
    while (str_cut(&text, ',', &word)) {
        enum endpoint endpoint;
        if (!endpoint_find(word, &endpoint))
            return false;
        found |= 1u << endpoint;
    }
    *bits = found;
    return true;
}

bool endpoints_format(uint32_t bits, struct buf *text)
{
    if (bits == ENDPOINTS_ALL)
        return buf_add_char(text, '*');
    bool ok = true;
    const char *comma = "";
    for (unsigned i = 0; i < ENDPOINT_COUNT; i++) {
        if (!(bits >> i & 1))
            continue;
        ok = ok && buf_addf(text, "%s%s", comma, endpoint_name((enum endpoint)i));
        comma = ",";
    }
    return ok;
}

/* --- groups ----------------------------------------------------------------------------------- */

#define GROUP_COLUMNS                                                                              \
    "SELECT id, name, enabled, ratio_ppm, endpoints, quota, quota_period, user_quota, "            \
    "user_quota_period, created FROM groups "

bool group_next(struct query *query, struct group_row *row)
{
    if (!query_row(query))
        return false;
    row->id = query_get_i64(query, 0);
    copy_text(query, 1, row->name, sizeof row->name);
    row->enabled = query_get_i64(query, 2) != 0;
    row->ratio_ppm = (uint32_t)query_get_i64(query, 3);
    /* Words of a later program: what this one does not know, it does not permit. */
    if (!endpoints_parse(str_of(query_get_text(query, 4)), &row->endpoints))
        row->endpoints = 0;
    row->quota = get_quota(query, 5);
    row->user_quota = get_quota(query, 7);
    row->created_ms = query_get_i64(query, 9);
    return true;
}

struct query *group_each(struct db *db)
{
    return db_query(db, GROUP_COLUMNS "ORDER BY name");
}

bool group_by_name(struct db *db, struct str name, struct group_row *row)
{
    struct query *query = db_query(db, GROUP_COLUMNS "WHERE name = ?1");
    query_str(query, 1, name);
    bool found = group_next(query, row);
    query_end(query);
    return found;
}

bool group_by_id(struct db *db, int64_t id, struct group_row *row)
{
    struct query *query = db_query(db, GROUP_COLUMNS "WHERE id = ?1");
    query_i64(query, 1, id);
    bool found = group_next(query, row);
    query_end(query);
    return found;
}

static void group_write(struct query *query, const struct group_row *row)
{
    struct buf endpoints;
    buf_init(&endpoints, 1024);
    bool ok = endpoints_format(row->endpoints, &endpoints);
    query_i64(query, 1, row->id);
    query_text(query, 2, row->name);
    query_i64(query, 3, row->enabled);
    query_i64(query, 4, row->ratio_ppm);
    if (ok)
        query_str(query, 5, buf_str(&endpoints));
    else
        query_null(query, 5); /* violates NOT NULL: the transaction fails */
    bind_quota(query, 6, row->quota);
    bind_quota(query, 8, row->user_quota);
    (void)query_run(query);
    buf_release(&endpoints);
}

void group_insert(struct db *db, const struct group_row *row)
{
    struct query *query =
        db_query(db, "INSERT INTO groups (id, name, enabled, ratio_ppm, endpoints, quota, "
                     "quota_period, user_quota, user_quota_period, version, created) "
                     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10)");
    query_i64(query, 10, row->created_ms);
    group_write(query, row);
}

void group_update(struct db *db, const struct group_row *row)
{
    group_write(db_query(db, "UPDATE groups SET name = ?2, enabled = ?3, ratio_ppm = ?4, "
                             "endpoints = ?5, quota = ?6, quota_period = ?7, user_quota = ?8, "
                             "user_quota_period = ?9, version = version + 1 WHERE id = ?1"),
                row);
}

/* --- users ------------------------------------------------------------------------------------ */

#define USER_COLUMNS                                                                               \
    "SELECT u.id, u.name, u.enabled, u.group_id, u.ratio_ppm, u.created, g.name FROM users u "     \
    "JOIN groups g ON g.id = u.group_id "

bool user_next(struct query *query, struct user_row *row)
{
    if (!query_row(query))
        return false;
    row->id = query_get_i64(query, 0);
    copy_text(query, 1, row->name, sizeof row->name);
    row->enabled = query_get_i64(query, 2) != 0;
    row->group_id = query_get_i64(query, 3);
    row->ratio_ppm = (uint32_t)query_get_i64(query, 4);
    row->created_ms = query_get_i64(query, 5);
    copy_text(query, 6, row->group_name, sizeof row->group_name);
    return true;
}

struct query *user_after(struct db *db, struct str name, int64_t most)
{
    struct query *query = db_query(db, USER_COLUMNS "WHERE u.name > ?1 ORDER BY u.name LIMIT ?2");
    query_str(query, 1, name);
    query_i64(query, 2, most);
    return query;
}

bool user_by_name(struct db *db, struct str name, struct user_row *row)
{
    struct query *query = db_query(db, USER_COLUMNS "WHERE u.name = ?1");
    query_str(query, 1, name);
    bool found = user_next(query, row);
    query_end(query);
    return found;
}

bool user_by_id(struct db *db, int64_t id, struct user_row *row)
{
    struct query *query = db_query(db, USER_COLUMNS "WHERE u.id = ?1");
    query_i64(query, 1, id);
    bool found = user_next(query, row);
    query_end(query);
    return found;
}

void user_insert(struct db *db, const struct user_row *row)
{
    struct query *query = db_query(db, "INSERT INTO users (id, name, enabled, group_id, ratio_ppm, "
                                       "version, created) VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6)");
    query_i64(query, 1, row->id);
    query_text(query, 2, row->name);
    query_i64(query, 3, row->enabled);
    query_i64(query, 4, row->group_id);
    query_i64(query, 5, row->ratio_ppm);
    query_i64(query, 6, row->created_ms);
    (void)query_run(query);
}

void user_update(struct db *db, const struct user_row *row)
{
    struct query *query = db_query(db, "UPDATE users SET enabled = ?2, group_id = ?3, "
                                       "ratio_ppm = ?4, version = version + 1 WHERE id = ?1");
    query_i64(query, 1, row->id);
    query_i64(query, 2, row->enabled);
    query_i64(query, 3, row->group_id);
    query_i64(query, 4, row->ratio_ppm);
    (void)query_run(query);
}

/* --- keys ------------------------------------------------------------------------------------- */

#define KEY_COLUMNS                                                                                \
    "SELECT k.id, k.user_id, k.group_id, k.hash, k.hint, k.name, k.enabled, k.revoked, "           \
    "k.expires, "                                                                                  \
    "k.quota, k.quota_period, k.created, g.id, u.name, g.name FROM keys k "                        \
    "JOIN users u ON u.id = k.user_id JOIN groups g ON g.id = COALESCE(k.group_id, u.group_id) "

bool key_next(struct query *query, struct key_row *row)
{
    if (!query_row(query))
        return false;
    row->id = query_get_i64(query, 0);
    row->user_id = query_get_i64(query, 1);
    row->group_id = query_get_i64(query, 2);
    if (!query_get_blob(query, 3, row->hash, sizeof row->hash))
        memset(row->hash, 0, sizeof row->hash);
    copy_text(query, 4, row->hint, sizeof row->hint);
    copy_text(query, 5, row->name, sizeof row->name);
    row->enabled = query_get_i64(query, 6) != 0;
    row->revoked_ms = query_get_i64(query, 7);
    row->expires_ms = query_get_i64(query, 8);
    row->limit = get_quota(query, 9);
    row->created_ms = query_get_i64(query, 11);
    row->group_now = query_get_i64(query, 12);
    copy_text(query, 13, row->user_name, sizeof row->user_name);
    copy_text(query, 14, row->group_name, sizeof row->group_name);
    return true;
}

bool key_by_id(struct db *db, int64_t id, struct key_row *row)
{
    struct query *query = db_query(db, KEY_COLUMNS "WHERE k.id = ?1");
    query_i64(query, 1, id);
    bool found = key_next(query, row);
    query_end(query);
    return found;
}

bool key_by_hash(struct db *db, const uint8_t hash[SECRET_HASH_SIZE], struct key_row *row)
{
    struct query *query = db_query(db, KEY_COLUMNS "WHERE k.hash = ?1");
    query_blob(query, 1, hash, SECRET_HASH_SIZE);
    bool found = key_next(query, row);
    query_end(query);
    return found;
}

int key_by_hint(struct db *db, struct str hint, struct key_row *row)
{
    struct query *query = db_query(db, KEY_COLUMNS "WHERE k.hint = ?1");
    query_str(query, 1, hint);
    int n = 0;
    while (key_next(query, row))
        n++;
    return n;
}

int key_by_name(struct db *db, struct str name, struct key_row *row)
{
    int64_t id = 0;
    bool is_id = str_i64(name, 1, INT64_MAX, &id);
    return is_id ? key_by_id(db, id, row) : key_by_hint(db, name, row);
}

struct query *key_after(struct db *db, int64_t user_id, int64_t id, int64_t most)
{
    struct query *query =
        user_id != 0
            ? db_query(db, KEY_COLUMNS "WHERE k.user_id = ?3 AND k.id > ?1 ORDER BY k.id LIMIT ?2")
            : db_query(db, KEY_COLUMNS "WHERE k.id > ?1 ORDER BY k.id LIMIT ?2");
    query_i64(query, 1, id);
    query_i64(query, 2, most);
    if (user_id != 0)
        query_i64(query, 3, user_id);
    return query;
}

void key_insert(struct db *db, const struct key_row *row)
{
    struct query *query =
        db_query(db, "INSERT INTO keys (id, user_id, group_id, hash, hint, name, enabled, revoked, "
                     "expires, quota, quota_period, version, created) "
                     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9, ?10, 1, ?11)");
    query_i64(query, 1, row->id);
    query_i64(query, 2, row->user_id);
    if (row->group_id != 0)
        query_i64(query, 3, row->group_id);
    else
        query_null(query, 3);
    query_blob(query, 4, row->hash, sizeof row->hash);
    query_text(query, 5, row->hint);
    query_text(query, 6, row->name);
    query_i64(query, 7, row->enabled);
    query_i64(query, 8, row->expires_ms);
    bind_quota(query, 9, row->limit);
    query_i64(query, 11, row->created_ms);
    (void)query_run(query);
}

void key_update(struct db *db, const struct key_row *row)
{
    struct query *query =
        db_query(db, "UPDATE keys SET enabled = ?2, revoked = ?3, name = ?4, group_id = ?5, "
                     "expires = ?6, quota = ?7, quota_period = ?8, version = version + 1 "
                     "WHERE id = ?1");
    query_i64(query, 1, row->id);
    query_i64(query, 2, row->enabled);
    query_i64(query, 3, row->revoked_ms);
    query_text(query, 4, row->name);
    if (row->group_id != 0)
        query_i64(query, 5, row->group_id);
    else
        query_null(query, 5);
    query_i64(query, 6, row->expires_ms);
    bind_quota(query, 7, row->limit);
    (void)query_run(query);
}

/* --- lists ------------------------------------------------------------------------------------ */

/* Statement texts must be literals, so each list has its own. */
static struct query *list_query(struct db *db, enum row_list list, const char *const texts[3])
{
    return db_query(db, texts[list]);
}

void list_add(struct db *db, enum row_list list, int64_t owner_id, int position, struct str text)
{
    static const char *const inserts[] = {
        [LIST_GROUP_MODELS] = "INSERT INTO group_models (group_id, position, pattern, effect) "
                              "VALUES (?1, ?2, ?3, CASE ?4 WHEN 1 THEN 'deny' ELSE 'allow' END)",
        [LIST_KEY_MODELS] = "INSERT INTO key_models (key_id, position, pattern, effect) "
                            "VALUES (?1, ?2, ?3, CASE ?4 WHEN 1 THEN 'deny' ELSE 'allow' END)",
        [LIST_KEY_NETWORKS] = "INSERT INTO key_networks (key_id, position, cidr) "
                              "VALUES (?1, ?2, ?3)"};
    struct query *query = list_query(db, list, inserts);
    bool deny = list != LIST_KEY_NETWORKS && str_starts(text, STR("!"));
    query_i64(query, 1, owner_id);
    query_i64(query, 2, position);
    query_str(query, 3, deny ? str_from(text, 1) : text);
    if (list != LIST_KEY_NETWORKS)
        query_i64(query, 4, deny);
    (void)query_run(query);
}

void list_clear(struct db *db, enum row_list list, int64_t owner_id)
{
    static const char *const deletes[] = {
        [LIST_GROUP_MODELS] = "DELETE FROM group_models WHERE group_id = ?1",
        [LIST_KEY_MODELS] = "DELETE FROM key_models WHERE key_id = ?1",
        [LIST_KEY_NETWORKS] = "DELETE FROM key_networks WHERE key_id = ?1"};
    struct query *query = list_query(db, list, deletes);
    query_i64(query, 1, owner_id);
    (void)query_run(query);
}

struct query *list_each(struct db *db, enum row_list list, int64_t owner_id)
{
    static const char *const selects[] = {
        [LIST_GROUP_MODELS] = "SELECT pattern, effect FROM group_models WHERE group_id = ?1 "
                              "ORDER BY position",
        [LIST_KEY_MODELS] = "SELECT pattern, effect FROM key_models WHERE key_id = ?1 "
                            "ORDER BY position",
        [LIST_KEY_NETWORKS] = "SELECT cidr, 'allow' FROM key_networks WHERE key_id = ?1 "
                              "ORDER BY position"};
    struct query *query = list_query(db, list, selects);
    query_i64(query, 1, owner_id);
    return query;
}

bool list_next(struct query *query, struct str *text, bool *deny)
{
    if (!query_row(query))
        return false;
    *text = str_of(query_get_text(query, 0));
    *deny = strcmp(query_get_text(query, 1), "deny") == 0;
    return true;
}

/* --- accounts --------------------------------------------------------------------------------- */

int64_t group_user_owner(int64_t group_id, int64_t user_id)
{
    uint64_t mixed = (uint64_t)group_id * 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ mixed >> 32) + (uint64_t)user_id;
    mixed *= 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 29) * 0x94d049bb133111ebu;
    return (int64_t)((mixed ^ mixed >> 32) >> 2) | 1;
}

bool account_find(struct db *db, enum account_kind kind, int64_t owner_id, const char *period,
                  struct account_row *row)
{
    *row = (struct account_row){0};
    struct query *query = db_query(db, "SELECT id, credited, spent FROM accounts "
                                       "WHERE kind = ?1 AND owner_id = ?2 AND period = ?3");
    query_i64(query, 1, kind);
    query_i64(query, 2, owner_id);
    query_text(query, 3, period);
    bool found = query_row(query);
    if (found) {
        row->id = query_get_i64(query, 0);
        row->credited = query_get_i64(query, 1);
        row->spent = query_get_i64(query, 2);
    }
    query_end(query);
    return found;
}

struct query *credits_each(struct db *db)
{
    struct query *query = db_query(db, "SELECT owner_id, credited FROM accounts WHERE kind = ?1");
    query_i64(query, 1, ACCOUNT_USER);
    return query;
}

bool credits_next(struct query *query, int64_t *user_id, int64_t *credited)
{
    if (!query_row(query))
        return false;
    *user_id = query_get_i64(query, 0);
    *credited = query_get_i64(query, 1);
    return true;
}

void account_insert(struct db *db, enum account_kind kind, int64_t owner_id, const char *period,
                    int64_t id)
{
    struct query *query =
        db_query(db, "INSERT INTO accounts (id, kind, owner_id, period, credited, "
                     "spent) VALUES (?1, ?2, ?3, ?4, 0, 0)");
    query_i64(query, 1, id);
    query_i64(query, 2, kind);
    query_i64(query, 3, owner_id);
    query_text(query, 4, period);
    (void)query_run(query);
}

void account_add(struct db *db, int64_t id, int64_t credited, int64_t spent)
{
    struct query *query = db_query(db, "UPDATE accounts SET credited = credited + ?2, "
                                       "spent = spent + ?3 WHERE id = ?1");
    query_i64(query, 1, id);
    query_i64(query, 2, credited);
    query_i64(query, 3, spent);
    (void)query_run(query);
}
