#include "store/keyring.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <cmocka.h>

#include "base/clock.h"

#define NOW INT64_C(1795546800000) /* 2026-11-24T19:00:00Z */
#define READERS 8

static struct book *book;
static struct keyring *keyring;

static int set_up(void **state)
{
    (void)state;
    clock_set(1000000, NOW);
    book = book_new();
    keyring = book != NULL ? keyring_new(book) : NULL;
    return keyring == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    keyring_free(&keyring);
    book_free(&book);
    clock_thaw();
    return 0;
}

struct hash {
    uint8_t bytes[SECRET_HASH_SIZE];
};

static struct hash hash_of(int64_t n)
{
    struct hash hash;
    secret_hash((struct str){(const char *)&n, sizeof n}, hash.bytes);
    return hash;
}

/* As the store builds it: everything on the heap, one reference, accounts filled in. */
static struct key_record *make_record(int64_t id, int64_t user_id, int64_t group_id)
{
    struct key_record *record = calloc(1, sizeof *record);
    assert_non_null(record);
    atomic_init(&record->references, 1);
    memcpy(record->hash, hash_of(id).bytes, sizeof record->hash);
    record->id = id;
    record->user_id = user_id;
    record->group_id = group_id;
    record->name = str_dup(STR("laptop"));
    record->user_name = str_dup(STR("ada"));
    record->group_name = str_dup(STR("default"));
    record->key_models = calloc(1, sizeof *record->key_models);
    record->networks = calloc(1, sizeof *record->networks);
    assert_non_null(record->key_models);
    record->key_models[0].text = str_dup(STR("*"));
    record->key_model_count = 1;
    record->enabled = record->user_enabled = record->group_enabled = true;
    record->key_limit.nusd = record->group_quota.nusd = record->group_user_quota.nusd = -1;
    book_lock(book);
    record->user_account = book_account(book, ACCOUNT_USER, user_id, "", 100, 0);
    record->group_account = book_account(book, ACCOUNT_GROUP, group_id, "", 0, 0);
    book_unlock(book);
    return record;
}

static void take(int64_t id, int64_t user_id, int64_t group_id)
{
    struct key_record *record = make_record(id, user_id, group_id);
    keyring_take(keyring, &record);
    assert_null(record);
}

static enum keyring_answer find(int64_t id, struct key_record **record)
{
    *record = NULL;
    return keyring_find(keyring, hash_of(id).bytes, record);
}

static bool is_here(int64_t id)
{
    struct key_record *record;
    bool here = find(id, &record) == KEYRING_FOUND;
    key_record_drop(keyring, &record);
    return here;
}

static bool account_is_here(enum account_kind kind, int64_t owner)
{
    int64_t held, spent;
    book_lock(book);
    bool here = book_peek(book, kind, owner, "", &held, &spent);
    book_unlock(book);
    return here;
}

/* --- the cache ------------------------------------------------------------------------------ */

static void find_of_what_was_taken_gives_that_record(void **state)
{
    (void)state;
    struct key_record *record;
    take(1, 10, 100);
    take(2, 20, 100);
    assert_int_equal(find(3, &record), KEYRING_MISS);
    assert_null(record);
    assert_int_equal(find(2, &record), KEYRING_FOUND);
    assert_int_equal(record->id, 2);
    assert_int_equal(atomic_load(&record->references), 2);
    key_record_drop(keyring, &record);
    assert_null(record);
    assert_int_equal(keyring_count(keyring), 2);
}

static void take_for_a_hash_that_is_here_replaces_the_record(void **state)
{
    (void)state;
    struct key_record *old, *fresh;
    take(1, 10, 100);
    assert_int_equal(find(1, &old), KEYRING_FOUND);
    take(1, 11, 100);
    assert_int_equal(keyring_count(keyring), 1);
    assert_int_equal(find(1, &fresh), KEYRING_FOUND);
    assert_int_equal(fresh->user_id, 11);
    assert_int_equal(old->user_id, 10); /* still the first holder's */
    key_record_drop(keyring, &old);
    key_record_drop(keyring, &fresh);
}

