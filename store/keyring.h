/* The keyring: token hash -> key, user and group in one record, cached.
 *
 * Records are immutable but for the account pointers (guarded by the book's mutex) and counted: a
 * request retains the one it was admitted with.  A change of a key, user or group drops the records
 * it touches before the change is acknowledged, so that no request that starts later passes on the
 * old right.  Misses go to the store thread, which looks here again first: one look-up for many
 * waiting requests.  Negative entries live 5 s; above 100,000 records the least recently
 * used go. */
#ifndef STORE_KEYRING_H
#define STORE_KEYRING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/secret.h"
#include "base/str.h"
#include "store/book.h"

/* Networks a key may be used from: IPv4 as ::ffff:0:0/96. */
struct network {
    uint8_t address[16];
    unsigned bits;
};

/* Shell-like patterns, the last match decides; `deny` for those written with '!'. */
struct pattern {
    char *text;
    bool deny;
};

struct key_record {
    atomic_uint references;
    uint8_t hash[SECRET_HASH_SIZE];
    int64_t id, user_id, group_id;
    char *name, *user_name, *group_name;
    bool enabled, user_enabled, group_enabled;
    int64_t expires_ms; /* wall clock; 0 = never */
    uint32_t user_ppm, group_ppm;
    uint32_t group_endpoints;   /* bits of enum endpoint; all set = any */
    struct pattern *key_models; /* none = any */
    unsigned key_model_count;
    struct pattern *group_models;
    unsigned group_model_count;
    struct network *networks; /* none = any */
    unsigned network_count;
    struct quota key_limit, group_quota, group_user_quota;
    /* Under the book's mutex: the accounts of the period last used. */
    struct account *user_account, *key_account, *group_account, *group_user_account;
    int64_t loaded_ms;
};

struct keyring;

#define KEYRING_RECORDS_MAX 100000
#define KEYRING_UNKNOWN_MAX 10000 /* negative entries; beyond, the oldest go */

enum keyring_answer {
    KEYRING_FOUND,   /* *record is given, retained */
    KEYRING_UNKNOWN, /* a fresh negative entry: no such key */
    KEYRING_MISS     /* ask the store (store_key_get) */
};

enum keyring_answer keyring_find(struct keyring *keyring, const uint8_t hash[SECRET_HASH_SIZE],
                                 struct key_record **record);
struct key_record *key_record_retain(struct key_record *record);
/* Any thread; NULL-safe; nulls the pointer. */
void key_record_drop(struct keyring *keyring, struct key_record **record);

/* Enabled, not expired, user enabled, address allowed (an IPv4 address as ::ffff:a.b.c.d; NULL =
 * any that is). Faults: TOKEN_DISABLED, TOKEN_EXPIRED, USER_DISABLED, IP_NOT_ALLOWED. */
MUST_USE enum fault key_record_check(const struct key_record *record, const uint8_t address[16],
                                     int64_t wall_ms);
/* Faults: MODEL_NOT_PERMITTED, TOKEN_MODEL_NOT_PERMITTED (a disabled group permits nothing). */
MUST_USE enum fault key_record_permits_model(const struct key_record *record, struct str model);
/* Faults: ENDPOINT_NOT_PERMITTED. */
MUST_USE enum fault key_record_permits_endpoint(const struct key_record *record,
                                                enum endpoint endpoint);
/* "10.0.0.0/8", "::1", "fe80::/10"; false when it is none. */
MUST_USE bool network_parse(struct str text, struct network *network);
bool network_contains(const struct network *network, const uint8_t address[16]);

/* --- for the store thread ------------------------------------------------------------------- */

/* Nobody else adds or removes: what follows walks the tables without the mutex and takes it only
 * for the change itself, so call it without the book's lock. */

/* Keeps the book until freed; NULL when out of memory. */
MUST_USE struct keyring *keyring_new(struct book *book);
/* NULL-safe; nulls the pointer.  Records given out must have been dropped, holds ended. */
void keyring_free(struct keyring **keyring);
/* Other bounds than the two above (tests). */
void keyring_bound(struct keyring *keyring, unsigned records_max, unsigned unknown_max);
/* Takes *record (built by the store, one reference, its accounts filled in) into the cache and
 * nulls the pointer.  What is here for the hash, a negative entry too, is replaced.  Out of
 * memory: the record is dropped, and the next request asks again. */
void keyring_take(struct keyring *keyring, struct key_record **record);
void keyring_note_unknown(struct keyring *keyring, const uint8_t hash[SECRET_HASH_SIZE]);
/* Forget the records of a key, of a user's keys, of a group's; and what is here for a hash. */
void keyring_forget_key(struct keyring *keyring, int64_t key_id);
void keyring_forget_user(struct keyring *keyring, int64_t user_id);
void keyring_forget_group(struct keyring *keyring, int64_t group_id);
void keyring_forget_hash(struct keyring *keyring, const uint8_t hash[SECRET_HASH_SIZE]);
unsigned keyring_count(struct keyring *keyring);

#endif
