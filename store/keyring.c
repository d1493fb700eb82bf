#include "store/keyring.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

/* Out of memory is an answer here, not the end of the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#include "base/clock.h"

#define UNKNOWN_MS 5000

enum entry_id { ENTRY_KEY, ENTRY_USER, ENTRY_GROUP, ENTRY_IDS };

/* One cached record, which it refers to; the ids stand here as well, so that forgetting a user
 * walks entries and not records. */
struct entry {
    struct key_record *record;
    int64_t ids[ENTRY_IDS];
    struct entry *prev, *next; /* the most recently used first */
    UT_hash_handle hh;
};

/* A token that does not exist, as of `noted_ms`. */
struct unknown {
    uint8_t hash[SECRET_HASH_SIZE];
    int64_t noted_ms;
    UT_hash_handle hh;
};

/* Guarded by the book's mutex.  Only the store thread adds and removes; other threads look up and
 * reorder prev and next.  So the store thread may walk the tables (hh.next) without the mutex, and
 * a long walk holds nobody up. */
struct keyring {
    struct book *book;
    struct entry *entries;
    struct entry *used;      /* the list by last use */
    struct unknown *unknown; /* uthash keeps the order of insertion: the oldest first */
    unsigned records_max, unknown_max;
    /* Callers choose tokens and could aim their hashes at one bucket; not when it is keyed. */
    uint8_t bucket_key[crypto_shorthash_KEYBYTES];
};

static unsigned bucket_of(const struct keyring *keyring, const uint8_t hash[SECRET_HASH_SIZE])
{
    uint8_t keyed[crypto_shorthash_BYTES];
    unsigned bucket;
    (void)crypto_shorthash(keyed, hash, SECRET_HASH_SIZE, keyring->bucket_key);
    memcpy(&bucket, keyed, sizeof bucket);
    return bucket;
}

/* Plain memcmp inside the table is fine: what its timing could tell is the SHA-256 of a token that
 * the caller sent, and nobody can steer a hash byte by byte towards a stored one. */
static struct entry *entry_find(const struct keyring *keyring, const uint8_t *hash, unsigned bucket)
{
    struct entry *entry = NULL;
    HASH_FIND_BYHASHVALUE(hh, keyring->entries, hash, SECRET_HASH_SIZE, bucket, entry);
    return entry;
}

static struct unknown *unknown_find(const struct keyring *keyring, const uint8_t *hash,
                                    unsigned bucket)
{
    struct unknown *unknown = NULL;
    HASH_FIND_BYHASHVALUE(hh, keyring->unknown, hash, SECRET_HASH_SIZE, bucket, unknown);
    return unknown;
}

/* --- records -------------------------------------------------------------------------------- */

static void patterns_free(struct pattern *patterns, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        free(patterns[i].text);
    free(patterns);
}

struct key_record *key_record_retain(struct key_record *record)
{
    CHECK(record != NULL);
    unsigned before = atomic_fetch_add_explicit(&record->references, 1, memory_order_relaxed);
    CHECK(before > 0);
    return record;
}

void key_record_drop(struct keyring *keyring, struct key_record **record)
{
    CHECK(record != NULL);
    struct key_record *dropped = *record;
    *record = NULL;
    if (dropped == NULL)
        return;
    CHECK(keyring != NULL);
    unsigned before = atomic_fetch_sub_explicit(&dropped->references, 1, memory_order_acq_rel);
    CHECK(before > 0);
    if (before > 1)
        return;
    book_lock(keyring->book);
    book_account_drop(keyring->book, dropped->user_account);
    book_account_drop(keyring->book, dropped->key_account);
    book_account_drop(keyring->book, dropped->group_account);
    book_account_drop(keyring->book, dropped->group_user_account);
    book_unlock(keyring->book);
    patterns_free(dropped->key_models, dropped->key_model_count);
    patterns_free(dropped->group_models, dropped->group_model_count);
    free(dropped->networks);
    free(dropped->name);
    free(dropped->user_name);
    free(dropped->group_name);
    free(dropped);
}

/* --- the cache ------------------------------------------------------------------------------ */

enum keyring_answer keyring_find(struct keyring *keyring, const uint8_t hash[SECRET_HASH_SIZE],
                                 struct key_record **record)
{
    CHECK(keyring != NULL);
    CHECK(record != NULL);
    enum keyring_answer answer = KEYRING_MISS;
    unsigned bucket = bucket_of(keyring, hash);
    int64_t now_ms = clock_ms();
    book_lock(keyring->book);
    struct entry *entry = entry_find(keyring, hash, bucket);
    if (entry != NULL) {
        DL_DELETE(keyring->used, entry);
        DL_PREPEND(keyring->used, entry);
        *record = key_record_retain(entry->record);
        answer = KEYRING_FOUND;
    } else {
        const struct unknown *unknown = unknown_find(keyring, hash, bucket);
        if (unknown != NULL && now_ms - unknown->noted_ms < UNKNOWN_MS)
            answer = KEYRING_UNKNOWN;
    }
    book_unlock(keyring->book);
    return answer;
}

/* Not locked: the record may die with the entry, and takes the mutex to do so. */
static void entry_forget(struct keyring *keyring, struct entry *entry)
{
    book_lock(keyring->book);
    HASH_DEL(keyring->entries, entry);
    DL_DELETE(keyring->used, entry);
    book_unlock(keyring->book);
    key_record_drop(keyring, &entry->record);
    free(entry);
}

