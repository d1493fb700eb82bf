#include "store/sqlite_pins.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

void pins_put(struct db *db, const struct ledger_entry *entry, int64_t now_ms)
{
    struct str left = entry->issued, one;
    while (entry->provider != NULL && str_cut(&left, '\0', &one)) {
        struct query *query = db_query(
            db, "INSERT INTO response_pins (id, user_id, key_id, provider, tokens, expires) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id, user_id) DO UPDATE SET "
                "key_id = excluded.key_id, provider = excluded.provider, "
                "tokens = excluded.tokens, expires = excluded.expires");
        query_str(query, 1, str_from(one, 1));
        query_i64(query, 2, entry->user_id);
        query_i64(query, 3, entry->key_id);
        query_text(query, 4, entry->provider);
        query_i64(query, 5, one.p[0] == PIN_ITEM ? entry->item_tokens : entry->answer_tokens);
        query_i64(query, 6, now_ms + PIN_DAYS * DAY_MS);
        (void)query_run(query);
    }
}

bool pins_find(struct db *db, struct store_pins_get *get, int64_t now_ms)
{
    struct str left = get->ids, one;
    get->provider[0] = '\0';
    get->tokens = 0;
    get->missing = 0;
    for (; str_cut(&left, '\0', &one); get->missing++) {
        struct query *query = db_query(db, "SELECT provider, tokens FROM response_pins "
                                           "WHERE id = ?1 AND user_id = ?2 AND expires > ?3");
        query_str(query, 1, str_from(one, 1));
        query_i64(query, 2, get->user_id);
        query_i64(query, 3, now_ms);
        if (!query_row(query))
            return false;
        const char *provider = query_get_text(query, 0);
        bool fits = get->missing == 0 || strcmp(get->provider, provider) == 0;
        if (get->missing == 0)
            snprintf(get->provider, sizeof get->provider, "%s", provider);
        get->tokens += query_get_i64(query, 1);
        query_end(query);
        if (!fits)
            return false;
    }
    return true;
}

int64_t pins_sweep(struct db *db, int64_t now_ms, int64_t most)
{
    struct query *query =
        db_query(db, "DELETE FROM response_pins WHERE expires <= (SELECT MAX(expires) FROM "
                     "(SELECT expires FROM response_pins WHERE expires <= ?1 "
                     "ORDER BY expires LIMIT ?2) AS oldest)");
    query_i64(query, 1, now_ms);
    query_i64(query, 2, most);
    return query_run(query) ? db_changes(db) : 0;
}
