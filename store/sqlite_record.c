#include "store/sqlite_record.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "store/sqlite_accounts.h"

#define LIST_MAX 4096

static bool load_patterns(struct db *db, enum row_list list, int64_t owner_id,
                          struct pattern **patterns, unsigned *count)
{
    struct str text;
    bool deny;
    bool ok = true;
    struct query *query = list_each(db, list, owner_id);
    while (ok && *count < LIST_MAX && list_next(query, &text, &deny)) {
        struct pattern *grown = realloc(*patterns, (*count + 1) * sizeof *grown);
        ok = grown != NULL;
        if (!ok)
            break;
        *patterns = grown;
        grown[*count] = (struct pattern){.text = str_dup(text), .deny = deny};
        ok = grown[*count].text != NULL;
        if (ok)
            (*count)++;
    }
    query_end(query);
    return ok && db_trouble(db) == DB_FINE;
}

/* A network that this program cannot read counts as one that contains nothing, never as "any". */
static bool load_networks(struct db *db, struct key_record *record)
{
    struct str text;
    bool deny;
    bool ok = true;
    struct query *query = list_each(db, LIST_KEY_NETWORKS, record->id);
    while (ok && record->network_count < LIST_MAX && list_next(query, &text, &deny)) {
        struct network *grown =
            realloc(record->networks, (record->network_count + 1) * sizeof *grown);
        ok = grown != NULL;
        if (!ok)
            break;
        record->networks = grown;
        struct network *network = &grown[record->network_count++];
        if (!network_parse(text, network))
            *network = (struct network){.address = {0xff}, .bits = 128};
    }
    query_end(query);
    return ok && db_trouble(db) == DB_FINE;
}

/* One account that applies to the key. */
struct place {
    struct account **account;
    enum account_kind kind;
    int64_t owner_id;
    char period[PERIOD_TEXT_SIZE];
    struct account_row words;
};

/* All that may have a limit, also where there is none: it may be set while requests are in flight,
 * and what these come to counts. */
static unsigned list_places(struct key_record *record, int64_t now_ms, struct place places[4])
{
    unsigned n = 0;
    places[n++] = (struct place){&record->user_account, ACCOUNT_USER, record->user_id, "", {0}};
    places[n] = (struct place){&record->key_account, ACCOUNT_KEY, record->id, "", {0}};
    period_format(record->key_limit.period, now_ms, places[n++].period);
    places[n] = (struct place){&record->group_account, ACCOUNT_GROUP, record->group_id, "", {0}};
    period_format(record->group_quota.period, now_ms, places[n++].period);
    places[n] = (struct place){&record->group_user_account,
                               ACCOUNT_GROUP_USER,
                               group_user_owner(record->group_id, record->user_id),
                               "",
                               {0}};
    period_format(record->group_user_quota.period, now_ms, places[n++].period);
    return n;
}

/* The words may be read before the lock is taken: an account whose memory is ahead of the database
 * is pinned until this very thread has committed, so that book_account finds it and keeps its own.
 */
static bool load_accounts(struct db *db, struct book *book, struct key_record *record,
                          int64_t now_ms)
{
    struct place places[4];
    unsigned n = list_places(record, now_ms, places);
    for (unsigned i = 0; i < n; i++) {
        struct place *place = &places[i];
        (void)!account_find(db, place->kind, place->owner_id, place->period, &place->words);
    }
    if (db_trouble(db) != DB_FINE)
        return false;
    bool ok = true;
    book_lock(book);
    for (unsigned i = 0; ok && i < n; i++) {
        struct place *place = &places[i];
        *place->account = book_account(book, place->kind, place->owner_id, place->period,
                                       place->words.credited, place->words.spent);
        ok = *place->account != NULL;
    }
    book_unlock(book);
    return ok;
}

static bool fill(struct db *db, struct key_record *record, const struct key_row *key)
{
    struct user_row user;
    struct group_row group;
    if (!user_by_id(db, key->user_id, &user) || !group_by_id(db, key->group_now, &group))
        return false;
    memcpy(record->hash, key->hash, sizeof record->hash);
    record->id = key->id;
    record->user_id = user.id;
    record->group_id = group.id;
    record->name = str_dup(str_of(key->name));
    record->user_name = str_dup(str_of(user.name));
    record->group_name = str_dup(str_of(group.name));
    record->enabled = key->enabled && key->revoked_ms == 0;
    record->user_enabled = user.enabled;
    record->group_enabled = group.enabled;
    record->expires_ms = key->expires_ms;
    record->user_ppm = user.ratio_ppm;
    record->group_ppm = group.ratio_ppm;
    record->group_endpoints = group.endpoints;
    record->key_limit = key->limit;
    record->group_quota = group.quota;
    record->group_user_quota = group.user_quota;
    return record->name != NULL && record->user_name != NULL && record->group_name != NULL &&
           load_patterns(db, LIST_KEY_MODELS, record->id, &record->key_models,
                         &record->key_model_count) &&
           load_patterns(db, LIST_GROUP_MODELS, record->group_id, &record->group_models,
                         &record->group_model_count) &&
           load_networks(db, record);
}

/* What is asked, and the three places that a record lives in. */
/* NOLINTNEXTLINE(readability-function-size) */
bool key_record_load(struct db *db, struct keyring *keyring, struct book *book,
                     const uint8_t hash[SECRET_HASH_SIZE], int64_t now_ms,
                     struct key_record **record)
{
    struct key_row key;
    *record = NULL;
    if (!key_by_hash(db, hash, &key))
        return db_trouble(db) == DB_FINE;
    struct key_record *made = calloc(1, sizeof *made);
    if (made == NULL)
        return false;
    atomic_init(&made->references, 1);
    made->loaded_ms = now_ms;
    if (!fill(db, made, &key) || !load_accounts(db, book, made, now_ms)) {
        key_record_drop(keyring, &made);
        return false;
    }
    *record = made;
    return true;
}