static void unknown_forget(struct keyring *keyring, struct unknown *unknown)
{
    book_lock(keyring->book);
    HASH_DEL(keyring->unknown, unknown);
    book_unlock(keyring->book);
    free(unknown);
}

/* The mutex is for `used`, which other threads reorder. */
static struct entry *least_used(struct keyring *keyring)
{
    book_lock(keyring->book);
    struct entry *entry = keyring->used != NULL ? keyring->used->prev : NULL;
    book_unlock(keyring->book);
    return entry;
}

static void entries_limit(struct keyring *keyring, unsigned max)
{
    while (HASH_COUNT(keyring->entries) > max)
        entry_forget(keyring, least_used(keyring));
}

void keyring_take(struct keyring *keyring, struct key_record **record)
{
    CHECK(keyring != NULL);
    CHECK(*record != NULL);
    keyring_forget_hash(keyring, (*record)->hash);
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        /* Not cached is slow, not wrong: the next request asks the store again. */
        key_record_drop(keyring, record);
        return;
    }
    struct key_record *taken = *record;
    *record = NULL;
    *entry = (struct entry){.record = taken, .ids = {taken->id, taken->user_id, taken->group_id}};
    unsigned bucket = bucket_of(keyring, taken->hash);
    book_lock(keyring->book);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, keyring->entries, taken->hash, SECRET_HASH_SIZE, bucket, entry);
    bool added = entry->hh.tbl != NULL; /* how uthash says that memory is out */
    if (added)
        DL_PREPEND(keyring->used, entry);
    book_unlock(keyring->book);
    if (!added) {
        key_record_drop(keyring, &taken);
        free(entry);
    }
    entries_limit(keyring, keyring->records_max);
}

void keyring_note_unknown(struct keyring *keyring, const uint8_t hash[SECRET_HASH_SIZE])
{
    CHECK(keyring != NULL);
    keyring_forget_hash(keyring, hash);
    while (keyring->unknown != NULL && HASH_COUNT(keyring->unknown) >= keyring->unknown_max)
        unknown_forget(keyring, keyring->unknown);
    struct unknown *unknown = calloc(1, sizeof *unknown);
    if (unknown == NULL)
        return;
    memcpy(unknown->hash, hash, sizeof unknown->hash);
    unknown->noted_ms = clock_ms();
    unsigned bucket = bucket_of(keyring, hash);
    book_lock(keyring->book);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, keyring->unknown, unknown->hash, SECRET_HASH_SIZE, bucket,
                                unknown);
    bool added = unknown->hh.tbl != NULL;
    book_unlock(keyring->book);
    if (!added)
        free(unknown);
}

/* Forgets the entries whose id of this sort is `id`. */
static void forget_all(struct keyring *keyring, enum entry_id sort, int64_t id)
{
    CHECK(keyring != NULL);
    struct entry *entry, *after;
    HASH_ITER(hh, keyring->entries, entry, after)
    {
        if (entry->ids[sort] == id)
            entry_forget(keyring, entry);
    }
}

void keyring_forget_key(struct keyring *keyring, int64_t key_id)
{
    forget_all(keyring, ENTRY_KEY, key_id);
}

void keyring_forget_user(struct keyring *keyring, int64_t user_id)
{
    forget_all(keyring, ENTRY_USER, user_id);
}

void keyring_forget_group(struct keyring *keyring, int64_t group_id)
{
    forget_all(keyring, ENTRY_GROUP, group_id);
}

void keyring_forget_hash(struct keyring *keyring, const uint8_t hash[SECRET_HASH_SIZE])
{
    CHECK(keyring != NULL);
    unsigned bucket = bucket_of(keyring, hash);
    struct entry *entry = entry_find(keyring, hash, bucket);
    if (entry != NULL)
        entry_forget(keyring, entry);
    struct unknown *unknown = unknown_find(keyring, hash, bucket);
    if (unknown != NULL)
        unknown_forget(keyring, unknown);
}

unsigned keyring_count(struct keyring *keyring)
{
    CHECK(keyring != NULL);
    book_lock(keyring->book);
    unsigned n = HASH_COUNT(keyring->entries);
    book_unlock(keyring->book);
    return n;
}

struct keyring *keyring_new(struct book *book)
{
    CHECK(book != NULL);
    struct keyring *keyring = calloc(1, sizeof *keyring);
    if (keyring == NULL)
        return NULL;
    keyring->book = book;
    keyring_bound(keyring, KEYRING_RECORDS_MAX, KEYRING_UNKNOWN_MAX);
    secret_random(keyring->bucket_key, sizeof keyring->bucket_key);
    return keyring;
}

void keyring_bound(struct keyring *keyring, unsigned records_max, unsigned unknown_max)
{
    CHECK(keyring != NULL);
    CHECK(records_max > 0);
    CHECK(unknown_max > 0);
    keyring->records_max = records_max;
    keyring->unknown_max = unknown_max;
}

void keyring_free(struct keyring **keyring)
{
    CHECK(keyring != NULL);
    if (*keyring == NULL)
        return;
    entries_limit(*keyring, 0);
    while ((*keyring)->unknown != NULL)
        unknown_forget(*keyring, (*keyring)->unknown);
    free(*keyring);
    *keyring = NULL;
}