static void forget_drops_exactly_what_it_names(void **state)
{
    (void)state;
    take(1, 10, 100);
    take(2, 10, 200);
    take(3, 20, 200);
    take(4, 30, 300);
    keyring_forget_key(keyring, 4);
    assert_false(is_here(4));
    keyring_forget_key(keyring, 10); /* a user's id, not a key's */
    assert_int_equal(keyring_count(keyring), 3);
    keyring_forget_user(keyring, 20);
    assert_false(is_here(3));
    assert_true(is_here(2));
    keyring_forget_group(keyring, 200);
    assert_false(is_here(2));
    assert_true(is_here(1));
    keyring_forget_hash(keyring, hash_of(1).bytes);
    assert_int_equal(keyring_count(keyring), 0);
}

static void forgotten_record_lives_with_its_accounts_until_its_holder_drops_it(void **state)
{
    (void)state;
    struct key_record *record;
    take(1, 10, 100);
    assert_int_equal(find(1, &record), KEYRING_FOUND);
    keyring_forget_key(keyring, 1);
    assert_string_equal(record->name, "laptop");
    struct hold hold = {0};
    struct admission admission;
    assert_int_equal(book_admit(book, record, &(struct demand){.nusd = 5}, &hold, &admission),
                     FAULT_NONE);
    key_record_drop(keyring, &record);
    assert_true(account_is_here(ACCOUNT_USER, 10));
    book_settle(book, &hold, 5, 0);
    book_unpin(book, &hold);
    assert_false(account_is_here(ACCOUNT_USER, 10));
    assert_false(account_is_here(ACCOUNT_GROUP, 100));
}

static void drop_of_null_or_half_built_is_harmless(void **state)
{
    (void)state;
    struct key_record *record = NULL;
    key_record_drop(keyring, &record);
    record = calloc(1, sizeof *record);
    assert_non_null(record);
    atomic_init(&record->references, 1);
    key_record_drop(keyring, &record);
    assert_null(record);
}

static void take_above_the_bound_drops_the_least_recently_used(void **state)
{
    (void)state;
    keyring_bound(keyring, 3, KEYRING_UNKNOWN_MAX);
    take(1, 10, 100);
    take(2, 10, 100);
    take(3, 10, 100);
    assert_true(is_here(1)); /* now 2 is the oldest */
    take(4, 10, 100);
    assert_int_equal(keyring_count(keyring), 3);
    assert_false(is_here(2));
    assert_true(is_here(1));
    assert_true(is_here(3));
    assert_true(is_here(4));
}

static void eviction_keeps_accounts_that_others_refer_to(void **state)
{
    (void)state;
    keyring_bound(keyring, 1, KEYRING_UNKNOWN_MAX);
    take(1, 10, 100);
    take(2, 20, 100);
    assert_false(account_is_here(ACCOUNT_USER, 10));
    assert_true(account_is_here(ACCOUNT_GROUP, 100));
}

/* --- negative entries ----------------------------------------------------------------------- */

static void unknown_is_known_for_5_seconds(void **state)
{
    (void)state;
    struct key_record *record;
    keyring_note_unknown(keyring, hash_of(1).bytes);
    assert_int_equal(find(1, &record), KEYRING_UNKNOWN);
    assert_int_equal(find(2, &record), KEYRING_MISS);
    clock_set(1000000 + 4999000, NOW);
    assert_int_equal(find(1, &record), KEYRING_UNKNOWN);
    clock_set(1000000 + 5000000, NOW);
    assert_int_equal(find(1, &record), KEYRING_MISS);
    keyring_note_unknown(keyring, hash_of(1).bytes);
    assert_int_equal(find(1, &record), KEYRING_UNKNOWN);
    assert_int_equal(keyring_count(keyring), 0);
}

static void unknown_ends_when_the_hash_is_forgotten_or_taken(void **state)
{
    (void)state;
    struct key_record *record;
    keyring_note_unknown(keyring, hash_of(1).bytes);
    keyring_forget_hash(keyring, hash_of(1).bytes);
    assert_int_equal(find(1, &record), KEYRING_MISS);
    keyring_note_unknown(keyring, hash_of(1).bytes);
    take(1, 10, 100);
    assert_true(is_here(1));
    keyring_forget_key(keyring, 1);
    assert_int_equal(find(1, &record), KEYRING_MISS);
}

static void note_unknown_above_the_bound_drops_the_oldest(void **state)
{
    (void)state;
    struct key_record *record;
    keyring_bound(keyring, KEYRING_RECORDS_MAX, 2);
    keyring_note_unknown(keyring, hash_of(1).bytes);
    keyring_note_unknown(keyring, hash_of(2).bytes);
    keyring_note_unknown(keyring, hash_of(1).bytes); /* again: now 2 is the oldest */
    keyring_note_unknown(keyring, hash_of(3).bytes);
    assert_int_equal(find(2, &record), KEYRING_MISS);
    assert_int_equal(find(1, &record), KEYRING_UNKNOWN);
    assert_int_equal(find(3, &record), KEYRING_UNKNOWN);
}

/* --- what a record permits ------------------------------------------------------------------ */

static struct network parsed(const char *text)
{
    struct network network;
    assert_true(network_parse(str_of(text), &network));
    return network;
}

static bool contains(const char *network_text, const char *address_text)
{
    struct network network = parsed(network_text);
    struct network address = parsed(address_text); /* a lone address is a network of one */
    return network_contains(&network, address.address);
}

static void check_tells_each_fault_in_order(void **state)
{
    (void)state;
    struct network network = parsed("10.0.0.0/8");
    struct network inside = parsed("10.9.8.7"), outside = parsed("11.0.0.1");
    struct key_record record = {.enabled = true, .user_enabled = true};
    assert_int_equal(key_record_check(&record, outside.address, NOW), FAULT_NONE);
    record.networks = &network;
    record.network_count = 1;
    assert_int_equal(key_record_check(&record, inside.address, NOW), FAULT_NONE);
    assert_int_equal(key_record_check(&record, outside.address, NOW), FAULT_IP_NOT_ALLOWED);
    record.user_enabled = false;
    assert_int_equal(key_record_check(&record, outside.address, NOW), FAULT_USER_DISABLED);
    record.expires_ms = NOW + 1;
    assert_int_equal(key_record_check(&record, outside.address, NOW), FAULT_USER_DISABLED);
    assert_int_equal(key_record_check(&record, outside.address, NOW + 1), FAULT_TOKEN_EXPIRED);
    record.enabled = false;
    assert_int_equal(key_record_check(&record, outside.address, NOW + 1), FAULT_TOKEN_DISABLED);
}

/* "!x" denies, as in the group's list. */
static unsigned patterns_of(const char *list, struct pattern patterns[8])
{
    struct str rest = str_of(list), piece;
    unsigned n = 0;
    while (str_cut(&rest, ' ', &piece)) {
        bool deny = str_starts(piece, STR("!"));
        patterns[n++] = (struct pattern){str_dup(str_from(piece, deny)), deny};
    }
    return n;
}

static enum fault permits(const char *group, const char *key, const char *model)
{
    struct pattern groups[8], keys[8];
    struct key_record record = {.group_enabled = true, .group_models = groups, .key_models = keys};
    record.group_model_count = patterns_of(group, groups);
    record.key_model_count = patterns_of(key, keys);
    enum fault fault = key_record_permits_model(&record, str_of(model));
    for (unsigned i = 0; i < record.group_model_count; i++)
        free(groups[i].text);
    for (unsigned i = 0; i < record.key_model_count; i++)
        free(keys[i].text);
    return fault;
}

static void permits_model_last_match_of_the_group_decides(void **state)
{
    (void)state;
    assert_int_equal(permits("*", "", "gpt-4o"), FAULT_NONE);
    assert_int_equal(permits("", "", "gpt-4o"), FAULT_MODEL_NOT_PERMITTED);
    assert_int_equal(permits("claude-*", "", "gpt-4o"), FAULT_MODEL_NOT_PERMITTED);
    assert_int_equal(permits("* !gpt-4*", "", "gpt-4o"), FAULT_MODEL_NOT_PERMITTED);
    assert_int_equal(permits("* !gpt-4*", "", "gpt-5"), FAULT_NONE);
    assert_int_equal(permits("!gpt-4* *", "", "gpt-4o"), FAULT_NONE);
    assert_int_equal(permits("* !gpt-4* gpt-4o", "", "gpt-4o"), FAULT_NONE);
    assert_int_equal(permits("!gpt-4*", "", "gpt-5"), FAULT_MODEL_NOT_PERMITTED);
}

static void permits_model_needs_the_key_to_match_when_it_lists_any(void **state)
{
    (void)state;
    assert_int_equal(permits("*", "gpt-4o", "gpt-4o"), FAULT_NONE);
    assert_int_equal(permits("*", "gpt-4o", "gpt-5"), FAULT_TOKEN_MODEL_NOT_PERMITTED);
    assert_int_equal(permits("*", "* !gpt-5", "gpt-5"), FAULT_TOKEN_MODEL_NOT_PERMITTED);
    assert_int_equal(permits("gpt-5", "gpt-4o", "gpt-4o"), FAULT_MODEL_NOT_PERMITTED);
}

static void permits_of_a_disabled_group_is_nothing(void **state)
{
    (void)state;
    struct pattern any = {(char[]){"*"}, false};
    struct key_record record = {
        .group_models = &any, .group_model_count = 1, .group_endpoints = UINT32_MAX};
    assert_int_equal(key_record_permits_model(&record, STR("m")), FAULT_MODEL_NOT_PERMITTED);
    assert_int_equal(key_record_permits_endpoint(&record, ENDPOINT_chat),
                     FAULT_ENDPOINT_NOT_PERMITTED);
}

static void permits_endpoint_by_its_bit(void **state)
{
    (void)state;
    struct key_record record = {.group_enabled = true,
                                .group_endpoints = 1u << ENDPOINT_chat | 1u << ENDPOINT_video};
    assert_int_equal(key_record_permits_endpoint(&record, ENDPOINT_chat), FAULT_NONE);
    assert_int_equal(key_record_permits_endpoint(&record, ENDPOINT_video), FAULT_NONE);
    assert_int_equal(key_record_permits_endpoint(&record, ENDPOINT_speech),
                     FAULT_ENDPOINT_NOT_PERMITTED);
}

static void network_contains_by_prefix(void **state)
{
    (void)state;
    assert_true(contains("10.0.0.0/8", "10.255.0.1"));
    assert_false(contains("10.0.0.0/8", "11.0.0.0"));
    assert_true(contains("192.168.4.0/22", "192.168.7.255"));
    assert_false(contains("192.168.4.0/22", "192.168.8.0"));
    assert_true(contains("10.1.2.3/8", "10.9.9.9")); /* host bits do not matter */
    struct network tidy = parsed("10.0.0.0/8"), untidy = parsed("10.1.2.3/8");
    assert_memory_equal(untidy.address, tidy.address, sizeof tidy.address);
    assert_true(contains("1.2.3.4", "1.2.3.4"));
    assert_false(contains("1.2.3.4", "1.2.3.5"));
    assert_true(contains("0.0.0.0/0", "8.8.8.8"));
    assert_false(contains("0.0.0.0/0", "2001:db8::1"));
    assert_true(contains("::/0", "8.8.8.8"));
    assert_true(contains("::ffff:10.0.0.0/104", "10.1.1.1"));
    assert_true(contains("fe80::/10", "febf::1"));
    assert_false(contains("fe80::/10", "fec0::1"));
    assert_true(contains("::1", "::1"));
    assert_false(contains("::1", "::2"));
}

static void network_parse_of_what_is_none_leaves_the_network(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",          "/",           "/8",        "10.0.0.0/",    "10.0.0.0/33", "10.0.0.0/-1",
        "10.0.0/8",  "10.0.0.0/8x", "::1/129",   "fe80::1%eth0", "localhost",   "10.0.0.0/8/8",
        " 10.0.0.1", "010.0.0.1",   "1.2.3.4.5", "::1::",
    };
    struct network network = {.bits = 77};
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(network_parse(str_of(wrong[i]), &network));
    assert_false(network_parse(STR("10.0.0.1\0"), &network));
    assert_false(
        network_parse(STR("1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"), &network));
    assert_int_equal(network.bits, 77);
}

/* --- several threads ------------------------------------------------------------------------ */

struct reader {
    pthread_t thread;
    unsigned number;
    int found;
};

/* A request after the other, while the store thread takes, forgets and evicts. */
static void *run_reader(void *argument)
{
    struct reader *reader = argument;
    for (int i = 0; i < 4000; i++) {
        struct key_record *record;
        struct hold hold = {0};
        struct admission admission;
        if (find((i * 7 + (int)reader->number) % 20, &record) != KEYRING_FOUND)
            continue;
        if (book_admit(book, record, &(struct demand){.nusd = 1}, &hold, &admission) ==
            FAULT_NONE) {
            key_record_drop(keyring, &record);
            book_settle(book, &hold, 0, 0);
            book_unpin(book, &hold);
            reader->found++;
        }
        key_record_drop(keyring, &record);
    }
    return NULL;
}

static void find_while_the_store_changes_everything_is_safe(void **state)
{
    (void)state;
    struct reader readers[READERS];
    keyring_bound(keyring, 12, 4);
    for (int i = 0; i < 20; i++)
        take(i, i % 3, i % 2);
    for (unsigned i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.number = i};
        assert_int_equal(pthread_create(&readers[i].thread, NULL, run_reader, &readers[i]), 0);
    }
    for (int i = 0; i < 2000; i++) {
        take(i % 20, i % 3, i % 2);
        keyring_note_unknown(keyring, hash_of(100 + i % 8).bytes);
        if (i % 50 == 0)
            keyring_forget_user(keyring, i % 3);
        if (i % 70 == 0)
            keyring_forget_group(keyring, i % 2);
        keyring_forget_key(keyring, (i + 10) % 20);
    }
    int found = 0;
    for (unsigned i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
        found += readers[i].found;
    }
    assert_true(found > 0);
    assert_int_equal(book_held(book), 0);
    for (int i = 0; i < 3; i++)
        keyring_forget_user(keyring, i);
    assert_int_equal(keyring_count(keyring), 0);
    for (int i = 0; i < 3; i++)
        assert_false(account_is_here(ACCOUNT_USER, i));
}

#define KEYRING_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    if (!secret_open())
        return 1;
    const struct CMUnitTest tests[] = {
        KEYRING_TEST(find_of_what_was_taken_gives_that_record),
        KEYRING_TEST(take_for_a_hash_that_is_here_replaces_the_record),
        KEYRING_TEST(forget_drops_exactly_what_it_names),
        KEYRING_TEST(forgotten_record_lives_with_its_accounts_until_its_holder_drops_it),
        KEYRING_TEST(drop_of_null_or_half_built_is_harmless),
        KEYRING_TEST(take_above_the_bound_drops_the_least_recently_used),
        KEYRING_TEST(eviction_keeps_accounts_that_others_refer_to),
        KEYRING_TEST(unknown_is_known_for_5_seconds),
        KEYRING_TEST(unknown_ends_when_the_hash_is_forgotten_or_taken),
        KEYRING_TEST(note_unknown_above_the_bound_drops_the_oldest),
        KEYRING_TEST(check_tells_each_fault_in_order),
        KEYRING_TEST(permits_model_last_match_of_the_group_decides),
        KEYRING_TEST(permits_model_needs_the_key_to_match_when_it_lists_any),
        KEYRING_TEST(permits_of_a_disabled_group_is_nothing),
        KEYRING_TEST(permits_endpoint_by_its_bit),
        KEYRING_TEST(network_contains_by_prefix),
        KEYRING_TEST(network_parse_of_what_is_none_leaves_the_network),
        KEYRING_TEST(find_while_the_store_changes_everything_is_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
